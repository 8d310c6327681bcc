package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// handle handles batches in rounds, until no batch is left that can be handled now.
func (e *Engine) handle(ctx context.Context, p *pass, batches []*batch) {
	defer func() {
		if e.journal != nil {
			// A spare file that cannot be removed now is left to a recovery, see txn.Journal.Untidy.
			_ = e.journal.RemoveSpares()
		}
	}()

	// skipped has lists some of whose entries stay in the queue: later entries of these lists must stay too, since
	// entries take effect in order.
	skipped := map[string]bool{}
	stay := func(b *batch) {
		e.release(b)
		skipped[b.list] = true
		for _, name := range b.reaches {
			skipped[name] = true
		}
	}

	// A round may put a list off, so the batches are looked through before each round.
	for ctx.Err() == nil {
		batches = slices.DeleteFunc(batches, func(b *batch) bool {
			skip := e.mustSkip(p, b, skipped)
			if skip {
				stay(b)
			}
			return skip
		})

		if len(batches) == 0 {
			return
		}

		// One group of transactions in each round; a batch that was cut goes on in the next one.
		group, rest := e.group(batches)
		// A round that has begun is finished even when ctx ends: half of it would need a recovery.
		e.round(context.WithoutCancel(ctx), group)
		var left []*batch
		for _, b := range group {
			if b.stopped != nil {
				stay(b)
				p.at(e.holds.untilList(b.list))
			} else if len(b.entries) > 0 {
				left = append(left, b)
			}
		}

		batches = append(left, rest...)
		if e.Progress != nil {
			e.Progress(e.stats.Entries, e.stats.Entries+len(e.seen))
		}
	}

	// ctx has ended: what was claimed and not handled gets its .pck name back.
	for _, b := range batches {
		e.release(b)
	}
}

// mustSkip tells whether a batch has to wait for a later pass: its list is on hold, or earlier entries for one of its
// lists stay in the queue.
func (e *Engine) mustSkip(p *pass, b *batch, skipped map[string]bool) bool {
	if skipped[b.list] || slices.ContainsFunc(b.reaches, func(name string) bool { return skipped[name] }) {
		return true
	}
	if slices.ContainsFunc(e.stalled, func(s *stalled) bool { return s.group.Has(b.list) }) {
		return true
	}

	until := e.holds.untilList(b.list)
	if p.ready != nil && !until.After(e.Env.Now()) {
		until = p.ready(b.list)
	}

	if until.After(e.Env.Now()) {
		p.at(until)
		return true
	}

	return false
}

// round handles batches in one group of transactions, each as far as possible. Entries that are left go into another
// round, unless the batch was stopped.
func (e *Engine) round(ctx context.Context, batches []*batch) {
	for _, b := range batches {
		b.attempt = attempt{taken: b.entries[:e.limit(b)], begun: time.Now()}
	}

	// Claim all entries first: then no other process can take them.
	g, err := e.claim(batches)
	if err != nil {
		for _, b := range batches {
			e.stop(b, err)
		}
		return
	}

	// Where the order of lists matters, lists after a postponed one wait for it.
	_, ordered := e.Handler.(runner.Orderer)
	for _, b := range batches {
		if len(b.taken) > 0 {
			e.begin(ctx, g, b)
		}
		if ordered && b.tx == nil && b.alone {
			break
		}
	}

	// Without locks up to here. Commit takes each list's lock for the renames only.
	e.commit(g, batches, e.prepare(batches))

	// Last the entries for Python, when all that came before them has taken effect.
	for _, b := range batches {
		if b.python != nil && b.stopped == nil {
			e.delegate(ctx, b)
		}
	}
}

// claim takes the entries of a round out of the queue, and begins its group. An entry that is gone was taken by
// another process. The error is the journal's; no entry was claimed then.
func (e *Engine) claim(batches []*batch) (*txn.Group, error) {
	j, err := e.openJournal()
	if err != nil {
		return nil, err
	}

	type wanted struct {
		b  *batch
		en *runner.Entry
	}

	// The journal must name all entries, those claimed in an earlier round too: a recovery puts back what it names.
	var bases []string
	var want []wanted
	for _, b := range batches {
		for i, en := range b.entries {
			if b.claimed[en.Base] {
				bases = append(bases, en.Base)
			} else if i < len(b.taken) {
				bases = append(bases, en.Base)
				want = append(want, wanted{b, en})
			}
		}
	}

	g, err := j.Group(bases)
	if err != nil {
		return nil, err
	}

	// Renaming thousands of entries is slow one by one.
	var why error
	lost := map[*runner.Entry]bool{}
	kept := 0
	for i, err := range disk.InParallel(len(want), func(i int) error { return e.Queue.Claim(want[i].en.Base) }) {
		w := want[i]
		if err == nil {
			w.b.claimed[w.en.Base] = true
			continue
		}

		// Another process has the entry, or the disk failed: this round goes on without it.
		lost[w.en] = true
		if errors.Is(err, fs.ErrNotExist) {
			e.forget(w.en.Base)
			continue
		}
		delete(e.seen, w.en.Base)
		e.holds.holdEntry(w.en.Base, e.Env.Now())
		e.count(runner.Kept)
		kept, why = kept+1, err
	}

	if why != nil {
		// One line for all: what keeps one entry in the queue keeps thousands.
		e.logError("%s: keeping %d entries in the queue: %v", e.Handler.Name(), kept, why)
	}

	// Fresh slices: the batch's own may be shared with earlier attempts.
	if len(lost) > 0 {
		for _, b := range batches {
			b.taken = slices.DeleteFunc(slices.Clone(b.taken), func(en *runner.Entry) bool { return lost[en] })
			b.entries = slices.DeleteFunc(slices.Clone(b.entries), func(en *runner.Entry) bool { return lost[en] })
		}
	}

	return g, nil
}

// begin applies a batch's entries in memory. The batch has a transaction then, or says why not.
func (e *Engine) begin(ctx context.Context, g *txn.Group, b *batch) {
	// Where the optimistic way has failed, the lock comes first. Handlers that only read need no lock at all.
	mode := txn.LockLate
	switch {
	case e.lockFirst(b):
		mode = txn.LockFirst
	case e.onlyReads():
		mode = txn.ReadOnly
	}

	b.mode = mode

	// A list that is not there, or that only Python can read, decides about all entries alike.
	tx, view, err := g.Begin(ctx, b.list, mode)
	var needs *maillist.ErrNeedsPython
	switch {
	case err == nil:
		err = e.apply(tx, view, b)
	case errors.Is(err, maillist.ErrUnknownList), errors.Is(err, maillist.ErrCorruptList):
		tx = g.BeginWithoutList(ctx)
		b.outcomes, err = e.missingList(tx, b.list, b.taken, err)
	case errors.As(err, &needs):
		err = &pythonOnly{ErrNeedsPython: needs, whole: true}
	}

	if err == nil {
		b.tx = tx
		return
	}

	if tx != nil {
		// A file that cannot be removed is left to a recovery, see txn.Journal.Untidy.
		_ = tx.Drop()
	}

	e.retryOrStop(b, err)
}

// prepare writes what the batches' transactions have made under temporary names. It returns the batches for which that
// worked.
func (e *Engine) prepare(batches []*batch) (prepared []*batch) {
	begun := slices.DeleteFunc(slices.Clone(batches), func(b *batch) bool { return b.tx == nil })
	// In parallel: each list has files of its own.
	for i, err := range disk.InParallel(len(begun), func(i int) error {
		b := begun[i]
		var entries, preserved []string
		for i, en := range b.taken {
			switch b.outcomes[i] {
			case runner.Kept:
			case runner.Preserved:
				preserved = append(preserved, en.Base)
			default:
				entries = append(entries, en.Base)
			}
		}

		return b.tx.Prepare(entries, preserved)
	}) {
		b := begun[i]
		if err == nil {
			prepared = append(prepared, b)
			continue
		}

		// A file that cannot be removed is left to a recovery, see txn.Journal.Untidy.
		_ = b.tx.Drop()
		b.tx = nil
		e.retryOrStop(b, err)
	}

	return prepared
}

// retryOrStop decides whether a batch whose transaction was dropped gets another attempt.
func (e *Engine) retryOrStop(b *batch, err error) {
	var only *pythonOnly
	switch {
	case errors.Is(err, txn.ErrGrouped):
		// The batch waits for the next round, and comes first in it.
		b.alone = true
	case errors.Is(err, txn.ErrNeedsLock):
		b.locked, b.alone = true, true
	case errors.As(err, &only) && only.at == 0:
		b.python = only
	case errors.As(err, &only):
		// The entry must leave nothing in the transaction, so the entries before it are applied again without it.
		b.cut = only.at
	case errors.Is(err, runner.ErrChanged):
		e.holds.changed(b.list, len(b.taken))
		b.alone = true
	default:
		e.stop(b, err)
	}
}

// commit flushes what was prepared to the disk, and commits it list by list.
func (e *Engine) commit(g *txn.Group, batches, prepared []*batch) {
	// One flush for the whole group. Without it nothing can be committed.
	if err := g.Flush(); err != nil {
		for _, b := range prepared {
			_ = b.tx.Drop()
			e.stop(b, err)
		}
		prepared = nil
	}

	// A list whose lock is not free does not keep the others waiting: it is handled alone, later.
	wait := e.Env.LockTimeout
	if len(prepared) > 1 {
		wait = txn.AnInstant
	}

	// Lock, compare, rename: each list is locked only for that moment, and several lists at a time.
	var done []*batch
	var unfinished error
	for i, err := range disk.InParallel(len(prepared), func(i int) error {
		if err := prepared[i].tx.Lock(wait); err != nil {
			return err
		}
		return prepared[i].tx.Commit()
	}) {
		b := prepared[i]
		switch {
		case err == nil:
			done = append(done, b)
		case errors.Is(err, txn.ErrUnfinished):
			unfinished = err
		// Not committed: the lock was not free in an instant, or the list has changed.
		default:
			_ = b.tx.Drop()
			if wait == txn.AnInstant && errors.Is(err, lockfile.ErrTimeout) {
				b.alone = true
			} else {
				e.retryOrStop(b, err)
			}
		}
	}

	// After the commits: the outbox is published, log lines are written, .bak files go.
	if err := g.Complete(); err != nil {
		if unfinished == nil {
			unfinished = err
		}

		e.stall(g, unfinished)
		// Recovery puts back those entries that have not taken effect.
		for _, b := range batches {
			e.leave(b)
		}
		return
	}

	for _, b := range done {
		e.done(b)
	}
}
