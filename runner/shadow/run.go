package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// Options say what to shadow, and how.
type Options struct {
	Site *site.Site
	// Runners are handlers' names, for example "BounceRunner"; Handler makes them for a private site.
	Runners []string
	Handler func(name string, s *site.Site) (runner.Handler, error)
	// Spool is the directory to work in.
	Spool string
	// Version is mmrunner's, for the report.
	Version string
	// Once replays what is in the queues and ends; otherwise Run goes on until its
	// context ends, and replays what it has collected by then.
	Once bool
	// BatchSize is the number of entries that makes a batch due, Every the time after which it is due anyway. 0 means
	// the defaults.
	BatchSize int
	Every     time.Duration
	// Grace is how long the replay of what was collected may take after the end of Run's context; 0 means the
	// default. What is not replayed by then is counted.
	Grace time.Duration
	// Tell is called after each batch, and when the counts may have changed; it may be nil. The report does not
	// change until it returns.
	Tell func(r *Report, working bool)
}

// Defaults of Options.
const (
	DefaultBatch = 200
	DefaultEvery = 5 * time.Second
	DefaultGrace = 10 * time.Second // Mailman takes 0.4 s for an entry of a large list
)

// shadow is one run.
type shadow struct {
	o       Options
	queues  map[string]string // queue directory -> its usual name
	runners map[string]string // queue's usual name -> runner
	order   []string          // queues, in the order of o.Runners
	collect *collector
	replay  *replayer
	report  Report
	seen    map[string]bool      // entries, by path
	partial map[string]time.Time // entries that were not whole when they were first read
}

// Run shadows a site until ctx ends, or once. The error is for a site that cannot be shadowed. What the two sides did
// differently is in the report.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	if o.BatchSize == 0 {
		o.BatchSize = DefaultBatch
	}

	if o.Every == 0 {
		o.Every = DefaultEvery
	}

	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}

	if o.Tell == nil {
		o.Tell = func(*Report, bool) {}
	}

	// The site's Python does the other half of the work. The spool must be apart from the site, which stays untouched.
	if !o.Site.Probed {
		return nil, fmt.Errorf("%s: got no Python 2.7 to compare with (%w); see `mmrunner probe`", o.Site.Prefix, o.Site.Problem)
	}
	if inside(o.Spool, o.Site.Str("VAR_PREFIX")) {
		return nil, fmt.Errorf("--spool: got %s, need a directory outside of VAR_PREFIX, %s, where nothing is to change", o.Spool, o.Site.Str("VAR_PREFIX"))
	}

	// One shadow for each spool.
	sp, err := openSpool(o.Spool)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sp.close()) }()
	s := &shadow{o: o, queues: map[string]string{}, runners: map[string]string{}, seen: map[string]bool{}, partial: map[string]time.Time{}}
	// The queues to watch, with the runner of each.
	var names []string
	for _, name := range o.Runners {
		h, err := o.Handler(name, o.Site)
		if err != nil {
			return nil, err
		}

		s.queues[o.Site.QueueDir(h.Queue())] = h.Queue()
		s.runners[h.Queue()] = h.Name()
		s.order = append(s.order, h.Queue())
		names = append(names, h.Name())
	}

	s.report = newReport(o)
	s.report.Runners = append(s.report.Runners, names...)
	// The collector copies entries as they come; the replayer gives each batch to both sides.
	if s.collect, err = newCollector(o.Site, sp); err != nil {
		return nil, err
	}
	if s.replay, err = newReplayer(o, sp); err != nil {
		return nil, err
	}
	defer func() {
		// A replayer that was told to end has nothing more to say.
		if e := s.replay.python.close(); ctx.Err() == nil {
			err = errors.Join(err, e)
		}
	}()

	if o.Once {
		err = s.once(ctx)
	} else {
		err = s.live(ctx)
	}

	// The report is complete even when the run ended with an error.
	s.report.Ended, s.report.Running = time.Now(), false
	return &s.report, err
}

// waiting lists the entries of a queue, the oldest first.
func waiting(dir string) ([]string, error) {
	if _, err := os.Stat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}

	q, err := qfile.Open(dir, 0, 1, qfile.Options{})
	if err != nil {
		return nil, err
	}
	return q.Files(qfile.Waiting)
}

// once replays what is in the queues now. Each batch starts from the state in which Python has left the batch before, as
// the runners would.
func (s *shadow) once(ctx context.Context) error {
	for _, queue := range s.order {
		dir := s.o.Site.QueueDir(queue)
		bases, err := waiting(dir)
		if err != nil {
			return err
		}

		for _, base := range bases {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := s.keep(dir, base); err != nil {
				return err
			}

			if g := s.collect.batches[queue]; g != nil && len(g.entries) >= s.o.BatchSize {
				if err := s.work(ctx, queue); err != nil {
					return err
				}
			}
		}

		if err := s.work(ctx, queue); err != nil {
			return err
		}
	}

	return nil
}

// keep copies an entry at once: it may be gone the next moment.
func (s *shadow) keep(dir, base string) error {
	path := filepath.Join(dir, base+qfile.Waiting)
	if s.seen[path] {
		return nil
	}

	// A runner may be faster than this.
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.see(path)
		s.report.Vanished++
		return nil
	}

	if err != nil {
		return err
	}

	// Switchboard renames entries into the queue. Other programs may write them there, so an entry may not be whole yet.
	if !whole(b) && !s.o.Once {
		since, ok := s.partial[path]
		if !ok {
			s.partial[path] = time.Now()
			return nil
		}
		if time.Since(since) < patience {
			return nil
		}
	}

	s.see(path)
	err = s.collect.add(s.queues[dir], base, b)
	if errors.Is(err, errLeftOut) {
		s.report.LeftOut++
		return nil
	}

	return err
}

// patience is how long an entry may take to be written. An entry that is not whole by then is replayed as it is.
const patience = 2 * time.Second

func (s *shadow) see(path string) {
	s.seen[path] = true
	delete(s.partial, path)
}

// retry reads the entries again that were not whole.
func (s *shadow) retry() error {
	for path := range s.partial {
		if err := s.keep(filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), qfile.Waiting)); err != nil {
			return err
		}
	}
	return nil
}

// whole tells whether an entry has both its pickles.
func whole(b []byte) bool {
	_, rest, err := pickle.Load(b)
	if err != nil {
		return false
	}
	_, _, err = pickle.Load(rest)
	return err == nil
}

// work replays a queue's batch, if there is one. The error is that of ctx where it ended meanwhile.
func (s *shadow) work(ctx context.Context, queue string) error {
	if g := s.collect.batches[queue]; g == nil || len(g.entries) == 0 {
		return nil
	}
	g, err := s.collect.take(queue)
	if err != nil {
		return err
	}

	s.o.Tell(&s.report, true)
	b, found := s.replay.run(ctx, g, s.runners[queue])
	if ctx.Err() != nil {
		return ctx.Err()
	}

	s.report.add(b, found)
	if s.o.Once && b.Error == "" {
		s.collect.after = s.collect.spool.path("python")
	}

	s.o.Tell(&s.report, false)
	return nil
}

// done is the result of a replay.
type done struct {
	batch Batch
	found []Difference
}
