package engine

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/journal"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// work has the entries take effect in memory, stages what came of it, and has
// the locks of all lists that it took when it returns; after an error it has
// none. If a list has changed meanwhile, the work is done again under the locks.
// What is returned is in the journal: from then on it is to be finished.
func (e *Engine) work(turn *txn.Turn, b runner.Batch, entries []*runner.Entry) ([]runner.Outcome, *journal.Record, error) {
	for {
		outcomes := make([]runner.Outcome, len(entries))
		for i, en := range entries {
			err := e.journal.InHand(en.Base)
			if err == nil {
				outcomes[i], err = e.apply(turn, b, en)
				turn.Refresh()
			}
			if err != nil {
				var only *pythonOnly
				if errors.As(err, &only) {
					only.at = i
				}
				// The handler must not keep the batch in mind.
				runner.Guard(func() error { return e.Handler.Batched(b) })
				e.abort(turn)
				return nil, nil, err
			}
		}
		err := e.journal.InHand("")
		if err == nil {
			err = runner.Guard(func() error { return e.Handler.Batched(b) })
		}
		var failed runner.Failed
		if errors.As(err, &failed) {
			for i, en := range entries {
				why := failed[en]
				var needs *maillist.ErrNeedsPython
				if errors.As(why, &needs) {
					e.abort(turn)
					return nil, nil, &pythonOnly{ErrNeedsPython: needs, at: i}
				}
				if disk.Passing(why) {
					e.abort(turn)
					return nil, nil, why
				}
				if why != nil {
					if outcomes[i], err = e.shunt(turn, en, why); err != nil {
						e.abort(turn)
						return nil, nil, err
					}
				}
			}
		} else if err != nil {
			e.abort(turn)
			return nil, nil, err
		}
		record, err := e.secure(turn, entries, outcomes)
		if err == nil {
			return outcomes, record, nil
		}
		if !errors.Is(err, runner.ErrChanged) || errors.Is(err, errUnfinished) {
			if !errors.Is(err, errUnfinished) {
				e.abort(turn)
			}
			return nil, nil, err
		}
		if b, err = turn.Again(); err != nil {
			e.abort(turn)
			return nil, nil, err
		}
	}
}

// apply has one entry take effect; one that fails is shunted as by
// Runner._oneloop, and its unsaved changes are taken back. The error is a
// *pythonOnly, or about another list that could not be locked or a file that
// cannot be read now, the entry's own or another: it stays in the queue then.
func (e *Engine) apply(turn *txn.Turn, b runner.Batch, en *runner.Entry) (o runner.Outcome, err error) {
	if err := en.Begin(); err != nil {
		return "", err
	}
	err, failed := en.Work.(error)
	if !failed {
		err = runner.Guard(func() (err error) {
			o, err = e.Handler.Apply(b, en)
			return err
		})
	}
	if err == nil {
		return o, nil
	}
	var needs *maillist.ErrNeedsPython
	if errors.As(err, &needs) {
		return "", &pythonOnly{ErrNeedsPython: needs}
	}
	var locked *runner.LockError
	if errors.As(err, &locked) || disk.Passing(err) {
		// Mailman waits for a lock for as long as it takes; what cannot be read it
		// would shunt the entry for.
		return "", err
	}
	turn.Undo()
	return e.shunt(turn, en, err)
}

// shunt sends an entry that failed to the shunt queue, with its exception in the
// error log. The error is for one that cannot be read now.
func (e *Engine) shunt(turn *txn.Turn, en *runner.Entry, err error) (runner.Outcome, error) {
	var ex runner.Exception
	if errors.As(err, &ex) {
		turn.Printf("error", "Uncaught runner exception: %s", ex.Str())
		turn.Printf("error", "%s", ex.Traceback())
	} else {
		turn.Printf("error", "Uncaught runner exception: %v", err)
	}
	why := err
	data := en.Data.Clone()
	data.Set("whichq", e.Queue.Dir())
	err = runner.Guard(func() error {
		m, err := en.Message()
		if err != nil {
			return err
		}
		base, err := turn.Shunt(m, data)
		if err == nil {
			turn.Printf("error", "SHUNTING: %s", base)
			e.noteReason(base, en, why)
		}
		return err
	})
	if disk.Passing(err) {
		return "", err
	}
	if err != nil {
		turn.Printf("error", "Uncaught runner exception: %v", err)
		turn.Printf("error", "SHUNTING FAILED, preserving original entry: %s", en.Base)
		e.noteReason(en.Base, en, err)
		return runner.Preserved, nil
	}
	return runner.Shunted, nil
}

// noteReason has mmrunner shunt list say why an entry was put aside, under the name that it has then.
func (e *Engine) noteReason(base string, en *runner.Entry, why error) {
	text := why.Error()
	var ex runner.Exception
	if errors.As(why, &ex) {
		if lines := strings.Split(strings.TrimSpace(ex.Traceback()), "\n"); lines[len(lines)-1] != "" {
			text = lines[len(lines)-1]
		}
	}
	r := history.Reason{At: e.Env.Now(), Base: base, Runner: e.Handler.Name(), List: en.List, Why: text}
	// The entry is put aside all the same, and the error log says why too.
	_ = history.AddReason(e.Env.Site.DataDir(), r)
}
