package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// missing shunts the entries of a list that is not there or cannot be read, as
// Runner._onefile, and returns how many it is done with. The error is for those
// that could not be shunted, and stay.
func (e *Engine) missing(ctx context.Context, name string, entries []*runner.Entry, why error) (done int, err error) {
	// MMUnknownListError has nothing to say beside the list's name.
	reason := why.Error()
	var arg *maillist.ArgError
	switch {
	case errors.Is(why, maillist.ErrUnknownList):
		reason = ""
	case errors.As(why, &arg):
		reason = arg.Arg
	}
	turn := txn.Outside(ctx, e.Env)
	outcomes := make([]runner.Outcome, len(entries))
	for i, en := range entries {
		turn.Look(name)
		turn.Printf("error", "error opening list: %s\n%s", name, reason)
		turn.Printf("error", "Dequeuing message destined for missing list: %s", name)
		outcomes[i] = runner.Shunted
		err := runner.Guard(func() error {
			var m *message.Message
			m, err := en.Message()
			if err != nil {
				return err
			}
			base, err := turn.Shunt(m, en.Data)
			if err == nil {
				e.noteReason(base, en, fmt.Errorf("error opening list: %w", why))
			}
			return err
		})
		if disk.Passing(err) {
			return 0, err
		}
		if err != nil {
			turn.Printf("error", "SHUNTING FAILED, preserving original entry: %s: %v", en.Base, err)
			outcomes[i] = runner.Preserved
		}
	}
	return e.settle(turn, entries, outcomes)
}
