// Package pending is in charge of pending.pck: what waits for a confirmation,
// as Mailman/Pending.py keeps it.
//
// Mailman loads and saves the file for each record. A DB is loaded once and
// saved once for a whole batch, with the same result: each operation that would
// have saved also evicts what has expired by then.
package pending

import (
	"errors"
	"io"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// Types of pending records: the first item of each.
const (
	Subscription    = "S" // a UserDesc
	Unsubscription  = "U" // the address
	ChangeOfAddress = "C" // old address, new address, globally
	HeldMessage     = "H" // id in request.pck
	ReEnable        = "E" // list name, address
	ProbeBounce     = "P" // address, the bounced message
)

// ErrCorrupt says that pending.pck is not what Mailman writes.
var ErrCorrupt = errors.New("pending.pck is corrupt")

// Options are what a DB asks the world for.
type Options struct {
	Now  func() time.Time // nil means time.Now
	Rand io.Reader        // for cookies; nil means crypto/rand
	PID  int              // for the temporary file's name; 0 means os.Getpid
}

// DB is one list's pending.pck.
type DB struct{}

// Open reads the pending.pck of a list; a missing one is empty. The error wraps
// ErrCorrupt, or is the file system's.
func Open(l *maillist.List, o Options) (*DB, error) { panic("not yet") }

// Reload reads the file again if it is no longer the one that was read or saved
// last; what was not staged is lost then.
func (db *DB) Reload() (changed bool, err error) { panic("not yet") }

// New adds a record and returns its cookie (pend_new). It lives for
// PENDING_REQUEST_LIFE.
func (db *DB) New(op string, content ...pickle.Value) (cookie string, err error) {
	panic("not yet")
}

// NewFor is New with another lifetime.
func (db *DB) NewFor(lifetime time.Duration, op string, content ...pickle.Value) (cookie string, err error) {
	panic("not yet")
}

// Peek returns a record without removing it (pend_confirm with expunge false).
// It may have expired: only what saves evicts.
func (db *DB) Peek(cookie string) (record pickle.Value, ok bool) { panic("not yet") }

// Confirm removes and returns a record (pend_confirm). ok is false if there is
// none, and then nothing is evicted either. The error wraps ErrCorrupt.
func (db *DB) Confirm(cookie string) (record pickle.Value, ok bool, err error) {
	panic("not yet")
}

// Repend puts a record back under its cookie (pend_repend).
func (db *DB) Repend(cookie string, record pickle.Value) error { panic("not yet") }

// HasPending tells whether an unexpired subscription of the address, or its
// unsubscription, waits for confirmation (MailList.CheckPending, without asking
// REFUSE_SECOND_PENDING).
func (db *DB) HasPending(addr string, unsub bool) (bool, error) { panic("not yet") }

// Changed tells whether there is something for Stage to write.
func (db *DB) Changed() bool { panic("not yet") }

// Stage writes the file under the temporary name that Mailman uses and syncs
// it. There is none to publish if no operation would have saved.
func (db *DB) Stage() ([]stage.File, error) { panic("not yet") }

// Published is to be called once Stage's files are in their place.
func (db *DB) Published() error { panic("not yet") }

// Savepoint marks the present state, for Rollback.
type Savepoint int

// Savepoint marks the present state. Savepoints nest.
func (db *DB) Savepoint() Savepoint { panic("not yet") }

// Rollback takes back all that was changed since sp.
func (db *DB) Rollback(sp Savepoint) { panic("not yet") }

// UserDesc is Mailman/UserDesc.py's class as a pending subscription holds it. A
// nil attribute is missing.
type UserDesc struct {
	Address    pickle.Value
	FullName   pickle.Value
	Password   pickle.Value
	Digest     pickle.Value
	Language   pickle.Value
	Invitation pickle.Value
}

// Pickled returns the instance to put into a record.
func (u *UserDesc) Pickled() *pickle.Instance { panic("not yet") }

// ParseUserDesc reads one; ok is false if v is something else.
func ParseUserDesc(v pickle.Value) (u *UserDesc, ok bool) { panic("not yet") }
