package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/journal"
	"github.com/mmrunner/mmrunner/runner/pyworker"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// DefaultBatch is how many entries one commit takes at most, the x of the
// original proposal, unless --batch-size says otherwise.
const DefaultBatch = 5000

// Engine runs one handler over one slice of its queue.
type Engine struct {
	Env       *txn.Env
	Handler   runner.Handler
	Queue     *qfile.Queue
	BatchSize int // 0 means DefaultBatch
	// Progress is told how many entries are done of how many; it may be nil.
	Progress func(done, total int)

	slice      int // from 0
	worker     *pyworker.Worker
	journal    *journal.Journal // nil until it is needed
	unfinished []*unfinished
	locked     []*txn.Turn // turns whose locks could not be given back
	recoverAt  time.Time   // when to recover once more; zero for not at all
	untidy     bool        // the journal tells of temporary or .bak files that have to go
	stats      Stats
	inMemory   atomic.Int64    // bytes of the messages that this classify has kept
	blocked    map[string]bool // lists that could not be had in this run
	unreadable map[string]bool // entries that could not be opened
}

// New opens slice n of slices of the handler's queue. Errors are
// qfile.Open's.
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

// Close ends what the engine has started beside itself. The error is the
// Python worker's, or the journal's.
func (e *Engine) Close() error { return errors.Join(e.worker.Close(), e.closeJournal()) }

// Drain handles all entries that wait, and those that come meanwhile, and
// returns what it did. An entry whose list could not be locked or saved stays in
// the queue. The error is for a queue that cannot be read and for an ended ctx.
func (e *Engine) Drain(ctx context.Context) (Stats, error) {
	start := time.Now()
	e.stats = Stats{Runner: e.Handler.Name(), Outcomes: map[runner.Outcome]int{}}
	e.blocked = map[string]bool{}
	e.unreadable = nil
	defer func() { e.stats.Elapsed = time.Since(start) }()
	// What another process has at hand must not be taken for what a dead one left.
	slot, err := TakeAll(e.Env.Site, e.Handler.Name())
	if err == nil {
		defer slot.Free()
		err = e.recover(ctx)
	} else if errors.Is(err, ErrTaken) {
		err = nil
	}
	if err != nil {
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
			if !kept[base] && !e.unreadable[base] {
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

func (e *Engine) count(o runner.Outcome) {
	e.stats.Entries++
	e.stats.add(o)
}

// logError adds a line of mmrunner's own to the error log. Names in it are other people's.
func (e *Engine) logError(format string, a ...any) {
	e.Env.Log.Printf("error", "%s", terminal.Lines(fmt.Sprintf(format, a...)))
}

// pass classifies entries and commits them list by list. It returns those that
// stay in the queue.
func (e *Engine) pass(ctx context.Context, bases []string) (kept []string) {
	entries := e.classify(bases)
	lists := map[string][]*runner.Entry{}
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
	if h, ok := e.Handler.(runner.Orderer); ok {
		order = h.Order(e.Env.Lists, order, lists)
	}
	for _, name := range order {
		if !e.blocked[name] {
			e.Env.Lists.Prepare(name)
		}
		for _, en := range e.commit(ctx, name, lists[name]) {
			kept = append(kept, en.Base)
			e.count(runner.Kept)
		}
	}
	return kept
}
