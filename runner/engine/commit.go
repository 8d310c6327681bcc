package engine

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// commit has one list's entries take effect, in as few commits as can be. It
// returns the entries that stay in the queue.
func (e *Engine) commit(ctx context.Context, name string, entries []*runner.Entry) (kept []*runner.Entry) {
	e.retry()
	if e.blocked[name] || e.unfinishedList(name) {
		return entries
	}
	rest, kept, err := e.claim(entries)
	if err != nil {
		e.block(name, entries, err)
		return entries
	}
	chunk := 1
	for len(rest) > 0 {
		done, err := e.turn(ctx, name, rest)
		rest = rest[done:]
		var only *pythonOnly
		if errors.As(err, &only) {
			n := 1
			if only.whole {
				// Python may bring the list up to date with the first; else more go at a time.
				n, chunk = min(chunk, len(rest)), min(2*chunk, maxChunk)
			}
			done, err = e.delegate(ctx, rest[:n], only)
			rest = rest[done:]
		}
		if err != nil {
			e.block(name, rest, err)
			e.release(rest)
			return append(kept, rest...)
		}
	}
	return kept
}

// claim takes entries out of the queue, and tells those that it got from those
// that stay; one that is gone is neither. The error is the journal's, and then
// none was claimed.
func (e *Engine) claim(entries []*runner.Entry) (claimed, kept []*runner.Entry, err error) {
	bases := make([]string, len(entries))
	for i, en := range entries {
		bases[i] = en.Base
	}
	j, err := e.openJournal()
	if err != nil {
		return nil, nil, err
	}
	if err := j.Claim(bases); err != nil {
		return nil, nil, err
	}
	var why error
	for i, err := range inParallel(bases, e.Queue.Claim) {
		en := entries[i]
		if err == nil {
			claimed = append(claimed, en)
		} else if !errors.Is(err, fs.ErrNotExist) {
			kept, why = append(kept, en), err
		}
	}
	if why != nil {
		// What keeps one of thousands keeps all.
		e.logError("%s: keeping %d entries in the queue: %v", e.Handler.Name(), len(kept), why)
	}
	return claimed, kept, nil
}

// inParallel calls f for each base on a few goroutines, and returns the errors:
// most of a rename is waiting.
func inParallel(bases []string, f func(base string) error) []error {
	const workers = 4
	errs := make([]error, len(bases))
	var wg sync.WaitGroup
	for w := range min(workers, len(bases)) {
		wg.Go(func() {
			for i := w; i < len(bases); i += workers {
				errs[i] = f(bases[i])
			}
		})
	}
	wg.Wait()
	return errs
}

// block leaves a list alone for the rest of this run, and its entries in the
// queue.
func (e *Engine) block(name string, entries []*runner.Entry, why error) {
	e.logError("%s: list %s: keeping %d entries in the queue: %v", e.Handler.Name(), name, len(entries), why)
	e.blocked[name] = true
}

// release puts claimed entries back.
func (e *Engine) release(entries []*runner.Entry) {
	var why error
	left := 0
	for _, en := range entries {
		if err := e.Queue.Release(en.Base); err != nil && !errors.Is(err, fs.ErrNotExist) {
			why = err
			left++
		}
	}
	if why != nil {
		e.logError("%s: %d entries stay .bak files for now: %v", e.Handler.Name(), left, why)
		e.untidy = true
	}
}

// turn commits as many of the entries as it can, and returns how many it is done
// with. A *pythonOnly is about the next one.
func (e *Engine) turn(ctx context.Context, name string, entries []*runner.Entry) (done int, err error) {
	var only *pythonOnly
	begin := txn.Begin
	if e.onlyReads() {
		begin = txn.BeginReading
	}
	for {
		turn, b, err := begin(ctx, e.Env, name)
		if err != nil && turn != nil {
			e.unlock(turn)
		}
		var needs *maillist.ErrNeedsPython
		switch {
		case errors.Is(err, maillist.ErrUnknownList), errors.Is(err, maillist.ErrCorruptList):
			return e.missing(ctx, name, entries, err)
		case errors.As(err, &needs):
			return 0, &pythonOnly{ErrNeedsPython: needs, whole: true}
		case err != nil:
			return 0, err
		}
		outcomes, record, err := e.work(turn, b, entries)
		if errors.As(err, &only) && only.at > 0 {
			// What was made of that entry before this showed must go, so those before it are done anew.
			entries = entries[:only.at]
			continue
		}
		if err == nil {
			err = e.publish(turn, record)
		}
		if errors.Is(err, errUnfinished) {
			// The entries have taken effect, or may have.
			e.counted(entries, nil)
			return len(entries), err
		}
		if err != nil {
			return 0, err
		}
		e.counted(entries, outcomes)
		if only != nil {
			return len(entries), only
		}
		return len(entries), nil
	}
}

// onlyReads tells whether the handler is a Reader.
func (e *Engine) onlyReads() bool {
	_, ok := e.Handler.(runner.Reader)
	return ok
}
