package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/journal"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// errUnfinished says that a commit has taken effect, or may have, and is to be
// finished by a later attempt.
var errUnfinished = errors.New("it will be finished when that can be done")

// unfinished is a commit that could not be finished.
type unfinished struct {
	journal *journal.Journal
	record  *journal.Record
	turn    *txn.Turn // holds its locks; nil if its lists are saved
}

// openJournal returns the engine's journal, made when it is first needed.
func (e *Engine) openJournal() (*journal.Journal, error) {
	if e.journal == nil {
		j, err := journal.Open(e.Env, e.Handler.Name(), e.Queue.Dir(), e.Env.Site.QueueDir("bad"))
		if err != nil {
			return nil, err
		}
		e.journal = j
	}
	return e.journal, nil
}

// secure stages what a turn has made, locks its lists, and enters it into the
// journal. After an error nothing of it is left, but for errUnfinished.
func (e *Engine) secure(turn *txn.Turn, entries []*runner.Entry, outcomes []runner.Outcome) (*journal.Record, error) {
	if err := e.journal.Staging(turn.Temp(), turn.Dirs()); err != nil {
		return nil, err
	}
	commit, err := turn.Stage()
	if err != nil {
		// It may be that what was written could not be removed.
		e.untidy = true
		return nil, err
	}
	r := &journal.Record{Commit: *commit}
	for i, en := range entries {
		if outcomes[i] == runner.Preserved {
			r.Preserved = append(r.Preserved, en.Base)
		} else {
			r.Entries = append(r.Entries, en.Base)
		}
	}
	if err = e.journal.Write(r); err == nil {
		err = turn.Secure()
	}
	if err == nil {
		if err = e.journal.Commit(); err == nil {
			err = turn.Held() // it may have taken long
		}
	}
	if err == nil {
		return r, nil
	}
	return nil, e.takeBack(turn, r, err)
}

// takeBack undoes what was staged, after an error that came before any of it was
// put in its place. The turn still has its locks.
func (e *Engine) takeBack(turn *txn.Turn, r *journal.Record, why error) error {
	if err := e.journal.Drop(); err != nil {
		return e.postpone(turn, r, errors.Join(why, err))
	}
	err := r.Discard()
	e.untidy = e.untidy || err != nil
	return errors.Join(why, err)
}

// postpone keeps a commit in the journal, to be finished later.
func (e *Engine) postpone(turn *txn.Turn, r *journal.Record, why error) error {
	if turn != nil {
		turn.Forget()
	}
	e.unfinished = append(e.unfinished, &unfinished{e.journal, r, turn})
	e.journal = nil
	return fmt.Errorf("%w; %w", why, errUnfinished)
}

// publish does what a record in the journal says. After an error other than
// errUnfinished nothing was done, and the turn is over.
func (e *Engine) publish(turn *txn.Turn, r *journal.Record) error {
	if done, err := turn.Publish(&r.Commit); err != nil {
		if done > 0 {
			return e.postpone(turn, r, err)
		}
		if err = e.takeBack(turn, r, err); !errors.Is(err, errUnfinished) {
			e.abort(turn)
		}
		return err
	}
	e.unlock(turn)
	e.stats.Commits++
	if !turn.Locked().IsZero() {
		e.stats.Held += time.Since(turn.Locked())
	}
	for _, f := range r.Files {
		if info, err := disk.Stat(f.Final); err == nil {
			e.stats.ListBytes = max(e.stats.ListBytes, info.Size())
			e.stats.Written += info.Size()
		}
	}
	err := r.Finish(e.Env.Log)
	if err == nil {
		err = e.journal.Done()
	}
	if err != nil {
		return e.postpone(nil, r, err)
	}
	return nil
}

// abort gives up a turn.
func (e *Engine) abort(turn *txn.Turn) {
	turn.Forget()
	e.unlock(turn)
}

// unlock gives a turn's locks back, now or as soon as that can be done: while
// this process lives nobody else may break them.
func (e *Engine) unlock(turn *txn.Turn) {
	if err := turn.Unlock(); err != nil {
		e.logError("%s: %v", e.Handler.Name(), err)
		e.locked = append(e.locked, turn)
	}
}

// retryTime is for how long retry may wait for what another process has, while mail waits.
const retryTime = 10 * time.Second

// retry finishes what could not be finished before, and removes what could not be
// removed. No turn may be in progress.
func (e *Engine) retry() {
	undo := false
	e.locked = slices.DeleteFunc(e.locked, func(t *txn.Turn) bool { return t.Unlock() == nil })
	e.unfinished = slices.DeleteFunc(e.unfinished, func(u *unfinished) bool {
		if u.turn != nil {
			err := u.record.Publish(e.Env)
			if err != nil && !errors.Is(err, journal.ErrUndo) {
				return false
			}
			e.abort(u.turn)
			u.turn = nil
			if err != nil {
				undo = true
				return u.journal.Abandon() == nil
			}
		}
		if u.record.Finish(e.Env.Log) != nil || u.journal.Done() != nil {
			return false
		}
		if err := u.journal.Close(); err != nil {
			e.logError("%s: %v", e.Handler.Name(), err)
		}
		return true
	})
	if e.untidy && e.journal != nil {
		if err := e.journal.Abandon(); err != nil {
			e.logError("%s: %v", e.Handler.Name(), err)
		}
		e.journal, undo = nil, true
	}
	e.untidy = false
	if undo || !e.recoverAt.IsZero() && time.Now().After(e.recoverAt) {
		ctx, cancel := context.WithTimeout(context.Background(), retryTime)
		defer cancel()
		if err := e.recover(ctx); err != nil {
			e.logError("%s: %v", e.Handler.Name(), err)
		}
	}
}

// unfinishedList tells whether a list's locks are held for a commit that is to be
// finished first.
func (e *Engine) unfinishedList(name string) bool {
	return slices.ContainsFunc(e.unfinished, func(u *unfinished) bool {
		return u.turn != nil && slices.Contains(u.record.Locks, name)
	})
}

// closeJournal ends the journal. What could not be finished is left to the next
// who recovers.
func (e *Engine) closeJournal() error {
	e.retry()
	var errs []error
	for _, u := range e.unfinished {
		errs = append(errs, u.journal.Abandon())
		if u.turn != nil {
			errs = append(errs, u.turn.Abort())
		}
	}
	e.unfinished = nil
	for _, turn := range e.locked {
		errs = append(errs, turn.Unlock())
	}
	e.locked = nil
	if e.journal != nil {
		errs = append(errs, e.journal.Close())
		e.journal = nil
	}
	return errors.Join(errs...)
}

// counted counts entries by what became of them; nil outcomes mean that they
// wait to be finished.
func (e *Engine) counted(entries []*runner.Entry, outcomes []runner.Outcome) {
	for i := range entries {
		if outcomes == nil {
			e.count(runner.Kept)
		} else {
			e.count(outcomes[i])
		}
	}
}
