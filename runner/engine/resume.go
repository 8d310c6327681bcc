package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/runner/pyworker"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// stalled is a group of which some list files could not be renamed. It keeps the locks of their lists.
type stalled struct {
	journal *txn.Journal
	group   *txn.Group
}

const (
	// stalledHold is how long a transaction is left alone that was committed and could not be completed.
	stalledHold = 5 * time.Second
	// recoverEvery is the time between two attempts to finish the work of a dead process, where a list's lock could
	// not be taken for example.
	recoverEvery = time.Minute
	// resumeTime is how long a pass may wait for another process in a recovery.
	resumeTime = 10 * time.Second
)

// stall puts a group aside that was committed and could not be completed. Where all of its lists are saved, any
// recovery can complete it.
func (e *Engine) stall(g *txn.Group, why error) {
	e.logError("%s: %v", e.Handler.Name(), why)
	j := e.journal
	e.journal = nil
	j.SetUntidy()
	if g.Partial() {
		e.stalled = append(e.stalled, &stalled{j, g})
		return
	}

	e.abandon(j, stalledHold)
}

// abandon leaves the files that a journal names to a recovery, after a while.
func (e *Engine) abandon(j *txn.Journal, after time.Duration) {
	if err := j.Abandon(); err != nil {
		e.logError("%s: %v", e.Handler.Name(), err)
	}
	e.recoverAt = time.Now().Add(after)
}

// resume completes groups that could not be completed before, and removes files that could not be removed. No group may
// be in progress.
func (e *Engine) resume() {
	// Locks that could not be given back come first: others wait for them.
	if err := e.Env.Unlock(); err != nil {
		e.logError("%s: %v", e.Handler.Name(), err)
	}

	// A group that still cannot be completed waits for the next pass; its lists are skipped until then.
	e.stalled = slices.DeleteFunc(e.stalled, func(s *stalled) bool {
		err := s.group.Resume()
		if err != nil && s.group.Partial() {
			return false
		}
		e.abandon(s.journal, 0)
		return true
	})

	// A journal with files left is handed to a recovery, and a new one is made.
	if e.journal != nil && e.journal.Untidy() {
		e.abandon(e.journal, 0)
		e.journal = nil
	}

	// The recovery runs under the same rules as at the start.
	if !e.recoverAt.IsZero() && !time.Now().Before(e.recoverAt) {
		ctx, cancel := context.WithTimeout(context.Background(), resumeTime)
		defer cancel()
		if err := e.recover(ctx); err != nil {
			e.logError("%s: %v", e.Handler.Name(), err)
		}
	}
}

// closeJournal ends the journal. Work that could not be completed is left to the next recovery.
func (e *Engine) closeJournal() error {
	e.resume()
	var errs []error
	for _, s := range e.stalled {
		errs = append(errs, s.journal.Abandon())
		s.group.Leave()
	}

	e.stalled = nil
	errs = append(errs, e.Env.Unlock())
	if e.journal != nil {
		errs = append(errs, e.journal.Close())
		e.journal = nil
	}

	return errors.Join(errs...)
}

// recover puts in order what dead processes have left. Transactions are finished or undone. Entries of this engine's
// slice that were at hand go back into the queue (Switchboard.recover_backup_files). Files of Mailman's own processes
// are taken over or removed. The end of ctx ends all waiting.
func (e *Engine) recover(ctx context.Context) error {
	r, err := Recover(ctx, e.Env)
	if err != nil {
		return err
	}

	e.recoverAt = time.Time{}
	if len(r.Problems) > 0 {
		e.recoverAt = time.Now().Add(recoverEvery)
	}

	for _, err := range r.Problems {
		e.logError("%s: a transaction is not finished yet: %v", e.Handler.Name(), err)
	}
	if _, err = e.Queue.Recover(func(base string) bool { return r.Taken[base] }); err != nil {
		return err
	}
	e.removeLeftovers()
	return e.takeOver()
}

// Recover finishes or undoes the transactions that mmrunner processes of this host
// had begun when they died. Mailman's own runners know nothing of them. The error
// is txn.Recover's, or for a Python worker that does not end.
func Recover(ctx context.Context, env *txn.Env) (*txn.Recovery, error) {
	if err := pyworker.Await(ctx, env.Site); err != nil {
		return nil, err
	}
	return txn.Recover(ctx, env)
}
