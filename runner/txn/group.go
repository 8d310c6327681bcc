package txn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner"
)

// Group is a number of transactions that are flushed to the disk together and committed one by one. A journal has one
// group at a time.
type Group struct {
	j     *Journal
	mu    sync.Mutex // transactions are prepared and committed in parallel
	txs   []*Tx      // in the order in which they began
	temp  string     // the ending of its temporary files, which no other group has
	noted map[string]bool
	// record is set once the record is on the disk.
	record *Record
	// leftover has temporary files of transactions that were dropped after the record was flushed. The record must be
	// gone before they are removed.
	leftover   []stage.File
	leftOutbox []stage.File // the same for outbox files
}

// temps counts the groups of this process. It begins with a number that no earlier process of the same id has used.
var temps atomic.Int64

func init() { temps.Store(time.Now().UnixMicro()) }

// Group begins a group. bases are the entries that are about to be claimed for it; the journal notes them in place of
// the group before. The error is the file system's.
func (j *Journal) Group(bases []string) (*Group, error) {
	if err := j.note(bases); err != nil {
		return nil, err
	}
	return &Group{
		j:     j,
		temp:  fmt.Sprintf("%s.%d.%d", j.env.Host(), os.Getpid(), temps.Add(1)),
		noted: map[string]bool{},
	}, nil
}

// Begin starts a transaction for a list. The error is ErrNeedsLock, ErrGrouped, a *runner.LockError or that of
// maillist.Open; there is no transaction then.
func (g *Group) Begin(ctx context.Context, name string, mode Mode) (*Tx, runner.Batch, error) {
	tx := g.BeginWithoutList(ctx)
	tx.mode = mode
	l, err := tx.open(name)

	if tx.uncertain && mode != LockFirst {
		err = fmt.Errorf("%s: %w", name, ErrNeedsLock)
	}

	if err != nil {
		return nil, nil, errors.Join(err, tx.Drop())
	}
	return tx, l, nil
}

// BeginWithoutList starts a transaction that changes no list: it has an outbox, files to remove and log lines.
func (g *Group) BeginWithoutList(ctx context.Context) *Tx {
	tx := &Tx{ctx: ctx, env: g.j.env, group: g}
	g.txs = append(g.txs, tx)
	return tx
}

// busy tells whether a transaction of the group, other than but, has a list.
func (g *Group) busy(name string, but *Tx) bool {
	return slices.ContainsFunc(g.txs, func(tx *Tx) bool {
		return tx != but && tx.mode != ReadOnly && (tx.state == working || tx.state == prepared || tx.state == partial) && tx.has(name) != nil
	})
}

// stageIn notes a directory before the first temporary file is made in it. A missing queue directory is made.
func (g *Group) stageIn(dir string, queue bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.noted[dir] {
		return nil
	}

	if queue {
		if err := makeQueue(dir); err != nil {
			return err
		}
	}

	if err := g.j.staging(g.temp, dir); err != nil {
		return err
	}
	g.noted[dir] = true
	return nil
}

// Prepare writes all changed list state under temporary names. Transactions of a group may be prepared beside each other.
// entries are the base names of the entries that the transaction is about, preserved those that it puts into the queue
// bad. After an error the transaction must be dropped.
func (tx *Tx) Prepare(entries, preserved []string) error {
	c := &Commit{Entries: entries, Preserved: preserved, Outbox: tx.outbox, lines: tx.lines, events: tx.events, From: map[string]stage.Identity{}}
	tx.commit = c
	if tx.failed != nil {
		return tx.failed
	}
	if err := tx.writeOutbox(); err != nil {
		return err
	}

	// The journal notes each directory before a temporary file is made in it, so that a recovery finds the file.
	for _, l := range tx.lists {
		if l.save || l.pend != nil {
			if err := tx.group.stageIn(filepath.Clean(l.list.FullPath()), false); err != nil {
				return err
			}
		}

		files, err := l.stage()
		c.Files = append(c.Files, files...)
		if err != nil {
			// A file may be left that could not be removed.
			tx.group.j.SetUntidy()
			return err
		}
	}

	// Held messages that were approved or discarded go with the list's state.
	for _, path := range tx.removals {
		c.Files = append(c.Files, stage.File{Final: path})
	}

	// Lock compares the lists with what they were; a recovery does so too.
	if tx.mode != ReadOnly {
		// Another process may change a list that is only read: that makes no difference.
		for _, l := range tx.lists {
			c.Locks = append(c.Locks, l.name)
			l.files.addTo(c.From, l.list.FullPath())
		}
	}

	tx.state = prepared
	return nil
}

// Flush flushes what was prepared to the disk, and then the record of it. From here on the transactions can be
// committed. After an error all of them must be dropped. A group without transactions has nothing to flush.
func (g *Group) Flush() error {
	r := &Record{}
	var files []stage.File
	locked := false
	for _, tx := range g.txs {
		if tx.state != prepared {
			continue
		}
		r.Commits = append(r.Commits, tx.commit)
		tx.mark = len(r.Commits)
		locked = locked || tx.mode == LockFirst
		files = append(files, tx.commit.Files...)
		files = append(files, tx.commit.Outbox...)
	}

	if len(r.Commits) == 0 {
		return nil
	}
	if err := flush(files, locked); err != nil {
		return err
	}

	// The record may be on the disk even after an error.
	g.record = r
	return g.j.write(r)
}

// fewFiles is the number of files up to which files are flushed one by one. More files are flushed together, with all
// else that their file system has not written yet.
const fewFiles = 4

// flush flushes files, and the directories of their names. each says to flush one by one: under a lock other
// processes' data must not be waited for.
func flush(files []stage.File, each bool) error {
	written := slices.DeleteFunc(slices.Clone(files), func(f stage.File) bool { return f.Tmp == "" })
	if len(written) > fewFiles && !each {
		return disk.SyncTrees(dirsOf(written))
	}

	for _, err := range disk.InParallel(len(written), func(i int) error { return written[i].Sync() }) {
		if err != nil {
			return err
		}
	}

	return syncDirs(dirsOf(written))
}

// dirsOf returns the directories of files, each of them once.
func dirsOf(files []stage.File) (dirs []string) {
	had := map[string]bool{}
	for _, f := range files {
		if dir := filepath.Dir(f.Final); !had[dir] {
			had[dir] = true
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// syncDirs flushes the names in directories. A directory that is gone, like that of a removed list, has nothing to
// flush.
func syncDirs(dirs []string) error {
	if len(dirs) > fewFiles {
		return disk.SyncTrees(dirs)
	}

	for _, dir := range dirs {
		if err := ignoreMissing(disk.SyncDir(dir)); err != nil {
			return err
		}
	}

	return nil
}

// Drop gives up a transaction that was not committed. Its lists' files are as they were, their locks are given back,
// and neither mail nor log lines leave. The error is for temporary files that could not be removed; the journal's
// next recovery removes them.
func (tx *Tx) Drop() error {
	if tx.state == dropped {
		return nil
	}
	tx.state = dropped
	tx.forget()
	tx.unlock()

	g := tx.group
	var files []stage.File

	if tx.commit != nil {
		files = tx.commit.Files
	}

	if g.record != nil && tx.mark > 0 {
		g.leftover = append(g.leftover, files...)
		g.leftOutbox = append(g.leftOutbox, tx.outbox...)
		return nil
	}

	g.j.spare(g.temp, tx.written())
	return g.j.discard(files)
}

// longWait is how long a prepared transaction may wait for a lock: the dates in it are to be those of its commit.
const longWait = 10 * time.Second

// Lock takes the locks of all lists of the transaction that it does not have yet, waiting up to wait for each, and makes
// sure that the lists are as they were when they were read. The error is runner.ErrChanged, ErrNeedsLock, or a
// *runner.LockError; the transaction must be dropped then.
func (tx *Tx) Lock(wait time.Duration) error {
	if tx.mode == ReadOnly {
		return nil
	}
	start := time.Now()

	// The entries' own list comes first, then further lists that an entry has asked for.
	for i, l := range tx.lists {
		if l.lock != nil {
			continue
		}

		if err := tx.take(l, wait); err != nil {
			if i > 0 && tx.ctx.Err() == nil {
				// The lock of a further list: the entry that asks for that list handles the wait, in a transaction of its own.
				return ErrNeedsLock
			}
			return err
		}

		// Another process may have saved the list between reading it and locking it.
		if l.files != identify(tx.env.Site, l.name) {
			return runner.ErrChanged
		}
	}

	// A list that could not be read well without its lock must be read again under it.
	if tx.uncertain && tx.mode != LockFirst {
		return ErrNeedsLock
	}

	// After a long wait the dates in what was prepared are no longer those of the commit.
	if tx.mode != LockFirst && time.Since(start) > longWait {
		return runner.ErrChanged
	}

	return nil
}

// Waited returns how long the transaction has waited for locks.
func (tx *Tx) Waited() time.Duration { return tx.waited }

// Held returns how long the transaction has held its first lock.
func (tx *Tx) Held() time.Duration { return tx.held }
