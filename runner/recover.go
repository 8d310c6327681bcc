package runner

import (
	"context"

	"github.com/mmrunner/mmrunner/runner/journal"
	"github.com/mmrunner/mmrunner/runner/pyworker"
)

// recover puts in order what processes that died have left: commits are finished
// or undone, and entries of this engine's slice that were at hand go back into
// the queue (Switchboard.recover_backup_files). What Mailman's own processes have
// left is taken over or removed.
func (e *Engine) recover() error {
	if err := pyworker.Await(context.Background(), e.Env.Site); err != nil {
		return err
	}
	r, err := journal.Recover(context.Background(), e.Env)
	if err != nil {
		return err
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
