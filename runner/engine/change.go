package engine

import (
	"context"
	"errors"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Change changes a list outside of any entry, in a transaction like those of entries: all of the change takes effect
// or nothing, whenever the process dies. apply may be called more than once, each time with the list as it is then.
// Its changes count when it has called the batch's Save. The error is apply's, or says why the list could not be
// locked or saved.
func Change(ctx context.Context, env *txn.Env, list string, apply func(runner.Batch) error) error {
	if _, err := Recover(ctx, env); err != nil {
		return err
	}
	s := env.Site
	j, err := txn.OpenJournal(env, "mmrunner", s.QueueDir("bounces"), s.QueueDir("bad"))
	if err != nil {
		return err
	}

	err = change(ctx, env, j, list, txn.LockLate, apply)
	if errors.Is(err, runner.ErrChanged) || errors.Is(err, txn.ErrNeedsLock) {
		err = change(ctx, env, j, list, txn.LockFirst, apply)
	}

	if errors.Is(err, txn.ErrUnfinished) {
		// The next recovery completes it.
		return errors.Join(err, j.Abandon(), env.Unlock())
	}

	return errors.Join(err, j.Close(), env.Unlock())
}

// change makes one attempt at a change.
func change(ctx context.Context, env *txn.Env, j *txn.Journal, list string, mode txn.Mode, apply func(runner.Batch) error) error {
	// The steps of a transaction in order; see package txn.
	g, err := j.Group(nil)
	if err != nil {
		return err
	}

	tx, b, err := g.Begin(ctx, list, mode)
	if err != nil {
		return err
	}

	err = apply(b)
	if err == nil {
		err = tx.Prepare(nil, nil)
	}

	if err == nil {
		err = g.Flush()
	}

	if err == nil {
		err = tx.Lock(env.LockTimeout)
	}

	if err == nil {
		err = tx.Commit()
	}

	if err != nil && !errors.Is(err, txn.ErrUnfinished) {
		err = errors.Join(err, tx.Drop())
	}

	return errors.Join(err, g.Complete())
}
