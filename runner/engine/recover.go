package engine

import (
	"context"
	"time"

	"github.com/mmrunner/mmrunner/runner/journal"
	"github.com/mmrunner/mmrunner/runner/pyworker"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// recoverEvery is how long passes between two attempts to finish what a dead
// process began, where a list's lock could not be had for example.
const recoverEvery = time.Minute

// recover puts in order what processes that died have left: commits are finished
// or undone, and entries of this engine's slice that were at hand go back into
// the queue (Switchboard.recover_backup_files). What Mailman's own processes have
// left is taken over or removed. An ended ctx ends whatever is waited for.
func (e *Engine) recover(ctx context.Context) error {
	r, err := Settle(ctx, e.Env)
	if err != nil {
		return err
	}
	e.recoverAt = time.Time{}
	if len(r.Problems) > 0 {
		e.recoverAt = time.Now().Add(recoverEvery)
	}
	for _, err := range r.Problems {
		e.logError("%s: what a dead process began is not finished yet: %v", e.Handler.Name(), err)
	}
	if _, err = e.Queue.Recover(func(base string) bool { return r.Taken[base] }); err != nil {
		return err
	}
	e.litter()
	return e.inherit()
}

// Settle finishes or undoes the commits that mmrunner processes of this host had
// begun when they died. Mailman's own runners know nothing of them. The error is
// journal.Recover's, or for a Python worker that does not end.
func Settle(ctx context.Context, env *txn.Env) (*journal.Recovery, error) {
	if err := pyworker.Await(ctx, env.Site); err != nil {
		return nil, err
	}
	return journal.Recover(ctx, env)
}
