// Package pending reads and changes pending.pck ([DB]): the records that wait for a
// confirmation, as Mailman/Pending.py keeps them.
//
// Mailman loads and saves the file for each record. A DB is loaded once and saved once for a whole batch, with the
// same result: each operation that would have saved also evicts the records that have expired by then.
package pending

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
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

// The keys of the file that are not cookies.
const (
	evictions = "evictions" // cookie -> when the record expires, in seconds since 1970
	version   = "version"
)

var (
	// ErrCorrupt says that pending.pck is not what Mailman writes.
	ErrCorrupt = errors.New("pending.pck is corrupt")
	// ErrKey is Python's KeyError: a record without its time of eviction, or one of the file's own keys in place of a
	// cookie.
	ErrKey = &py.Error{Class: "KeyError"}
)

// Options are a DB's clock and random source.
type Options struct {
	Now  func() time.Time // nil means time.Now
	Rand io.Reader        // for cookies; nil means crypto/rand
	PID  int              // for the temporary file's name; 0 means os.Getpid
	Temp string           // its ending; "" means Mailman's, the PID and the time
}

// DB is one list's pending.pck. It is not safe for concurrent use.
type DB struct {
	path     string
	lifetime float64 // PENDING_REQUEST_LIFE, in seconds
	schema   int     // PENDING_FILE_SCHEMA_VERSION
	o        Options

	doc    *pickle.Document
	id     stage.Identity // of the file that doc stands for
	saves  int            // operations after which Mailman would have saved
	staged int            // saves at the last Stage
	queue  *queue         // records by expiry; nil until the first save
	waits  *waiting       // addresses that wait for a confirmation; nil until the first question
	begun  *begun         // when subscriptions were requested; nil until the first question
}

// Open reads the pending.pck of a list; a missing file is empty. The error wraps ErrCorrupt, or is the file system's.
func Open(l *maillist.List, o Options) (*DB, error) {
	if o.Now == nil {
		o.Now = time.Now
	}

	if o.Rand == nil {
		o.Rand = rand.Reader
	}

	if o.PID == 0 {
		o.PID = os.Getpid()
	}

	// The settings that Pending.py takes from mm_cfg.
	db := &DB{
		path:     l.FullPath() + "/pending.pck",
		lifetime: l.Site().Float("PENDING_REQUEST_LIFE"),
		schema:   l.Site().Profile.PendingSchemaVersion,
		o:        o,
	}

	if err := db.load(); err != nil {
		return nil, err
	}

	return db, nil
}

func (db *DB) load() error {
	// Nothing of an earlier state may stay.
	db.doc, db.id, db.queue, db.waits, db.begun = nil, stage.Identity{}, nil, nil, nil
	db.saves, db.staged = 0, 0
	f, err := disk.Open(db.path)
	// __load: without the file, the database only has the dict of times.
	if errors.Is(err, fs.ErrNotExist) {
		empty := pickle.NewDict()
		empty.SetStr(evictions, pickle.NewDict())
		if db.doc, err = pickle.NewDocument(empty); err != nil {
			return err
		}

		db.doc.SetProtocol(0)
		return nil
	}

	if err != nil {
		return err
	}
	defer f.Close()
	id, err := stage.IdentifyFile(f)
	if err != nil {
		return err
	}

	// Only the file that was identified counts; Mailman may have renamed another over it.
	b := make([]byte, id.Size)
	if _, err := io.ReadFull(f, b); err != nil {
		return &fs.PathError{Op: "read", Path: db.path, Err: err}
	}
	doc, err := pickle.OpenDocument(b)
	// Another value than a dict fails in Mailman where it asks for a key.
	if err != nil {
		if v, _, lerr := pickle.Load(b); lerr == nil {
			err = py.NoAttribute(v, "get")
		}
		return fmt.Errorf("%s: %w: %w", db.path, ErrCorrupt, err)
	}

	// Pending.py writes protocol 0.
	doc.SetProtocol(0)
	db.doc, db.id = doc, id
	return nil
}

// Reload reads the file again if it is not the file any more that was read or saved last; changes that were not
// staged are lost then. After an error only another Reload can use the DB.
func (db *DB) Reload() (changed bool, err error) {
	if db.doc != nil {
		id, err := stage.Identify(db.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if id == db.id {
			return false, nil
		}
	}

	return true, db.load()
}

// New adds a record and returns its cookie (pend_new). The record lives for PENDING_REQUEST_LIFE.
func (db *DB) New(op string, content ...pickle.Value) (cookie string, err error) {
	return db.add(db.lifetime, op, content)
}

// NewFor is New with another lifetime.
func (db *DB) NewFor(lifetime time.Duration, op string, content ...pickle.Value) (cookie string, err error) {
	return db.add(lifetime.Seconds(), op, content)
}

func (db *DB) add(lifetime float64, op string, content []pickle.Value) (string, error) {
	now := maillist.Seconds(db.o.Now())
	cookie, err := db.cookie(now)
	if err != nil {
		return "", err
	}

	record := pickle.NewTuple(append([]pickle.Value{pickle.Str(op)}, content...)...)
	return cookie, db.change(func() error {
		if !db.doc.Has(evictions) {
			db.doc.Set(evictions, pickle.NewDict())
		}
		return db.put(cookie, record, now+lifetime)
	})
}

// change makes a change that Mailman saves at once. After an error nothing has changed.
func (db *DB) change(fn func() error) error {
	sp := db.Savepoint()
	err := fn()
	if err == nil {
		err = db.save()
	}

	if err != nil {
		db.Rollback(sp)
	}

	return err
}

// cookie makes an unused key that cannot be guessed: 40 hex digits, like Mailman's.
func (db *DB) cookie(now float64) (string, error) {
	for {
		h := sha1.New()
		if _, err := io.CopyN(h, db.o.Rand, 20); err != nil {
			return "", fmt.Errorf("making a cookie: %w", err)
		}

		io.WriteString(h, strconv.FormatFloat(now, 'g', -1, 64))
		cookie := hex.EncodeToString(h.Sum(nil))
		if !db.doc.Has(cookie) {
			return cookie, nil
		}
	}
}

// put stores a record and the time when it expires.
func (db *DB) put(cookie string, record pickle.Value, expires float64) error {
	times, err := db.times()
	if err != nil {
		return err
	}

	db.doc.Set(cookie, record)
	times.Set(cookie, expires)
	if db.queue != nil {
		db.queue.push(item{expires, cookie})
	}

	if db.waits != nil {
		db.waits.add(cookie, record)
	}

	if db.begun != nil {
		db.begun.add(record, expires-db.lifetime)
	}

	return nil
}

// times returns the dict of evictions.
func (db *DB) times() (*pickle.DictView, error) {
	if !db.doc.Has(evictions) {
		return nil, py.KeyError(evictions)
	}
	v, err := db.doc.Dict(evictions)
	if err != nil {
		why := &py.Error{Class: "TypeError", Text: "the times of eviction are no dict"}
		return nil, fmt.Errorf("%s: %w: %w: %w", db.path, ErrCorrupt, why, err)
	}
	return v, nil
}

// Peek returns a record without removing it (pend_confirm with expunge false). It may have expired, since only saves
// evict. A record that cannot be decoded panics, as it raises in Mailman.
func (db *DB) Peek(cookie string) (record pickle.Value, ok bool) {
	record, ok, err := db.get(cookie)
	if err != nil {
		panic(err)
	}
	return record, ok
}

func (db *DB) get(cookie string) (record pickle.Value, ok bool, err error) {
	record, ok, err = db.doc.Get(cookie)
	if err != nil {
		err = fmt.Errorf("%s: %w: record %s: %w", db.path, ErrCorrupt, cookie, err)
	}
	return record, ok, err
}

// Confirm removes and returns a record (pend_confirm). ok is false without such a record, and then nothing is evicted
// either. The error wraps ErrCorrupt or ErrKey; nothing has changed then.
func (db *DB) Confirm(cookie string) (record pickle.Value, ok bool, err error) {
	record, ok, err = db.get(cookie)
	if !ok || err != nil {
		return nil, false, err
	}

	times, err := db.times()
	if err != nil {
		return nil, false, err
	}
	if cookie == evictions || !times.HasStr(cookie) {
		return nil, false, py.KeyError(cookie)
	}

	err = db.change(func() error {
		db.doc.Delete(cookie)
		times.Delete(cookie)
		return nil
	})
	if err != nil {
		return nil, false, err
	}

	return record, true, nil
}

// Repend puts a record back under its cookie (pend_repend).
func (db *DB) Repend(cookie string, record pickle.Value) error {
	return db.change(func() error {
		return db.put(cookie, record, maillist.Seconds(db.o.Now())+db.lifetime)
	})
}
