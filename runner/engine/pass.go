package engine

import (
	"context"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
)

// passOptions say what a pass is to do.
type passOptions struct {
	all  bool // handle entries that may wait too
	once bool // handle one entry at most
	// ready tells when a list's lock may be asked for; a time that is not after now, or nil, means at once.
	ready func(name string) time.Time
}

// pass is one look at the queue.
type pass struct {
	passOptions
	fresh int       // the number of entries that were new
	next  time.Time // the latest time of the next look
}

// at makes the next pass come at t at the latest.
func (p *pass) at(t time.Time) {
	if t.Before(p.next) {
		p.next = t
	}
}

// pass looks at the queue once, and handles the entries that are due. The error is for a queue that cannot be
// read, or a journal that cannot be written.
func (e *Engine) pass(ctx context.Context, o passOptions) (*pass, error) {
	// A group that stalled earlier comes first: its entries hold up later ones of their lists.
	e.resume()
	bases, err := e.Queue.Files(qfile.Waiting)
	if err != nil {
		return nil, err
	}

	// Runner._oneloop with --once stops after a single entry.
	if o.once && len(bases) > 1 {
		bases = bases[:1]
	}

	// Entries that were classified before are kept in e.seen; only new ones are read.
	now := e.Env.Now()
	p := &pass{passOptions: o, next: now.Add(idleScan)}
	fresh := e.unseen(bases, now)
	p.fresh = len(fresh)

	// Bounces wait until REGISTER_BOUNCES_EVERY has passed, so that a list is saved once for many.
	deferrer, defers := e.Handler.(runner.Deferrer)
	due := o.all || !defers || !now.Before(e.deferred)
	waited := false
	// New entries are classified and handled in portions of a batch, which bounds the memory that mail takes.
	for {
		n := min(len(fresh), e.batchSize())
		if err := e.classify(fresh[:n]); err != nil {
			return nil, err
		}

		fresh = fresh[n:]
		waited = waited || len(e.waits) > 0
		e.handleDue(ctx, p, bases, due)
		if len(fresh) == 0 || ctx.Err() != nil {
			break
		}
	}

	// An entry over which a process has died more than once is handled last, so that it cannot hold up the others.
	for _, base := range bases {
		if e.lastly[base] && ctx.Err() == nil {
			if err := e.classifyAlone(base); err != nil {
				return nil, err
			}
			e.handleDue(ctx, p, []string{base}, due)
		}
	}

	// The next moment at which bounces are due counts from a pass that had any.
	if defers && due && waited {
		e.deferred = now.Add(deferrer.Every(e.Env.Site))
	}

	// The pass tells the loop when it wants to be called again.
	for _, h := range e.holds.entries {
		p.at(h.until)
	}
	if len(e.stalled) > 0 || !e.recoverAt.IsZero() {
		p.at(now.Add(stalledHold))
	}

	return p, nil
}

// handleDue handles the seen entries among bases that are due. all says that no entry may wait any longer.
func (e *Engine) handleDue(ctx context.Context, p *pass, bases []string, all bool) {
	batches := e.plan(bases, func(entries []*runner.Entry) []*runner.Entry {
		if all {
			return entries
		}
		due := e.cannotWait(entries)
		if len(due) < len(entries) {
			p.at(e.deferred)
		}
		return due
	})

	e.handle(ctx, p, batches)

	e.Env.Lists.ForgetPended()
	// Thousands of bounces may wait; their messages are not needed meanwhile.
	for _, en := range e.seen {
		en.Drop()
	}
}

// see remembers an entry that was classified.
func (e *Engine) see(en *runner.Entry) {
	e.seen[en.Base] = en
	delete(e.holds.entries, en.Base)
	delete(e.lastly, en.Base)
	if d, ok := e.Handler.(runner.Deferrer); ok && d.Waits(e.Env.Site, en) {
		e.waits[en.Base] = true
	}
}

// forget drops an entry that is done or gone.
func (e *Engine) forget(base string) {
	delete(e.seen, base)
	delete(e.waits, base)
	delete(e.lastly, base)
	delete(e.holds.entries, base)
}

// unseen returns the entries that were not seen before and are not on hold. Entries that have left the queue are
// forgotten.
func (e *Engine) unseen(bases []string, now time.Time) (fresh []string) {
	there := make(map[string]bool, len(bases))
	for _, base := range bases {
		there[base] = true
		if e.seen[base] == nil && !e.lastly[base] && !e.holds.entries[base].until.After(now) {
			fresh = append(fresh, base)
		}
	}

	// All that is remembered by base name.
	var left []string
	for base := range e.holds.entries {
		left = append(left, base)
	}
	for base := range e.lastly {
		left = append(left, base)
	}
	for base := range e.seen {
		left = append(left, base)
	}

	for _, base := range left {
		if !there[base] {
			e.forget(base)
		}
	}

	return fresh
}

// cannotWait returns the entries of one list that are to be handled now. Entries that may wait are among them when
// they fill a batch.
func (e *Engine) cannotWait(entries []*runner.Entry) (now []*runner.Entry) {
	waiting := 0
	for _, en := range entries {
		if e.waits[en.Base] {
			waiting++
		}
	}

	take := waiting - waiting%e.batchSize()
	for _, en := range entries {
		if !e.waits[en.Base] {
			now = append(now, en)
		} else if take > 0 {
			now = append(now, en)
			take--
		}
	}

	return now
}

// finish handles the entries that had to wait, as a runner that ends registers the bounces that it has detected.
func (e *Engine) finish(ctx context.Context) {
	e.resume()
	if len(e.waits) == 0 {
		return
	}

	bases, err := e.Queue.Files(qfile.Waiting)
	if err != nil {
		e.logError("%s: %v", e.Handler.Name(), err)
		return
	}

	batches := e.plan(bases, func(entries []*runner.Entry) (waiting []*runner.Entry) {
		for _, en := range entries {
			if e.waits[en.Base] {
				waiting = append(waiting, en)
			}
		}
		return waiting
	})

	e.handle(ctx, &pass{}, batches)
}
