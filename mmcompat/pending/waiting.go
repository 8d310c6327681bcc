package pending

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/pickle"
)

// waiting finds the cookies of those who wait for a confirmation, by "S" or "U"
// and the lower-cased address. It only grows: cookies that are gone are passed
// over when they come up.
type waiting map[string][]string

// add notes a record. It tells whether the record is one that Mailman could
// compare.
func (w waiting) add(cookie string, record pickle.Value) bool {
	key, ok := waitingKey(record)
	if key != "" {
		w[key] = append(w[key], cookie)
	}
	return ok
}

func waitingKey(record pickle.Value) (key string, ok bool) {
	t, isTuple := record.(*pickle.Tuple)
	if !isTuple || len(t.Items) < 2 {
		return "", false
	}
	v := t.Items[1]
	op, _ := t.Items[0].(pickle.Str)
	switch op {
	case Subscription:
		in, ok := v.(*pickle.Instance)
		if !ok {
			return "", false
		}
		v, _ = in.Attr("address")
	case Unsubscription:
	default:
		return "", true
	}
	switch addr := v.(type) {
	case pickle.Str:
		return string(op) + maillist.Lower(string(addr)), true
	case pickle.Unicode:
		return string(op) + maillist.Lower(string(addr)), true
	}
	return "", false
}

// HasPending tells whether an unexpired subscription of the address, or its
// unsubscription, waits for confirmation (MailList.CheckPending, without asking
// REFUSE_SECOND_PENDING). It evicts what has expired, and so leaves something
// to save. The error wraps ErrCorrupt or ErrKey.
func (db *DB) HasPending(addr string, unsub bool) (bool, error) {
	if err := db.change(func() error { return nil }); err != nil {
		return false, err
	}
	if db.waits == nil {
		w := waiting{}
		for _, cookie := range db.doc.Keys() {
			if cookie == evictions || cookie == version {
				continue
			}
			record, _, err := db.get(cookie)
			if err != nil {
				return false, err
			}
			if !w.add(cookie, record) {
				return false, fmt.Errorf("%s: %w: record %s is %s", db.path, ErrCorrupt, cookie, pickle.Repr(record, 80))
			}
		}
		db.waits = w
	}
	op := Subscription
	if unsub {
		op = Unsubscription
	}
	key := op + maillist.Lower(addr)
	for _, cookie := range db.waits[key] {
		record, ok, err := db.get(cookie)
		if err != nil {
			return false, err
		}
		if has, _ := waitingKey(record); ok && has == key {
			return true, nil
		}
	}
	return false, nil
}
