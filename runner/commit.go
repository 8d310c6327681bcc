package runner

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// commit applies one list's entries under its lock and saves once. It returns
// the entries that stay in the queue.
func (e *Engine) commit(ctx context.Context, name string, entries []*Entry) (kept []*Entry) {
	if e.blocked[name] {
		return entries
	}
	claimed := entries[:0:0]
	for _, en := range entries {
		if err := e.Queue.Claim(en.Base); err == nil {
			claimed = append(claimed, en)
		} else if !errors.Is(err, fs.ErrNotExist) {
			e.logError("Keeping entry %s in the queue: %v", en.Base, err)
			kept = append(kept, en)
		}
	}
	if len(claimed) == 0 {
		return kept
	}
	release := func(why error) []*Entry {
		e.logError("%s: list %s: keeping %d entries in the queue: %v", e.Handler.Name(), name, len(claimed), why)
		e.blocked[name] = true
		for _, en := range claimed {
			if err := e.Queue.Release(en.Base); err != nil {
				e.logError("Entry %s stays a .bak file: %v", en.Base, err)
			}
		}
		return append(kept, claimed...)
	}

	turn, b, err := batch.Begin(ctx, e.Env, name)
	var needs *maillist.ErrNeedsPython
	switch {
	case errors.Is(err, lockfile.ErrTimeout), errors.As(err, &needs), ctx.Err() != nil:
		return release(err)
	case errors.Is(err, maillist.ErrUnknownList), errors.Is(err, maillist.ErrCorruptList):
		e.missing(name, claimed, err)
		return kept
	case err != nil:
		return release(err)
	}
	outcomes, commit, err := e.work(turn, b, claimed)
	if err == nil {
		err = turn.Publish(commit)
	}
	if err != nil {
		return release(err)
	}
	e.stats.Commits++
	e.stats.Held += time.Since(turn.Locked())
	for _, f := range commit.Files {
		if info, err := os.Stat(f.Final); err == nil {
			e.stats.ListBytes = max(e.stats.ListBytes, info.Size())
		}
	}
	for i, en := range claimed {
		e.count(outcomes[i])
		if outcomes[i] == Preserved {
			e.Queue.Preserve(en.Base)
		} else {
			e.Queue.Finish(en.Base)
		}
	}
	return kept
}

// work has the entries take effect in memory, stages what came of it, and has
// the locks of all lists that it took when it returns; after an error it has
// none. If a list has changed meanwhile, the work is done again under the locks.
func (e *Engine) work(turn *batch.Turn, b *batch.Batch, entries []*Entry) ([]Outcome, *batch.Commit, error) {
	for again := false; ; again = true {
		outcomes := make([]Outcome, len(entries))
		for i, en := range entries {
			if again {
				if err := en.refresh(); err != nil {
					return nil, nil, errors.Join(err, turn.Abort())
				}
			}
			outcomes[i] = e.apply(turn, b, en)
		}
		if err := guard(func() error { return e.Handler.Batched(b) }); err != nil {
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
// Runner._oneloop, and its unsaved changes are taken back.
func (e *Engine) apply(turn *batch.Turn, b *batch.Batch, en *Entry) (o Outcome) {
	err, failed := en.Work.(error)
	if !failed {
		err = guard(func() (err error) {
			o, err = e.Handler.Apply(b, en)
			return err
		})
	}
	if err == nil {
		return o
	}
	turn.Undo()
	var ex Exception
	if errors.As(err, &ex) {
		turn.Printf("error", "Uncaught runner exception: %s", ex.Str())
		turn.Printf("error", "%s", ex.Traceback())
	} else {
		turn.Printf("error", "Uncaught runner exception: %v", err)
	}
	data := en.Data.Clone()
	data.Set("whichq", e.Queue.Dir())
	err = guard(func() error {
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

// missing shunts the entries of a list that is not there or cannot be read, as
// Runner._onefile.
func (e *Engine) missing(name string, entries []*Entry, why error) {
	shunt, err := qfile.Open(e.Env.Site.QueueDir("shunt"), 0, 1, qfile.Options{
		Schema: e.Env.Site.Profile.QfileSchemaVersion,
		Now:    e.Env.Now,
	})
	// MMUnknownListError has nothing to say beside the list's name.
	reason := why.Error()
	if errors.Is(why, maillist.ErrUnknownList) {
		reason = ""
	}
	for _, en := range entries {
		e.logError("error opening list: %s\n%s", name, reason)
		e.logError("Dequeuing message destined for missing list: %s", name)
		var m *message.Message
		e2 := err
		if e2 == nil {
			m, e2 = en.Message()
		}
		if e2 == nil {
			_, e2 = shunt.EnqueueMessage(m, en.Data)
		}
		if e2 != nil {
			e.logError("SHUNTING FAILED, preserving original entry: %s: %v", en.Base, e2)
			e.Queue.Preserve(en.Base)
			e.count(Preserved)
			continue
		}
		e.Queue.Finish(en.Base)
		e.count(Shunted)
	}
}
