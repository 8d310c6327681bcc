package txn

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner"
)

// Commit puts the list state of a locked transaction in its place and gives the
// locks back. The first list file that gets its name is the commit point; a
// transaction without one is committed by a line in the journal.
//
// An error that wraps ErrUnfinished says that the transaction is committed and must be resumed; the locks are kept.
// After any other error nothing was done, and the transaction must be dropped. Transactions of a group may be locked
// and committed in parallel.
func (tx *Tx) Commit() error {
	c := tx.commit
	// A transaction that changes no list file is committed by a line in the work file.
	if !c.replaces() {
		tx.group.mu.Lock()
		err := tx.group.j.commit(tx.mark)
		tx.group.mu.Unlock()

		if err != nil {
			// The write may have reached the file all the same.
			tx.state = partial
			return fmt.Errorf("%w; %w", err, ErrUnfinished)
		}
	}

	// Freeing a large replaced file takes time, so it happens after the locks are given back.
	defer holdReplaced(c.Files)()
	for _, f := range c.Files {
		err := f.Publish(func() error { return tx.check(f) })
		if err == nil {
			continue
		}

		// Before the first rename nothing has happened. After it there is no way back, and the rest must be done later.
		err = fmt.Errorf("publishing %s: %w", f.Final, err)
		begun, err2 := c.begun()
		if !begun && err2 == nil && c.replaces() {
			return err
		}

		tx.state = partial
		tx.forget()
		return fmt.Errorf("%w; %w", err, ErrUnfinished)
	}

	tx.published()
	return nil
}

// largeFile is a size above which a file system takes long to free a file.
const largeFile = 1 << 20

// holdReplaced opens the large files that are about to be replaced, so that the file system does not free them while the
// locks are held. The returned function closes them.
func holdReplaced(files []stage.File) (release func()) {
	var held []*os.File
	for _, f := range files {
		replaced := f.Final
		if f.LinkLast != "" {
			replaced = f.LinkLast
		}

		if info, err := disk.Lstat(replaced); err != nil || info.Size() < largeFile || !info.Mode().IsRegular() {
			continue
		}

		// A failure here only costs time.
		if open, err := disk.Open(replaced); err == nil {
			held = append(held, open)
		}
	}

	return func() {
		for _, f := range held {
			_ = f.Close()
		}
	}
}

// check makes sure, right before a file is replaced or removed, that the lists' locks are still ours, and that the
// file is still the one from which the transaction began. A process that was stopped for longer than
// LIST_LOCK_LIFETIME may have lost both.
func (tx *Tx) check(f stage.File) error {
	for _, l := range tx.lists {
		if l.lock == nil {
			continue
		}
		held, err := l.lock.Renew()
		if err == nil && !held {
			err = fmt.Errorf("%w: its lock was broken", runner.ErrChanged)
		}

		if err != nil {
			return fmt.Errorf("list %s: %w", l.name, err)
		}
	}

	same, err := tx.commit.unchanged(f)
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", f.Final, runner.ErrChanged)
	}

	return err
}

// published marks a transaction as committed, and ends what needs its locks.
func (tx *Tx) published() {
	for _, l := range tx.lists {
		if tx.mode != ReadOnly && !l.published() {
			tx.env.Lists.Forget(l.name)
		}

		for _, f := range tx.commit.Files {
			if f.Final == filepath.Join(l.list.FullPath(), "config.pck") {
				tx.env.Lists.notePublished(l.name, f.ID)
			}
		}
	}

	tx.unlock()
	tx.state = committed

	for _, l := range tx.lists {
		if l.save && l.list.Compact() != nil {
			tx.env.Lists.Forget(l.name)
		}
	}
}

// Complete finishes all committed transactions of a group: the outbox, the log lines, the entries. Transactions that
// were not committed are dropped. After an error that wraps ErrUnfinished, which names what is left, Complete may be
// called again.
func (g *Group) Complete() error {
	var done []*Commit
	waits := false
	for _, tx := range g.txs {
		switch tx.state {
		case committed:
			done = append(done, tx.commit)
		case partial:
			waits = true
		case dropped:
		default:
			if err := tx.Drop(); err != nil {
				g.j.SetUntidy()
			}
		}
	}

	// All committed transactions together: one flush serves them all.
	if err := g.j.complete(done); err != nil {
		return fmt.Errorf("%w; %w", err, ErrUnfinished)
	}
	if waits {
		return ErrUnfinished
	}

	// The record goes last: without it nothing is left to finish.
	return g.end(len(done) > 0)
}

// end removes the record, and the temporary files of transactions that were not committed.
func (g *Group) end(worked bool) error {
	if g.record == nil {
		return nil
	}
	forget := g.j.forget

	if !worked || len(g.leftover)+len(g.leftOutbox) > 0 {
		// A loss of power could bring the record back. Files that are gone would then look like files that were
		// renamed.
		forget = g.j.drop
	}

	if err := forget(); err != nil {
		return fmt.Errorf("%w; %w", err, ErrUnfinished)
	}
	g.record = nil
	if err := g.j.discard(g.leftover); err != nil {
		g.j.SetUntidy()
	}

	g.j.spare(g.temp, g.leftOutbox)
	g.leftover, g.leftOutbox = nil, nil
	return nil
}

// Resume tries again to complete transactions that were committed. The error is that of Complete.
func (g *Group) Resume() error {
	for _, tx := range g.txs {
		if tx.state != partial {
			continue
		}
		if err := tx.resume(); err != nil {
			return fmt.Errorf("%w; %w", err, ErrUnfinished)
		}
	}

	return g.Complete()
}

// resume renames the files that are left, under the locks, which may have been broken since.
func (tx *Tx) resume() error {
	// Another process may have broken the lock after its lifetime: then take it again.
	for _, l := range tx.lists {
		held := false
		if l.lock != nil {
			var err error
			if held, err = l.lock.Renew(); err != nil {
				return err
			}
		}

		if held || tx.mode == ReadOnly {
			continue
		}
		tx.env.unlock(l)
		if err := tx.take(l, AnInstant); err != nil {
			return err
		}
	}

	ok, err := tx.commit.finishFiles(tx.env)
	if err != nil {
		return err
	}

	if !ok {
		// No file was renamed before, and now a list has changed: a recovery puts the entries back.
		tx.group.j.SetUntidy()
		return tx.Drop()
	}

	tx.forget()
	tx.published()
	return nil
}

// Partial tells whether list files are left that must be renamed. The locks of their lists are kept then.
func (g *Group) Partial() bool {
	return slices.ContainsFunc(g.txs, func(tx *Tx) bool { return tx.state == partial })
}

// Leave gives back the locks of a group that is left to a recovery.
func (g *Group) Leave() {
	for _, tx := range g.txs {
		tx.unlock()
	}
}

// Has tells whether a group has a list with files that must still be renamed.
func (g *Group) Has(name string) bool {
	for _, tx := range g.txs {
		if tx.state == partial && tx.has(name) != nil {
			return true
		}
	}
	return false
}

// ListBytes returns the sizes of the list files that a transaction has written.
func (tx *Tx) ListBytes() (all []int64) {
	for _, f := range tx.commit.Files {
		if f.Tmp == "" {
			continue
		}
		if info, err := disk.Stat(f.Final); err == nil {
			all = append(all, info.Size())
		}
	}

	return all
}
