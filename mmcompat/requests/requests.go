// Package requests is in charge of request.pck: what waits for a moderator, as
// Mailman/ListAdmin.py keeps it, and of the files of held messages.
//
// As in Mailman, whoever asks for anything opens the file, and an opened file
// is written at the list's next save, changed or not.
package requests

import (
	"errors"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// Kind is what a request is about.
type Kind int

// Kinds of request, as ListAdmin numbers them.
const (
	Ignored        Kind = 0 // the version's entry
	HeldMsg        Kind = 1
	Subscription   Kind = 2
	Unsubscription Kind = 3
)

// What may be done with a request (Mailman/Defaults.py).
const (
	Defer       = 0
	Approve     = 1
	Reject      = 2
	Discard     = 3
	Subscribe   = 4
	Unsubscribe = 5
)

var (
	// ErrCorrupt says that request.pck is not what Mailman writes.
	ErrCorrupt = errors.New("request.pck is corrupt")
	// ErrNoRequest is Python's KeyError for an id that is not there.
	ErrNoRequest = errors.New("no such request")
)

// Options are what a DB asks the world for.
type Options struct {
	Now func() time.Time // nil means time.Now
}

// DB is one list's request.pck.
type DB struct{}

// Open reads the request.pck of a list; a missing one is empty. The error wraps
// ErrCorrupt, or is the file system's. Ids come from the list's
// next_request_id, so its savepoints and these belong together.
func Open(l *maillist.List, o Options) (*DB, error) { panic("not yet") }

// NumPending is how many requests there are (NumRequestsPending).
func (db *DB) NumPending() int { panic("not yet") }

// IDs returns the ids of all requests of a kind, in order.
func (db *DB) IDs(k Kind) []int { panic("not yet") }

// Record returns what is kept of a request, or ErrNoRequest.
func (db *DB) Record(id int) (Kind, pickle.Value, error) { panic("not yet") }

// Held is the record of a held message.
type Held struct {
	Time     float64      // when it came, in seconds since 1970
	Sender   pickle.Value // str or unicode
	Subject  pickle.Value // str, unicode or a Header instance
	Reason   pickle.Value
	Filename string       // below DATA_DIR
	Data     *pickle.Dict // the message's metadata
}

// ParseHeld reads the record of a held message. The error wraps ErrCorrupt.
func ParseHeld(record pickle.Value) (*Held, error) { panic("not yet") }

// Path is the held message's file.
func (db *DB) Path(h *Held) string { panic("not yet") }

// AddSubscription adds a request to subscribe and returns its id
// (HoldSubscription, without its notices). fullname and password are str or
// unicode, digest is what Mailman was given.
func (db *DB) AddSubscription(addr string, fullname, password, digest pickle.Value, lang string) int {
	panic("not yet")
}

// AddUnsubscription adds a request to unsubscribe and returns its id
// (HoldUnsubscription, without its notices).
func (db *DB) AddUnsubscription(addr string) int { panic("not yet") }

// Delete removes a request, or gives ErrNoRequest.
func (db *DB) Delete(id int) error { panic("not yet") }

// RemoveFile has a held message's file removed when the commit is published.
// missing tells that it is not there now.
func (db *DB) RemoveFile(h *Held) (missing bool, err error) { panic("not yet") }

// Stage writes the file under the temporary name that Mailman uses and syncs
// it. The held messages to remove are in the list it returns.
func (db *DB) Stage() ([]stage.File, error) { panic("not yet") }

// Published is to be called once Stage's files are in their place. A DB ends
// there: the next to ask opens another.
func (db *DB) Published() {}

// Savepoint marks the present state, for Rollback.
type Savepoint int

// Savepoint marks the present state. Savepoints nest.
func (db *DB) Savepoint() Savepoint { panic("not yet") }

// Rollback takes back all that was changed since sp.
func (db *DB) Rollback(sp Savepoint) { panic("not yet") }
