package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// apply applies a batch's entries in memory, until all are applied or the outbox is as large as it may be. b.taken then
// has the applied entries. The transaction must be dropped after an error.
func (e *Engine) apply(tx *txn.Tx, view runner.Batch, b *batch) error {
	b.outcomes = make([]runner.Outcome, len(b.taken))
	if err := e.applyEach(tx, view, b); err != nil {
		// The handler must forget the batch.
		runner.Guard(func() error { return e.Handler.Batched(view) })
		return err
	}

	// Handlers that gather entries, like that for bounces, register them all now.
	err := runner.Guard(func() error { return e.Handler.Batched(view) })
	if refused := refusal(tx); refused != nil {
		return refused
	}

	// Failed entries are shunted one by one; any other error is about the whole batch.
	var failed runner.Failed
	if !errors.As(err, &failed) {
		return err
	}

	for i, en := range b.taken {
		why := failed[en]
		if why == nil {
			continue
		}
		if errors.Is(why, runner.ErrKept) {
			b.outcomes[i] = runner.Kept
			continue
		}
		if err := stays(why, i); err != nil {
			return err
		}

		var err error
		if b.outcomes[i], err = e.shunt(tx, en, why); err != nil {
			return err
		}
	}

	return nil
}

// applyEach calls the handler for each entry.
func (e *Engine) applyEach(tx *txn.Tx, view runner.Batch, b *batch) error {
	start := time.Now()
	for i, en := range b.taken {
		// The journal knows which entry is being applied, in case it kills the process.
		if err := e.journal.InHand(0, en.Base); err != nil {
			return err
		}
		o, err := e.applyOne(tx, view, en, i)
		if refused := refusal(tx); refused != nil {
			return refused
		}
		if err != nil {
			return err
		}

		b.outcomes[i] = o
		tx.Refresh()

		// A full batch ends here: the outbox is in memory, and under the lock time counts too.
		full := tx.Bytes() > batchBytes

		if b.mode == txn.LockFirst {
			full = full || len(tx.Outbox()) >= lockedOutbox || time.Since(start) > lockedTime
		}

		if full {
			b.taken = b.taken[:i+1]
			break
		}
	}

	return e.journal.InHand(0, "")
}

// refusal returns why a transaction cannot go on, whatever the handler has made of it.
func refusal(tx *txn.Tx) error {
	if tx.Conflict() {
		return txn.ErrGrouped
	}
	return tx.Err()
}

// stays returns the error of an entry, the one at index at, that must stay in the queue and not be shunted: only
// Python can handle it, a list could not be locked, or something it needs cannot be read now. Mailman would wait for
// the lock without limit, and would shunt the entry where a file cannot be read.
func stays(err error, at int) error {
	var needs *maillist.ErrNeedsPython
	if errors.As(err, &needs) {
		return &pythonOnly{ErrNeedsPython: needs, at: at}
	}

	var locked *runner.LockError
	if errors.As(err, &locked) || errors.Is(err, runner.ErrChanged) || disk.Temporary(err) {
		return err
	}
	return nil
}

// applyOne applies one entry. An entry that fails is shunted as by Runner._oneloop, and its unsaved changes are taken
// back. The error is for an entry that stays in the queue.
func (e *Engine) applyOne(tx *txn.Tx, view runner.Batch, en *runner.Entry, at int) (o runner.Outcome, err error) {
	if err := en.Begin(); err != nil {
		return "", err
	}
	err, failed := en.Work.(error)
	if !failed {
		err = runner.Guard(func() (err error) {
			o, err = e.Handler.Apply(view, en)
			return err
		})
	}

	if err == nil {
		return o, nil
	}
	if err := stays(err, at); err != nil {
		return "", err
	}
	tx.Undo()
	return e.shunt(tx, en, err)
}

// shunt sends an entry that failed to the shunt queue, with its exception in the error log. The error is for an entry
// that cannot be read now.
func (e *Engine) shunt(tx *txn.Tx, en *runner.Entry, err error) (runner.Outcome, error) {
	runner.LogException(tx, err)

	// bin/unshunt puts the entry back into the queue named by whichq.
	why := err
	data := en.Data.Clone()
	data.Set("whichq", e.Queue.Dir())

	if s, ok := e.Handler.(runner.Shunter); ok {
		data.Set("whichq", e.Env.Site.QueueDir(s.ShuntedFrom()))
	}

	err = runner.Guard(func() error {
		m, err := en.Message()
		if err != nil {
			return err
		}

		base, err := tx.Shunt(m, data)
		if err == nil {
			tx.Printf("error", "SHUNTING: %s", base)
			e.noteReason(base, en, why)
		}

		return err
	})
	if disk.Temporary(err) {
		return "", err
	}

	// As Runner._oneloop: what cannot be shunted is preserved.
	if err != nil {
		runner.LogException(tx, err)
		tx.Printf("error", "SHUNTING FAILED, preserving original entry: %s", en.Base)
		e.noteReason(en.Base, en, err)
		return runner.Preserved, nil
	}

	return runner.Shunted, nil
}

// noteReason notes why an entry was put aside, under its present name, for mmrunner shunt list to show.
func (e *Engine) noteReason(base string, en *runner.Entry, why error) {
	r := history.Reason{At: e.Env.Now(), Base: base, Runner: e.Handler.Name(), List: en.List, Why: why.Error()}
	// The entry is put aside all the same; the error log has the reason too.
	_ = history.AddReason(e.Env.Site.DataDir(), r)
}

// missingList shunts the entries of a list that is not there or cannot be read, as Runner._onefile does. The
// error is for entries that could not be shunted; they stay in the queue.
func (e *Engine) missingList(tx *txn.Tx, name string, entries []*runner.Entry, why error) ([]runner.Outcome, error) {
	// Mailman logs str() of the exception. That of MMUnknownListError is empty, and the log line shows it so.
	reason := why.Error()
	if raised := py.AsError(why); errors.Is(why, maillist.ErrUnknownList) {
		reason = ""
	} else if raised != nil {
		reason = raised.Text
	}

	outcomes := make([]runner.Outcome, len(entries))
	// One round of _onefile's lines for each entry: it logs them for every entry anew.
	for i, en := range entries {
		tx.Look(name)
		tx.Printf("error", "error opening list: %s\n%s", name, reason)
		tx.Printf("error", "Dequeuing message destined for missing list: %s", name)
		outcomes[i] = runner.Shunted

		err := runner.Guard(func() error {
			var m *message.Message
			m, err := en.Message()
			if err != nil {
				return err
			}

			base, err := tx.Shunt(m, en.Data)
			if err == nil {
				e.noteReason(base, en, fmt.Errorf("error opening list: %w", why))
			}

			return err
		})
		// A full disk or a lost transaction: all entries stay, and a later pass tries again.
		if disk.Temporary(err) || tx.Err() != nil {
			return nil, err
		}

		// Runner._oneloop preserves an entry that it cannot shunt.
		if err != nil {
			tx.Printf("error", "SHUNTING FAILED, preserving original entry: %s: %v", en.Base, err)
			outcomes[i] = runner.Preserved
		}
	}

	return outcomes, nil
}
