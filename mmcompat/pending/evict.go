package pending

import (
	"container/heap"
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// item is a record's cookie and the time at which it expires.
type item struct {
	expires float64
	cookie  string
}

// queue has the record that expires first at its head. An item whose record is gone or has another time by now is
// dropped when it comes to the head.
type queue struct {
	items  []item
	popped []item // in order, so that a rollback can put them back
}

func (q *queue) Len() int           { return len(q.items) }
func (q *queue) Less(i, j int) bool { return q.items[i].expires < q.items[j].expires }
func (q *queue) Swap(i, j int)      { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *queue) Push(x any)         { q.items = append(q.items, x.(item)) }
func (q *queue) Pop() any {
	last := q.items[len(q.items)-1]
	q.items = q.items[:len(q.items)-1]
	return last
}

func (q *queue) push(it item) { heap.Push(q, it) }

// save does what Mailman does to the database each time it saves it (Pending.__save), except for the writing: it
// evicts expired records, forgets times of eviction without a record, and sets the version.
func (db *DB) save() error {
	times, err := db.times()
	if err != nil {
		return err
	}

	// The first save reads all times; later ones take the expired records from a heap.
	if db.queue == nil {
		if err := db.fillQueue(times); err != nil {
			return err
		}
	}

	now := maillist.Seconds(db.o.Now())
	q := db.queue
	for q.Len() > 0 && now > q.items[0].expires {
		it := heap.Pop(q).(item)
		q.popped = append(q.popped, it)
		// The record may have got another time since it was put in the heap.
		v, ok, err := times.GetStr(it.cookie)
		if err != nil {
			return fmt.Errorf("%s: %w: %w", db.path, ErrCorrupt, err)
		}

		if at, ever := expiry(v); ok && ever && at == it.expires {
			db.doc.Delete(it.cookie)
			times.Delete(it.cookie)
		}
	}

	db.doc.Set(version, pickle.Int(db.schema))
	db.saves++
	return nil
}

// fillQueue reads the whole database once. From then on each record has its time of eviction, and each time has its
// record.
func (db *DB) fillQueue(times *pickle.DictView) error {
	// A record without a time makes __save raise a KeyError.
	for _, cookie := range db.doc.Keys() {
		if cookie != evictions && cookie != version && !times.HasStr(cookie) {
			return py.KeyError(cookie)
		}
	}

	// A time without a record is bogus, as __save has it, and is forgotten.
	q := &queue{}
	var bogus []pickle.Value
	for k, v := range times.All() {
		cookie, ok := cookieOf(k)
		if !ok || !db.doc.Has(cookie) {
			bogus = append(bogus, k)
			continue
		}

		// The file's own keys never expire.
		if at, ever := expiry(v); ever && cookie != evictions && cookie != version {
			q.items = append(q.items, item{at, cookie})
		}
	}

	if err := times.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", db.path, ErrCorrupt, err)
	}
	for _, k := range bogus {
		times.DeleteKey(k)
	}
	heap.Init(q)
	db.queue = q
	return nil
}

// cookieOf returns the cookie that a key of the times of eviction stands for: a unicode equals a str if it is ASCII.
func cookieOf(key pickle.Value) (cookie string, ok bool) {
	switch key := key.(type) {
	case pickle.Str:
		return string(key), true
	case pickle.Unicode:
		return string(key), strings.IndexFunc(string(key), func(r rune) bool { return r > unicode.MaxASCII }) < 0
	}
	return "", false
}

// expiry returns when Python's "now > v" becomes true; ever is false if it never does. None is less than any number,
// and any other value that is no number is greater.
func expiry(v pickle.Value) (at float64, ever bool) {
	switch v := v.(type) {
	case nil:
		return math.Inf(-1), true
	case float64:
		return v, !math.IsNaN(v)
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case pickle.Int:
		return float64(v), true
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, true
	}

	return 0, false
}

// Savepoint is a state that a DB can go back to.
type Savepoint struct {
	doc    pickle.Savepoint
	saves  int
	popped int // how many were popped; -1 before there was a queue
}

// Savepoint marks the present state. Savepoints nest.
func (db *DB) Savepoint() Savepoint {
	sp := Savepoint{doc: db.doc.Savepoint(), saves: db.saves, popped: -1}
	if db.queue != nil {
		sp.popped = len(db.queue.popped)
	}
	return sp
}

// Rollback takes back all changes since sp.
func (db *DB) Rollback(sp Savepoint) {
	db.doc.Rollback(sp.doc)
	db.saves, db.begun = sp.saves, nil

	switch q := db.queue; {
	case q == nil:
	case sp.popped < 0:
		// The first save has dropped times without a record, and Rollback has brought them back.
		db.queue = nil
	default:
		back := q.popped[sp.popped:]
		q.popped = q.popped[:sp.popped]
		for _, it := range back {
			q.push(it)
		}
	}
}
