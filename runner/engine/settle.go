package engine

import (
	"errors"
	"io/fs"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// done counts a batch's committed transaction, and forgets the entries that it has handled.
func (e *Engine) done(b *batch) {
	if b.mode == txn.LockFirst {
		e.holds.lockedDone(b.list)
	} else {
		e.holds.done(b.list, e.batchSize())
	}

	for i, en := range b.taken {
		e.count(b.outcomes[i])
		e.forget(en.Base)
		delete(b.claimed, en.Base)
		if b.outcomes[i] == runner.Kept {
			e.keepForLater(en.Base)
		}
	}

	e.observe(b)
	b.entries = b.entries[len(b.taken):]
	b.reaches, b.cut, b.alone, b.locked = nil, 0, false, false
}

// keepForLater puts an entry back that the handler does not want to handle now. A later pass looks at it again.
func (e *Engine) keepForLater(base string) {
	e.holds.holdEntry(base, e.Env.Now())
	if err := e.Queue.Release(base); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.logError("%s: entry %s stays a .bak file for now: %v", e.Handler.Name(), base, err)
		e.journal.SetUntidy()
	}
}

// stop leaves a batch's list alone for a while. Its entries stay in the queue.
func (e *Engine) stop(b *batch, why error) {
	b.stopped = why
	e.logError("%s: list %s: keeping %d entries in the queue: %v", e.Handler.Name(), b.list, len(b.entries), why)
	e.holds.holdList(b.list, e.Env.Now())
	e.release(b)
}

// leave gives up the rest of a batch. A recovery puts its entries back.
func (e *Engine) leave(b *batch) {
	for _, en := range b.entries {
		if b.claimed[en.Base] {
			e.forget(en.Base)
			e.count(runner.Kept)
		}
	}
	b.entries, b.claimed, b.python = nil, nil, nil
}

// release puts a batch's claimed entries back into the queue.
func (e *Engine) release(b *batch) {
	var why error
	left := 0
	for base := range b.claimed {
		if err := e.Queue.Release(base); err != nil && !errors.Is(err, fs.ErrNotExist) {
			why = err
			left++
			e.forget(base)
		}
	}

	clear(b.claimed)
	if why != nil {
		e.logError("%s: %d entries stay .bak files for now: %v", e.Handler.Name(), left, why)
		if e.journal != nil {
			e.journal.SetUntidy()
		}
	}
}
