package txn

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner"
)

// Mode says when a transaction locks its lists.
type Mode int

const (
	// LockLate reads lists without their locks, and takes the locks for the commit only. A list that has changed by
	// then is ErrChanged.
	LockLate Mode = iota
	// LockFirst takes a list's lock before it reads the list. It is for a list that other processes save all the
	// time, and for one that must be repaired.
	LockFirst
	// ReadOnly takes no lock and saves no list. Other processes may save the lists meanwhile.
	ReadOnly
)

var (
	// ErrNeedsLock says that a list can only be read under its lock: something about it must be logged or repaired.
	ErrNeedsLock = errors.New("the list cannot be read without its lock")
	// ErrGrouped says that another transaction of the group has the list and is not committed yet.
	ErrGrouped = errors.New("another transaction of the group has the list")
	// ErrUnfinished says that a transaction has been committed, and that a later attempt must complete it.
	ErrUnfinished = errors.New("it will be completed when that can be done")
)

// Tx is one transaction. It is for one goroutine.
type Tx struct {
	ctx    context.Context
	env    *Env
	group  *Group
	mode   Mode
	lists  []*list // in the order in which they were opened
	peeked listCache

	outbox    []stage.File
	unwritten []heldFile // files of the outbox that are in memory until Prepare
	bytes     int64      // of the outbox
	removals  []string   // files that go with the commit
	lines     []mlog.Line
	events    []byte // whole lines

	commit *Commit // nil until Prepare
	mark   int     // its number in the group's record, from 1

	lockedAt  time.Time     // when the first lock was taken
	refreshed time.Time     // when the locks were last dated anew
	held      time.Duration // how long it held them
	waited    time.Duration // how long it waited for them

	loading   bool  // a list is being read without its lock
	uncertain bool  // only a read under the lock can tell what the list is
	conflict  bool  // it needs a list that another transaction of the group has
	failed    error // the outbox could not be written
	state     state
}

// state is how far a transaction has come.
type state int

const (
	working state = iota
	prepared
	partial // committed, with list files that must still be renamed
	committed
	dropped
)

// open reads a list, or returns it if the transaction has it already.
func (tx *Tx) open(name string) (*list, error) {
	if l := tx.has(name); l != nil {
		return l, nil
	}
	if tx.group.busy(name, tx) {
		tx.conflict = true
		return nil, fmt.Errorf("%s: %w", name, ErrGrouped)
	}

	l := &list{tx: tx, name: name}

	if tx.mode == LockFirst {
		if err := tx.take(l, tx.env.LockTimeout); err != nil {
			return nil, err
		}
	}

	if err := tx.load(l); err != nil {
		tx.env.unlock(l)
		return nil, err
	}
	tx.lists = append(tx.lists, l)
	return l, nil
}

// has returns a list that the transaction has open, or nil.
func (tx *Tx) has(name string) *list {
	for _, l := range tx.lists {
		if l.name == name || l.list.Name() == name {
			return l
		}
	}
	return nil
}

// load reads a list. Without the list's lock, messages and repairs are left to a process that has it.
func (tx *Tx) load(l *list) error {
	locked := tx.mode == LockFirst
	tx.loading = !locked

	if !locked {
		// The files are identified before they are read: a change from now on will show.
		l.files = identify(tx.env.Site, l.name)
	}

	state, err := tx.env.Lists.Get(l.name, tx.listOptions(locked))
	tx.loading = false
	if err != nil {
		// A list that cannot be read may be about to be replaced: the attempt under the lock tells.
		var needs *maillist.ErrNeedsPython
		if !locked && !errors.Is(err, maillist.ErrUnknownList) && !errors.As(err, &needs) {
			tx.uncertain = true
		}
		return err
	}

	if locked {
		// Under the lock the files are identified after a repair of the list.
		l.files = identify(tx.env.Site, l.name)
	}

	// A handler's failure takes the list back to this savepoint.
	l.list = state
	l.saved = state.Savepoint()
	return nil
}

// take takes a list's lock.
func (tx *Tx) take(l *list, wait time.Duration) error {
	start := time.Now()
	lock, err := tx.env.Take(tx.ctx, l.name, wait)
	tx.waited += time.Since(start)
	if err != nil {
		return &runner.LockError{Err: err}
	}

	if tx.lockedAt.IsZero() {
		tx.lockedAt = time.Now()
		tx.refreshed = tx.lockedAt
	}

	l.lock = lock
	return nil
}

// Look opens a list as Mailman does for each entry, for the log lines about a list that cannot be opened. The error
// is that of maillist.Open.
func (tx *Tx) Look(name string) error {
	_, err := maillist.Open(tx.env.Site, name, tx.listOptions(false))
	return err
}

// peek returns a list without its lock: the transaction's own state of the list if it has one, or what the list's
// file holds, read once.
func (tx *Tx) peek(name string) (*maillist.List, error) {
	if l := tx.has(name); l != nil {
		return l.list, nil
	}
	if tx.group.busy(name, tx) {
		tx.conflict = true
		return nil, fmt.Errorf("%s: %w", name, ErrGrouped)
	}
	if l := tx.peeked.get(name); l != nil {
		return l, nil
	}

	l, err := maillist.Open(tx.env.Site, name, tx.listOptions(false))
	if err == nil {
		tx.peeked.put(name, l)
	}

	return l, err
}

func (tx *Tx) listOptions(held bool) maillist.Options {
	return maillist.Options{Log: tx, Now: tx.env.Now, Rand: tx.env.Rand, Held: held, Other: tx.peek, Temp: tx.group.temp}
}

// Printf adds a log line. It is written when the transaction is complete.
func (tx *Tx) Printf(log, format string, a ...any) {
	tx.uncertain = tx.uncertain || tx.loading
	tx.lines = append(tx.lines, mlog.Line{Log: log, Text: fmt.Sprintf(format, a...), At: tx.env.Now()})
}

// record adds a line to the site's events, which are written with the log lines.
func (tx *Tx) record(line []byte) {
	if need := len(line) + 1; cap(tx.events)-len(tx.events) < need {
		// A batch has a megabyte of events: the buffer is doubled, to be copied seldom.
		tx.events = slices.Grow(tx.events, max(need, cap(tx.events)))
	}
	tx.events = append(append(tx.events, line...), '\n')
}

// Undo takes back the changes to all lists of the transaction since their last Save, as Mailman does with the list
// objects of an entry that fails. Mail and pending records that were made before stay, since Mailman has written them
// by then.
func (tx *Tx) Undo() {
	for _, l := range tx.lists {
		l.Undo()
	}
}

// Conflict tells whether the transaction needs a list that another transaction of the group has. It must be dropped
// then, and repeated when the group is complete.
func (tx *Tx) Conflict() bool { return tx.conflict }

// Err returns the error that kept an outbox entry from being written, or nil. The transaction must be dropped after
// an error.
func (tx *Tx) Err() error { return tx.failed }

// Outbox returns the files of the outbox that are written, under temporary names.
func (tx *Tx) Outbox() []stage.File { return tx.outbox }

// Bytes returns the size of the outbox so far.
func (tx *Tx) Bytes() int64 { return tx.bytes }

// Refresh renews the locks that the transaction holds when a quarter of LIST_LOCK_LIFETIME is over. It is for work
// under the locks. [Tx.Commit] reports a lock that was broken.
func (tx *Tx) Refresh() {
	if tx.lockedAt.IsZero() || time.Since(tx.refreshed) < tx.env.Site.Duration("LIST_LOCK_LIFETIME")/4 {
		return
	}

	for _, l := range tx.lists {
		if l.lock != nil {
			_, _ = l.lock.Renew()
		}
	}

	tx.refreshed = time.Now()
}

// unlock gives all locks back, at once or later by [Env.Unlock].
func (tx *Tx) unlock() {
	for _, l := range slices.Backward(tx.lists) {
		tx.env.unlock(l)
	}
	if !tx.lockedAt.IsZero() {
		tx.held = time.Since(tx.lockedAt)
		tx.lockedAt = time.Time{}
	}
}

// forget makes the next transaction read the lists again: what is in memory is not what their files hold.
func (tx *Tx) forget() {
	for _, l := range tx.lists {
		tx.env.Lists.Forget(l.name)
	}
}

// identities identify one state of a list's files.
type identities struct{ config, pending, requests stage.Identity }

// identify returns the present state of a list. A file that is missing or cannot be seen counts as empty.
func identify(s *site.Site, name string) identities {
	dir := filepath.Join(s.ListDataDir(), name)
	of := func(file string) stage.Identity {
		id, _ := stage.Identify(filepath.Join(dir, file))
		return id
	}
	return identities{of("config.pck"), of("pending.pck"), of("request.pck")}
}

// addTo adds the identities to from, by file name.
func (s identities) addTo(from map[string]stage.Identity, dir string) {
	from[filepath.Join(dir, "config.pck")] = s.config
	from[filepath.Join(dir, "pending.pck")] = s.pending
	from[filepath.Join(dir, "request.pck")] = s.requests
}
