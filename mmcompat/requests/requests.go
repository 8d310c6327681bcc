// Package requests reads and changes request.pck ([DB]): the requests that wait for a
// moderator, as Mailman/ListAdmin.py keeps them, and the files of held messages.
//
// As in Mailman, the first question opens the file, and the list's next save writes an opened file, changed or not.
package requests

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// Kind is the subject of a request.
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

const versionKey = "version"

// Options are a DB's names and services.
type Options struct {
	Now func() time.Time // nil means time.Now
	// Temp is the ending of the temporary file's name, for a file that is written without the list's lock; "" means
	// Mailman's name.
	Temp string
	// Removals has the files that the commit removes; nil for a DB that is only read.
	Removals Removals
}

// Removals records which files of held messages the commit removes. Mailman removes them at once, so no Rollback
// brings them back.
type Removals interface {
	// Remove makes the commit remove a file.
	Remove(path string)
	// Removed tells whether Remove was called for a file.
	Removed(path string) bool
}

// DB is one list's request.pck. It is not safe for concurrent use.
type DB struct {
	list     *maillist.List
	path     string
	temp     string
	now      func() time.Time
	db       *pickle.Dict
	undo     []change
	removals Removals
}

// change has the value that a key had before.
type change struct {
	key pickle.Value
	old pickle.Value
	had bool
}

// Open reads the request.pck of a list; a missing file is empty. The error wraps ErrCorrupt, or is the file system's.
// Ids come from the list's next_request_id, so a rollback must take back both.
func Open(l *maillist.List, o Options) (*DB, error) {
	if o.Now == nil {
		o.Now = time.Now
	}

	db := &DB{list: l, path: l.FullPath() + "/request.pck", temp: ".tmp", now: o.Now, removals: o.Removals}
	if o.Temp != "" {
		db.temp += "." + o.Temp
	}

	// A list without requests has no request.pck. __opendb begins with an empty dict and the version.
	b, err := disk.ReadFile(db.path)
	if errors.Is(err, fs.ErrNotExist) {
		db.db = pickle.NewDict()
		db.setVersion()
		return db, nil
	}

	if err != nil {
		return nil, err
	}
	v, _, err := pickle.Load(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", db.path, ErrCorrupt, err)
	}

	// __opendb asks for the version. A value without keys raises there.
	d, ok := v.(*pickle.Dict)
	if !ok {
		why := py.Errorf("TypeError", "'%s' object has no attribute '__getitem__'", py.TypeName(v))
		if _, ok := v.(*pickle.List); ok {
			why = &py.Error{Class: "IndexError", Text: "list index out of range"}
		}
		return nil, fmt.Errorf("%s: %w: got %s, need a dict: %w", db.path, ErrCorrupt, pickle.Repr(v, 40), why)
	}

	db.db = d
	return db, nil
}

func (db *DB) setVersion() {
	schema := db.list.Site().Profile.RequestsSchemaVersion
	db.db.SetStr(versionKey, pickle.NewTuple(pickle.Int(Ignored), pickle.Int(schema)))
}

// NumPending returns how many requests there are (NumRequestsPending).
func (db *DB) NumPending() int { return db.db.Len() - 1 }

// IDs returns the ids of all requests of a kind, in order.
func (db *DB) IDs(k Kind) []int {
	var ids []int
	for key, v := range db.db.All() {
		id, ok := key.(pickle.Int)
		if !ok {
			continue
		}

		if kind, _, err := parseRecord(v); err == nil && kind == k {
			ids = append(ids, int(id))
		}
	}

	slices.Sort(ids)
	return ids
}

// Record returns a request's record. The error is ErrNoRequest, or wraps
// ErrCorrupt.
func (db *DB) Record(id int) (Kind, pickle.Value, error) {
	v, ok := db.db.Get(pickle.Int(id))
	if !ok {
		return 0, nil, fmt.Errorf("%w: %d", ErrNoRequest, id)
	}
	return parseRecord(v)
}

// unknownKind is the kind of a record whose kind is no known number.
const unknownKind Kind = -1

// parseRecord takes a request apart, as "rtype, data = record" does.
func parseRecord(v pickle.Value) (Kind, pickle.Value, error) {
	items, err := py.Unpack(v, 2)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: got %s, need a kind and data: %w", ErrCorrupt, pickle.Repr(v, 80), err)
	}

	for _, kind := range []Kind{Ignored, HeldMsg, Subscription, Unsubscription} {
		// A long, a bool or a float is equal to an int.
		if py.Compare(items[0], pickle.Int(kind)) == 0 {
			return kind, items[1], nil
		}
	}

	return unknownKind, items[1], nil
}

// SubscriptionAddress returns the address that a held subscription is for. The error wraps ErrCorrupt.
func SubscriptionAddress(record pickle.Value) (addr pickle.Value, err error) {
	items, err := py.Unpack(record, 6)
	if err != nil {
		return nil, fmt.Errorf("%w: held subscription: got %s, need a tuple of 6: %w", ErrCorrupt, pickle.Repr(record, 80), err)
	}
	return items[1], nil
}

// AddSubscription adds a request to subscribe and returns its id (HoldSubscription, without its notices). fullname
// and password are str or unicode, digest is the value that Mailman got.
func (db *DB) AddSubscription(addr string, fullname, password, digest pickle.Value, lang string) int {
	return db.add(Subscription, pickle.NewTuple(
		maillist.Seconds(db.now()), pickle.Str(addr), fullname, password, digest, pickle.Str(lang)))
}

// AddUnsubscription adds a request to unsubscribe and returns its id
// (HoldUnsubscription, without its notices).
func (db *DB) AddUnsubscription(addr string) int {
	return db.add(Unsubscription, pickle.Str(addr))
}

func (db *DB) add(k Kind, data pickle.Value) int {
	id := db.nextID()
	db.set(pickle.Int(id), pickle.NewTuple(pickle.Int(k), data), true)
	return id
}

// nextID returns the list's next_request_id, and skips ids that are in use.
func (db *DB) nextID() int {
	const name = "next_request_id"
	for {
		id := db.list.Int(name)
		v, _ := db.list.Get(name)
		if _, long := v.(*big.Int); long {
			db.list.Set(name, big.NewInt(int64(id)+1))
		} else {
			db.list.Set(name, pickle.Int(id+1))
		}

		if _, used := db.db.Get(pickle.Int(id)); !used {
			return id
		}
	}
}

// Delete removes a request, or gives ErrNoRequest.
func (db *DB) Delete(id int) error {
	if _, ok := db.db.Get(pickle.Int(id)); !ok {
		return fmt.Errorf("%w: %d", ErrNoRequest, id)
	}
	db.set(pickle.Int(id), nil, false)
	return nil
}

// set sets or removes a key, and notes the old value for Rollback.
func (db *DB) set(key, v pickle.Value, has bool) {
	old, had := db.db.Get(key)
	db.undo = append(db.undo, change{key, old, had})
	if has {
		db.db.Set(key, v)
	} else {
		db.db.Delete(key)
	}
}

// Stage writes the file under the temporary name that Mailman uses and syncs it.
func (db *DB) Stage() ([]stage.File, error) {
	db.setVersion()
	b, err := pickle.Dump(db.db, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", db.path, err)
	}

	f, err := stage.New(db.path+db.temp, db.path, "", db.mode(), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("saving: %w", err)
	}

	return []stage.File{f}, nil
}

// mode is the mode of the files that ListAdmin makes: before 2.1.19 all users could read them.
func (db *DB) mode() fs.FileMode {
	if hex := db.list.Site().Profile.HexVersion; hex >= 0x02010000 && hex < 0x02011300 {
		return 0o664
	}
	return 0o660
}

// Savepoint is a state that a DB can go back to.
type Savepoint struct{ undo int }

// Savepoint marks the present state. Savepoints nest.
func (db *DB) Savepoint() Savepoint { return Savepoint{len(db.undo)} }

// Rollback takes back all changes since sp. The list's own savepoint has next_request_id. Removed files stay removed.
func (db *DB) Rollback(sp Savepoint) {
	for i := len(db.undo) - 1; i >= sp.undo; i-- {
		if c := db.undo[i]; c.had {
			db.db.Set(c.key, c.old)
		} else {
			db.db.Delete(c.key)
		}
	}
	db.undo = db.undo[:sp.undo]
}
