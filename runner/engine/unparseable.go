package engine

import (
	"context"
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// unparseable keeps or drops an entry that cannot be read, as Runner._oneloop; but
// Mailman would preserve one that only cannot be opened now.
func (e *Engine) unparseable(base string, err error) {
	if disk.Passing(err) {
		e.keep(base, err)
		return
	}
	claimed, kept, jerr := e.claim([]*runner.Entry{{Base: base}})
	if jerr != nil || len(kept) > 0 {
		e.keep(base, errors.Join(err, jerr))
	}
	if len(claimed) == 0 {
		return // somebody else has it
	}
	turn := txn.Outside(context.Background(), e.Env)
	turn.Printf("error", "Uncaught runner exception: %v", err)
	outcome := runner.Discarded
	if e.Env.Site.Bool("QRUNNER_SAVE_BAD_MESSAGES") {
		turn.Printf("error", "Skipping and preserving unparseable message: %s", base)
		outcome = runner.Preserved
	} else {
		turn.Printf("error", "Ignoring unparseable message: %s", base)
	}
	if done, err := e.settle(turn, claimed, []runner.Outcome{outcome}); done == 0 {
		e.keep(base, err)
		e.release(claimed)
	}
}

// keep leaves an entry in the queue for the rest of this run, or until a loop
// tries it again, and says so once.
func (e *Engine) keep(base string, why error) {
	if e.unreadable[base] {
		return
	}
	e.logError("Keeping entry %s in the queue: %v", base, why)
	e.count(runner.Kept)
	if e.unreadable == nil {
		e.unreadable = map[string]bool{}
	}
	e.unreadable[base] = true
}

// settle commits a turn that is about no list, and returns how many of the
// entries it is done with, which is all or none.
func (e *Engine) settle(turn *txn.Turn, entries []*runner.Entry, outcomes []runner.Outcome) (done int, err error) {
	record, err := e.secure(turn, entries, outcomes)
	if err == nil {
		err = e.publish(turn, record)
	}
	if errors.Is(err, errUnfinished) {
		e.counted(entries, nil)
		return len(entries), err
	}
	if err != nil {
		return 0, err
	}
	e.counted(entries, outcomes)
	return len(entries), nil
}
