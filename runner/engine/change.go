package engine

import (
	"context"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Change has a list changed by hand, in a commit like those of entries: all of it
// takes effect or nothing, whatever the process dies at. apply may be called
// more than once, each time with the list as it is then; what it changes counts if
// it has told the batch to Save. The error is apply's, or says why the list could
// not be locked or saved.
func Change(ctx context.Context, env *txn.Env, list string, apply func(runner.Batch) error) error {
	if _, err := Settle(ctx, env); err != nil {
		return err
	}
	e, err := New(env, change(apply), 0, 1)
	if err != nil {
		return err
	}
	defer e.Close()
	if _, err := e.openJournal(); err != nil {
		return err
	}

	turn, b, err := txn.Begin(ctx, env, list)
	if err != nil {
		if turn != nil {
			e.unlock(turn)
		}
		return err
	}
	_, record, err := e.work(turn, b, nil)
	if err != nil {
		return err
	}
	return e.publish(turn, record)
}

// change is the handler of a commit that has no entries.
type change func(runner.Batch) error

func (change) Name() string                                              { return "mmrunner" }
func (change) Queue() string                                             { return "bounces" }
func (change) Classify(*runner.Entry) error                              { return nil }
func (change) Apply(runner.Batch, *runner.Entry) (runner.Outcome, error) { return "", nil }
func (c change) Batched(b runner.Batch) error                            { return c(b) }
