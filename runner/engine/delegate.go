package engine

import (
	"context"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner"
)

// maxChunk is how many entries of a list that only Python can handle go to it
// between two looks at the list.
const maxChunk = 64

// pythonOnly is about an entry, the one at that index, or a whole list that only
// the installation's Python can handle.
type pythonOnly struct {
	*maillist.ErrNeedsPython
	at    int
	whole bool
}

// Unwrap makes errors.As find the reason.
func (e *pythonOnly) Unwrap() error { return e.ErrNeedsPython }

// delegate has the installation's own runner handle claimed entries of one list,
// and returns how many it is done with. The others are still claimed.
func (e *Engine) delegate(ctx context.Context, entries []*runner.Entry, why *pythonOnly) (done int, err error) {
	bases := make([]string, len(entries))
	for i, en := range entries {
		bases[i] = en.Base
		if err := e.Queue.Release(en.Base); err != nil {
			return 0, err
		}
	}
	// Python saves the list by itself.
	e.Env.Lists.Forget(why.List)
	done, err = e.worker.Handle(ctx, bases)
	for range done {
		e.count(runner.Delegated)
	}
	if err == nil {
		return done, nil
	}
	// What was not come to goes back to where the caller expects it.
	for _, en := range entries[done:] {
		if err2 := e.Queue.Claim(en.Base); err2 != nil {
			e.logError("Entry %s: %v", en.Base, err2)
		}
	}
	return done, fmt.Errorf("%w; %w", why, err)
}
