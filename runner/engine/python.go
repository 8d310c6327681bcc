package engine

import (
	"context"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner"
)

// maxChunk is how many entries at most go to Python between two looks at a list that only Python can handle.
const maxChunk = 64

// pythonOnly is about an entry, the one at index at, or about a whole list, that only the installation's Python can
// handle.
type pythonOnly struct {
	*maillist.ErrNeedsPython
	at    int
	whole bool
}

// Unwrap makes errors.As find the reason.
func (e *pythonOnly) Unwrap() error { return e.ErrNeedsPython }

// delegate has the installation's own runner handle the next entries of a batch.
func (e *Engine) delegate(ctx context.Context, b *batch) {
	why := b.python
	n := 1

	if why.whole {
		// Python may bring the list up to date with the first entry, so that mmrunner can do the rest. Where it does not, more
		// entries go to Python at a time.
		n, b.chunk = min(b.chunk, len(b.taken)), min(2*b.chunk, maxChunk)
	}

	// Python takes entries out of the queue itself.
	var bases []string
	for _, en := range b.entries[:n] {
		if err := e.Queue.Release(en.Base); err != nil {
			e.stop(b, err)
			return
		}
		delete(b.claimed, en.Base)
		bases = append(bases, en.Base)
	}

	// Python saves the list, so what is in memory is old.
	e.Env.Lists.Forget(why.List)
	done, err := e.worker.Handle(ctx, bases)
	for _, base := range bases[:done] {
		e.count(runner.Delegated)
		e.forget(base)
	}

	// The rest of the batch starts afresh: the list may be another now.
	b.entries = b.entries[done:]
	b.cut, b.alone, b.locked = 0, false, false
	if err != nil {
		e.stop(b, fmt.Errorf("%w; %w", why, err))
	}
}
