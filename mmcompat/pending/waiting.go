package pending

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// waiting has the cookies of requests that wait for a confirmation, by "S" or "U" and the lower-cased address. It
// only grows: cookies whose records are gone are skipped when they are read.
type waiting struct {
	cookies map[string][]string
	// odd has the records that Mailman could not compare, by the kind of record that it looks for when it meets them.
	odd map[string][]string
}

// add notes a record.
func (w *waiting) add(cookie string, record pickle.Value) {
	op, addr, ok := asked(record)
	switch {
	case !ok && op == "":
		w.odd[Subscription] = append(w.odd[Subscription], cookie)
		w.odd[Unsubscription] = append(w.odd[Unsubscription], cookie)
	case !ok:
		w.odd[op] = append(w.odd[op], cookie)
	case op != "":
		w.cookies[op+addr] = append(w.cookies[op+addr], cookie)
	}
}

// asked returns what a record asks for, and the address. op is "" for a record of another kind. ok is false for a
// record that Mailman cannot compare; op is "" then if not even the kind can be read.
func asked(record pickle.Value) (op, addr string, ok bool) {
	items, _ := py.Items(record)
	if len(items) < 2 {
		return "", "", false
	}

	v := items[1]
	op, _ = py.StringOf(items[0])
	switch op {
	case Subscription:
		in, ok := v.(*pickle.Instance)
		if !ok {
			return op, "", false
		}
		v, _ = in.Attr("address")
	case Unsubscription:
	default:
		return "", "", true
	}

	addr, ok = py.StringOf(v)
	return op, py.Lower(addr), ok
}

// incomparable returns the exception with which CheckPending ends at an odd record.
func incomparable(record pickle.Value) error {
	items, ok := py.Items(record)
	switch {
	case !ok:
		return py.Errorf("TypeError", "'%s' object has no attribute '__getitem__'", py.TypeName(record))
	case len(items) < 2:
		return &py.Error{Class: "ValueError", Text: "need more than " + []string{"0 values", "1 value"}[len(items)] + " to unpack"}
	}

	attribute := "lower"
	if op, _ := py.StringOf(items[0]); op == Subscription {
		attribute = "address"
	}

	return py.NoAttribute(items[1], attribute)
}

// HasPending tells whether an unexpired subscription of the address, or its
// unsubscription, waits for confirmation (MailList.CheckPending, without asking
// REFUSE_SECOND_PENDING). It evicts what has expired, and so leaves something
// to save. The error wraps ErrCorrupt or ErrKey.
func (db *DB) HasPending(addr string, unsub bool) (bool, error) {
	// CheckPending loads and saves pending.pck, which evicts what has expired, even when it finds nothing.
	if err := db.change(func() error { return nil }); err != nil {
		return false, err
	}

	// The first question reads all records, and the answers are kept: a batch may ask for thousands of addresses.
	if db.waits == nil {
		w := &waiting{cookies: map[string][]string{}, odd: map[string][]string{}}
		for _, cookie := range db.doc.Keys() {
			if cookie == evictions || cookie == version {
				continue
			}
			record, _, err := db.get(cookie)
			if err != nil {
				return false, err
			}

			w.add(cookie, record)
		}

		db.waits = w
	}

	op := Subscription
	if unsub {
		op = Unsubscription
	}

	// A record in which CheckPending would fail to compare makes Mailman raise, whatever the address.
	for _, cookie := range db.waits.odd[op] {
		if record, ok, err := db.get(cookie); ok || err != nil {
			return false, fmt.Errorf("%s: %w: record %s is %s: %w", db.path, ErrCorrupt, cookie, pickle.Repr(record, 80), incomparable(record))
		}
	}

	// An indexed record may have been confirmed or changed since: read it again.
	lower := py.Lower(addr)
	for _, cookie := range db.waits.cookies[op+lower] {
		record, ok, err := db.get(cookie)
		if err != nil {
			return false, err
		}
		if is, who, _ := asked(record); ok && is == op && who == lower {
			return true, nil
		}
	}

	return false, nil
}
