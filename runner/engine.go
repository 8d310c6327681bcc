package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// DefaultBatch is how many entries one commit takes at most, the x of the
// original proposal, unless --batch-size says otherwise.
const DefaultBatch = 5000

// Engine runs one handler over one slice of its queue.
type Engine struct {
	Env       *batch.Env
	Handler   Handler
	Queue     *qfile.Queue
	BatchSize int // 0 means DefaultBatch
	// Progress is told how many entries are done of how many; it may be nil.
	Progress func(done, total int)

	stats   Stats
	blocked map[string]bool // lists that could not be had in this run
}

// NewEngine opens slice n of slices of the handler's queue. Errors are
// qfile.Open's.
func NewEngine(env *batch.Env, h Handler, n, slices int) (*Engine, error) {
	q, err := qfile.Open(env.Site.QueueDir(h.Queue()), n, slices, qfile.Options{
		BadDir: env.Site.QueueDir("bad"),
		Schema: env.Site.Profile.QfileSchemaVersion,
		Now:    env.Now,
		Log:    func(line string) { env.Log.Printf("error", "%s", line) },
	})
	if err != nil {
		return nil, err
	}
	return &Engine{Env: env, Handler: h, Queue: q}, nil
}

// Drain handles all entries that wait, and those that come meanwhile, and
// returns what it did. An entry whose list could not be locked or saved stays in
// the queue. The error is for a queue that cannot be read and for an ended ctx.
func (e *Engine) Drain(ctx context.Context) (Stats, error) {
	start := time.Now()
	e.stats = Stats{Runner: e.Handler.Name(), Outcomes: map[Outcome]int{}}
	e.blocked = map[string]bool{}
	defer func() { e.stats.Elapsed = time.Since(start) }()
	if _, err := e.Queue.Recover(nil); err != nil {
		return e.stats, err
	}
	kept := map[string]bool{}
	for ctx.Err() == nil {
		bases, err := e.Queue.Files(qfile.Waiting)
		if err != nil {
			return e.stats, err
		}
		fresh := bases[:0]
		for _, base := range bases {
			if !kept[base] {
				fresh = append(fresh, base)
			}
		}
		if len(fresh) == 0 {
			break
		}
		for len(fresh) > 0 && ctx.Err() == nil {
			n := min(len(fresh), e.batchSize())
			for _, base := range e.pass(ctx, fresh[:n]) {
				kept[base] = true
			}
			fresh = fresh[n:]
			if e.Progress != nil {
				e.Progress(e.stats.Entries, e.stats.Entries+len(fresh))
			}
		}
	}
	e.stats.Elapsed = time.Since(start)
	return e.stats, ctx.Err()
}

func (e *Engine) batchSize() int {
	if e.BatchSize > 0 {
		return e.BatchSize
	}
	return DefaultBatch
}

func (e *Engine) count(o Outcome) {
	e.stats.Entries++
	e.stats.add(o)
}

func (e *Engine) logError(format string, a ...any) { e.Env.Log.Printf("error", format, a...) }

// pass classifies entries and commits them list by list. It returns those that
// stay in the queue.
func (e *Engine) pass(ctx context.Context, bases []string) (kept []string) {
	entries := e.classify(bases)
	lists := map[string][]*Entry{}
	var order []string
	for _, en := range entries {
		if en == nil {
			continue
		}
		if lists[en.List] == nil {
			order = append(order, en.List)
		}
		lists[en.List] = append(lists[en.List], en)
	}
	for _, name := range order {
		for _, en := range e.commit(ctx, name, lists[name]) {
			kept = append(kept, en.Base)
			e.count(Kept)
		}
	}
	return kept
}

// classify reads and classifies entries on all processors. An entry that cannot
// be read is dealt with here, and is nil in what is returned.
func (e *Engine) classify(bases []string) []*Entry {
	entries := make([]*Entry, len(bases))
	failed := make([]error, len(bases))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				entries[i], failed[i] = e.load(bases[i])
			}
		}()
	}
	for i := range bases {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, err := range failed {
		if err == nil {
			continue
		}
		entries[i] = nil
		if !errors.Is(err, fs.ErrNotExist) {
			e.unparseable(bases[i], err)
		}
	}
	return entries
}

// load reads one entry where it lies and has it classified.
func (e *Engine) load(base string) (en *Entry, err error) {
	it, err := e.Queue.Read(base, qfile.Waiting)
	if err != nil {
		return nil, err
	}
	m, err := it.Parse()
	if err != nil {
		return nil, err
	}
	en = &Entry{Base: base, Data: it.Data, List: it.Data.Str("listname"), msg: m}
	en.read = func() (*message.Message, error) {
		it, err := e.Queue.Read(base, qfile.Claimed)
		if err != nil {
			return nil, err
		}
		return it.Parse()
	}
	if en.List == "" {
		en.List = e.Env.Site.Str("MAILMAN_SITE_LIST")
	}
	en.List = maillist.Lower(en.List)
	if err := guard(func() error { return e.Handler.Classify(en) }); err != nil {
		en.Work = err
	}
	return en, nil
}

// guard turns a panic into an error with the place it came from, as Runner.py's
// catch-all turns an exception into a log line.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			trace := make([]byte, 4096)
			trace = trace[:runtime.Stack(trace, false)]
			if e, ok := p.(error); ok {
				err = fmt.Errorf("%w\n%s", e, trace)
			} else {
				err = fmt.Errorf("%v\n%s", p, trace)
			}
		}
	}()
	return f()
}

// unparseable keeps or drops an entry that cannot be read, as Runner._oneloop.
func (e *Engine) unparseable(base string, err error) {
	if e.Queue.Claim(base) != nil {
		return // somebody else has it
	}
	e.logError("Uncaught runner exception: %v", err)
	if e.Env.Site.Bool("QRUNNER_SAVE_BAD_MESSAGES") {
		e.logError("Skipping and preserving unparseable message: %s", base)
		e.Queue.Preserve(base)
		e.count(Preserved)
		return
	}
	e.logError("Ignoring unparseable message: %s", base)
	e.Queue.Finish(base)
	e.count(Discarded)
}

// commit applies one list's entries under its lock and saves once. It returns
// the entries that stay in the queue.
func (e *Engine) commit(ctx context.Context, name string, entries []*Entry) (kept []*Entry) {
	if e.blocked[name] {
		return entries
	}
	claimed := entries[:0:0]
	for _, en := range entries {
		if err := e.Queue.Claim(en.Base); err == nil {
			claimed = append(claimed, en)
		} else if !errors.Is(err, fs.ErrNotExist) {
			e.logError("Keeping entry %s in the queue: %v", en.Base, err)
			kept = append(kept, en)
		}
	}
	if len(claimed) == 0 {
		return kept
	}
	release := func(why error) []*Entry {
		e.logError("%s: list %s: keeping %d entries in the queue: %v", e.Handler.Name(), name, len(claimed), why)
		e.blocked[name] = true
		for _, en := range claimed {
			if err := e.Queue.Release(en.Base); err != nil {
				e.logError("Entry %s stays a .bak file: %v", en.Base, err)
			}
		}
		return append(kept, claimed...)
	}

	turn, b, err := batch.Begin(ctx, e.Env, name)
	var needs *maillist.ErrNeedsPython
	switch {
	case errors.Is(err, lockfile.ErrTimeout), errors.As(err, &needs), ctx.Err() != nil:
		return release(err)
	case errors.Is(err, maillist.ErrUnknownList), errors.Is(err, maillist.ErrCorruptList):
		e.missing(name, claimed, err)
		return kept
	case err != nil:
		return release(err)
	}
	outcomes := make([]Outcome, len(claimed))
	for i, en := range claimed {
		outcomes[i] = e.apply(turn, b, en)
	}
	if err := guard(func() error { return e.Handler.Batched(b) }); err != nil {
		turn.Abort()
		return release(err)
	}
	commit, err := turn.Stage()
	if err != nil {
		turn.Abort()
		return release(err)
	}
	if err := turn.Publish(commit); err != nil {
		e.logError("%s: list %s: %v", e.Handler.Name(), name, err)
		return release(err)
	}
	e.stats.Commits++
	e.stats.Held += time.Since(turn.Locked())
	for _, f := range commit.Files {
		if info, err := os.Stat(f.Final); err == nil {
			e.stats.ListBytes = max(e.stats.ListBytes, info.Size())
		}
	}
	for i, en := range claimed {
		e.count(outcomes[i])
		e.Queue.Finish(en.Base)
	}
	return kept
}

// apply has one entry take effect; one that fails is shunted as by
// Runner._oneloop, and its unsaved changes are taken back.
func (e *Engine) apply(turn *batch.Turn, b *batch.Batch, en *Entry) (o Outcome) {
	err, failed := en.Work.(error)
	if !failed {
		err = guard(func() (err error) {
			o, err = e.Handler.Apply(b, en)
			return err
		})
	}
	if err == nil {
		return o
	}
	turn.Undo()
	var ex Exception
	if errors.As(err, &ex) {
		turn.Printf("error", "Uncaught runner exception: %s", ex.Str())
		turn.Printf("error", "%s", ex.Traceback())
	} else {
		turn.Printf("error", "Uncaught runner exception: %v", err)
	}
	data := en.Data.Clone()
	data.Set("whichq", e.Queue.Dir())
	err = guard(func() error {
		m, err := en.Message()
		if err != nil {
			return err
		}
		base, err := turn.Shunt(m, data)
		if err == nil {
			turn.Printf("error", "SHUNTING: %s", base)
		}
		return err
	})
	if err != nil {
		turn.Printf("error", "Uncaught runner exception: %v", err)
		turn.Printf("error", "SHUNTING FAILED, preserving original entry: %s", en.Base)
		e.Queue.Preserve(en.Base)
		return Preserved
	}
	return Shunted
}

// missing shunts the entries of a list that is not there or cannot be read, as
// Runner._onefile.
func (e *Engine) missing(name string, entries []*Entry, why error) {
	shunt, err := qfile.Open(e.Env.Site.QueueDir("shunt"), 0, 1, qfile.Options{
		Schema: e.Env.Site.Profile.QfileSchemaVersion,
		Now:    e.Env.Now,
	})
	// MMUnknownListError has nothing to say beside the list's name.
	reason := why.Error()
	if errors.Is(why, maillist.ErrUnknownList) {
		reason = ""
	}
	for _, en := range entries {
		e.logError("error opening list: %s\n%s", name, reason)
		e.logError("Dequeuing message destined for missing list: %s", name)
		var m *message.Message
		e2 := err
		if e2 == nil {
			m, e2 = en.Message()
		}
		if e2 == nil {
			_, e2 = shunt.EnqueueMessage(m, en.Data)
		}
		if e2 != nil {
			e.logError("SHUNTING FAILED, preserving original entry: %s: %v", en.Base, e2)
			e.Queue.Preserve(en.Base)
			e.count(Preserved)
			continue
		}
		e.Queue.Finish(en.Base)
		e.count(Shunted)
	}
}
