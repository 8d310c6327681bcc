// Package engine finds a queue's entries and has them handled: it classifies
// them with no lock held, and has those of each list applied in as few
// transactions as can be (runner/txn). What they mean is for a [runner.Handler].
//
// A pass (pass.go) looks at the queue once: it classifies new entries
// (classify.go), puts those that are due into batches, one a list (plan.go), and has
// them handled in rounds (round.go). A round is one group of transactions:
// several small lists are prepared one after the other (apply.go), flushed
// together and committed one by one. [Engine.Drain] makes passes until the queue
// is empty; a [Loop] makes them for ever, as new entries come.
//
// What was tried in vain is remembered in one place (holds.go) and tried again
// later; what was committed and could not be completed is resumed (resume.go).
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/pyworker"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// DefaultBatch is how many entries one transaction takes at most, the x of the
// original proposal, unless --batch-size says otherwise.
const DefaultBatch = 5000

// Engine runs one handler over one slice of its queue. It is for one goroutine.
type Engine struct {
	Env       *txn.Env
	Handler   runner.Handler
	Queue     *qfile.Queue
	BatchSize int // 0 means DefaultBatch
	// Progress is told how many entries are done of how many; it may be nil.
	Progress func(done, total int)
	// Observe is told of each transaction; it may be nil.
	Observe func(history.Commit)

	slice  int // from 0
	worker *pyworker.Worker
	stats  Stats

	journal *txn.Journal // nil until it is needed
	stalled []*stalled
	// recoverAt is when to recover once more; zero means that no recovery is due.
	recoverAt time.Time

	seen     map[string]*runner.Entry // classified entries, by base name
	waits    map[string]bool          // the entries among them that may wait
	lastly   map[string]bool          // entries that are to be classified after all others
	deferred time.Time                // when the waiting entries are handled next: BounceMixin._nextaction
	holds    holds
	failed   string // why the queue could not be read
}

// New opens slice n of slices of the handler's queue. Errors are qfile.Open's.
func New(env *txn.Env, h runner.Handler, n, slices int) (*Engine, error) {
	q, err := qfile.Open(env.Site.QueueDir(h.Queue()), n, slices, qfile.Options{
		BadDir: env.Site.QueueDir("bad"),
		Schema: env.Site.Profile.QfileSchemaVersion,
		Now:    env.Now,
		Log:    func(line string) { env.Log.Printf("error", "%s", line) },
	})
	if err != nil {
		return nil, err
	}
	return &Engine{Env: env, Handler: h, Queue: q, slice: n, worker: pyworker.New(env.Site, h.Name())}, nil
}

// Open is New for a handler, and where it is a runner.Feeder also for the handler that it feeds. Errors are those of
// New.
func Open(env *txn.Env, h runner.Handler, n, slices int) ([]*Engine, error) {
	e, err := New(env, h, n, slices)
	if err != nil {
		return nil, err
	}

	engines := []*Engine{e}
	if f, ok := h.(runner.Feeder); ok {
		more, err := Open(env, f.Feeds(), n, slices)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		engines = append(engines, more...)
	}

	return engines, nil
}

// Close ends what the engine has started: the Python worker, the journal, and the handler. The error is theirs.
func (e *Engine) Close() error {
	err := errors.Join(e.worker.Close(), e.closeJournal())
	if c, ok := e.Handler.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

// stopOn makes a handler whose work takes long end when ctx ends. The returned function undoes that.
func (e *Engine) stopOn(ctx context.Context) (forget func() bool) {
	s, ok := e.Handler.(runner.Stopper)
	if !ok {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, s.Stop)
}

// start forgets what an earlier run has seen. final says that an entry that could not be handled is not tried again
// in this run.
func (e *Engine) start(final bool) {
	e.stats = Stats{Runner: e.Handler.Name(), Outcomes: map[runner.Outcome]int{}}
	e.seen, e.waits, e.lastly = map[string]*runner.Entry{}, map[string]bool{}, map[string]bool{}
	e.holds = newHolds(final)
	e.failed = ""
	if d, ok := e.Handler.(runner.Deferrer); ok {
		e.deferred = e.Env.Now().Add(d.Every(e.Env.Site))
	}
}

// Drain handles all entries that wait, and those that come meanwhile, and returns what it did. An entry whose list could
// not be locked or saved stays in the queue. The error is for a queue that cannot be read and for an ended ctx.
func (e *Engine) Drain(ctx context.Context) (Stats, error) {
	begin := time.Now()
	defer e.stopOn(ctx)()

	// The lock on the queue tells a dead process's entries from those that a live runner has at hand: only with it is there
	// a recovery.
	slice, err := lockQueue(e.Env.Site, e.Handler.Name())
	switch {
	case err == nil:
		defer slice.Unlock()
		e.start(true)
		err = e.recover(ctx)
	case errors.Is(err, ErrTaken):
		e.start(true)
		err = nil
	}

	if err != nil {
		return e.stats, err
	}

	// Until a pass finds no entry that it had not seen before.
	for ctx.Err() == nil {
		var p *pass
		if p, err = e.pass(ctx, passOptions{all: true}); err != nil || p.fresh == 0 {
			break
		}
	}

	// What was seen and not handled stays in the queue.
	for range e.seen {
		e.count(runner.Kept)
	}
	e.stats.Elapsed = time.Since(begin)
	return e.stats, errors.Join(err, ctx.Err())
}

func (e *Engine) batchSize() int {
	size := DefaultBatch
	if e.BatchSize > 0 {
		size = e.BatchSize
	}
	if l, ok := e.Handler.(runner.Limiter); ok {
		size = min(size, l.BatchLimit())
	}
	return size
}

func (e *Engine) count(o runner.Outcome) {
	e.stats.Entries++
	e.stats.add(o)
}

// logError adds a line of mmrunner's own to the error log. Names in it are other people's.
func (e *Engine) logError(format string, a ...any) {
	e.Env.Log.Printf("error", "%s", terminal.Lines(fmt.Sprintf(format, a...)))
}

// openJournal returns the engine's journal. It is made when it is first needed, and again when files are left of
// which only a recovery can take care.
func (e *Engine) openJournal() (*txn.Journal, error) {
	if e.journal != nil && e.journal.Untidy() {
		e.abandon(e.journal, 0)
		e.journal = nil
	}

	if e.journal == nil {
		j, err := txn.OpenJournal(e.Env, e.Handler.Name(), e.Queue.Dir(), e.Env.Site.QueueDir("bad"))
		if err != nil {
			return nil, err
		}
		e.journal = j
	}

	return e.journal, nil
}

// onlyReads tells whether the handler is a runner.Reader.
func (e *Engine) onlyReads() bool {
	_, ok := e.Handler.(runner.Reader)
	return ok
}
