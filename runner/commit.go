package runner

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// commit has one list's entries take effect, in as few commits as can be. It
// returns the entries that stay in the queue.
func (e *Engine) commit(ctx context.Context, name string, entries []*Entry) (kept []*Entry) {
	if e.blocked[name] {
		return entries
	}
	rest, kept := e.claim(entries)
	chunk := 1
	for len(rest) > 0 {
		done, err := e.turn(ctx, name, rest)
		rest = rest[done:]
		var only *pythonOnly
		if errors.As(err, &only) {
			n := 1
			if only.whole {
				// Python may bring the list up to date with the first; else more go at a time.
				n, chunk = min(chunk, len(rest)), min(2*chunk, maxChunk)
			}
			done, err = e.delegate(ctx, rest[:n], only)
			rest = rest[done:]
		}
		if err != nil {
			e.release(name, rest, err)
			return append(kept, rest...)
		}
	}
	return kept
}

// claim takes entries out of the queue, and tells those that it got from those
// that stay; one that is gone is neither.
func (e *Engine) claim(entries []*Entry) (claimed, kept []*Entry) {
	for _, en := range entries {
		if err := e.Queue.Claim(en.Base); err == nil {
			claimed = append(claimed, en)
		} else if !errors.Is(err, fs.ErrNotExist) {
			e.logError("Keeping entry %s in the queue: %v", en.Base, err)
			kept = append(kept, en)
		}
	}
	return claimed, kept
}

// release puts claimed entries back, and leaves their list alone for the rest of
// this run.
func (e *Engine) release(name string, entries []*Entry, why error) {
	e.logError("%s: list %s: keeping %d entries in the queue: %v", e.Handler.Name(), name, len(entries), why)
	e.blocked[name] = true
	for _, en := range entries {
		if err := e.Queue.Release(en.Base); err != nil {
			e.logError("Entry %s stays a .bak file: %v", en.Base, err)
		}
	}
}

// turn commits as many of the entries as it can, and returns how many it is done
// with. A *pythonOnly is about the next one.
func (e *Engine) turn(ctx context.Context, name string, entries []*Entry) (done int, err error) {
	var only *pythonOnly
	for {
		turn, b, err := batch.Begin(ctx, e.Env, name)
		var needs *maillist.ErrNeedsPython
		switch {
		case errors.Is(err, maillist.ErrUnknownList), errors.Is(err, maillist.ErrCorruptList):
			e.missing(name, entries, err)
			return len(entries), nil
		case errors.As(err, &needs):
			return 0, &pythonOnly{ErrNeedsPython: needs, whole: true}
		case err != nil:
			return 0, err
		}
		outcomes, commit, err := e.work(turn, b, entries)
		if errors.As(err, &only) && only.at > 0 {
			// What was made of that entry before this showed must go, so those before it are done anew.
			entries = entries[:only.at]
			continue
		}
		if err == nil {
			err = turn.Publish(commit)
		}
		if err != nil {
			return 0, err
		}
		e.committed(turn, commit, entries, outcomes)
		if only != nil {
			return len(entries), only
		}
		return len(entries), nil
	}
}

// committed counts what was done, and lets the entries go.
func (e *Engine) committed(turn *batch.Turn, commit *batch.Commit, entries []*Entry, outcomes []Outcome) {
	e.stats.Commits++
	e.stats.Held += time.Since(turn.Locked())
	for _, f := range commit.Files {
		if info, err := os.Stat(f.Final); err == nil {
			e.stats.ListBytes = max(e.stats.ListBytes, info.Size())
		}
	}
	for i, en := range entries {
		e.count(outcomes[i])
		if outcomes[i] == Preserved {
			e.Queue.Preserve(en.Base)
		} else {
			e.Queue.Finish(en.Base)
		}
	}
}

// work has the entries take effect in memory, stages what came of it, and has
// the locks of all lists that it took when it returns; after an error it has
// none. If a list has changed meanwhile, the work is done again under the locks.
func (e *Engine) work(turn *batch.Turn, b *batch.Batch, entries []*Entry) ([]Outcome, *batch.Commit, error) {
	for {
		outcomes := make([]Outcome, len(entries))
		for i, en := range entries {
			var err error
			if outcomes[i], err = e.apply(turn, b, en); err != nil {
				var only *pythonOnly
				if errors.As(err, &only) {
					only.at = i
				}
				// The handler must not keep the batch in mind.
				Guard(func() error { return e.Handler.Batched(b) })
				turn.Abort()
				return nil, nil, err
			}
		}
		err := Guard(func() error { return e.Handler.Batched(b) })
		var failed Failed
		if errors.As(err, &failed) {
			for i, en := range entries {
				why := failed[en]
				var needs *maillist.ErrNeedsPython
				if errors.As(why, &needs) {
					turn.Abort()
					return nil, nil, &pythonOnly{ErrNeedsPython: needs, at: i}
				}
				if why != nil {
					outcomes[i] = e.shunt(turn, en, why)
				}
			}
		} else if err != nil {
			turn.Abort()
			return nil, nil, err
		}
		commit, err := turn.Stage()
		if err != nil {
			turn.Abort()
			return nil, nil, err
		}
		err = turn.Secure()
		if err == nil {
			return outcomes, commit, nil
		}
		if err2 := commit.Discard(); err2 != nil {
			e.logError("%s: list %s: %v", e.Handler.Name(), b.List().Name(), err2)
		}
		if !errors.Is(err, batch.ErrChanged) {
			turn.Abort()
			return nil, nil, err
		}
		if b, err = turn.Again(); err != nil {
			return nil, nil, err
		}
	}
}

// apply has one entry take effect; one that fails is shunted as by
// Runner._oneloop, and its unsaved changes are taken back. The error is a
// *pythonOnly, or about an entry that could not be read once more.
func (e *Engine) apply(turn *batch.Turn, b *batch.Batch, en *Entry) (o Outcome, err error) {
	if en.applied {
		if err := en.refresh(); err != nil {
			return "", err
		}
	}
	en.applied = true
	err, failed := en.Work.(error)
	if !failed {
		err = Guard(func() (err error) {
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
	turn.Undo()
	return e.shunt(turn, en, err), nil
}

// shunt sends an entry that failed to the shunt queue, with its exception in the
// error log.
func (e *Engine) shunt(turn *batch.Turn, en *Entry, err error) Outcome {
	var ex Exception
	if errors.As(err, &ex) {
		turn.Printf("error", "Uncaught runner exception: %s", ex.Str())
		turn.Printf("error", "%s", ex.Traceback())
	} else {
		turn.Printf("error", "Uncaught runner exception: %v", err)
	}
	data := en.Data.Clone()
	data.Set("whichq", e.Queue.Dir())
	err = Guard(func() error {
		m, err := en.Message()
		if err != nil {
			return err
		}
		base, err := turn.Shunt(m, data)
		if err == nil {
			turn.Printf("error", "SHUNTING: %s", base)
		}
		return err
	})
	if err != nil {
		turn.Printf("error", "Uncaught runner exception: %v", err)
		turn.Printf("error", "SHUNTING FAILED, preserving original entry: %s", en.Base)
		return Preserved
	}
	return Shunted
}
