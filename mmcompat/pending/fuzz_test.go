package pending

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/pickle"
)

// FuzzOpen: whatever pending.pck holds, opening it ends in records or in
// ErrCorrupt, and where there are records one that is added is found in what is
// saved, and is gone once it is confirmed.
func FuzzOpen(f *testing.F) {
	b, err := os.ReadFile("testdata/before.pck")
	if err != nil {
		f.Fatal(err)
	}

	f.Add(b)
	f.Add(b[:len(b)/2])
	for _, s := range []string{
		"", "(lp1\n.", "(dp1\nS'evictions'\np2\n(dp3\nsS'version'\np4\nI2\ns.", "(dp1\nS'c'\np2\n(S'S'\ntp3\nsS'evictions'\np4\n(dp5\nS'c'\nI0\nss.",
		"(dS'c'\n(tsS'evictions'\n(dS'c'\nNss.", "(dS'evictions'\n(lsS'c'\nI1\ns.", "}(U\x01cK\x01U\x09evictions}U\x01cX\x01\x00\x00\x00asu.",
	} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, b []byte) {
		s, file := madeList(t)
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}

		l, err := maillist.Open(s, "l", maillist.Options{Held: true})
		if err != nil {
			t.Fatal(err)
		}

		db, err := Open(l, Options{})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
			return
		}

		known := func(err error) bool { return errors.Is(err, ErrCorrupt) || errors.Is(err, ErrKey) }
		if _, err := db.HasPending("a@example.net", false); err != nil && !known(err) {
			t.Errorf("HasPending: got %v", err)
		}

		cookie, err := db.NewFor(time.Hour, Unsubscription, pickle.Str("a@example.net"))
		if err != nil {
			if !known(err) {
				t.Errorf("New: got %v", err)
			}
			return
		}

		save(t, db)
		again, err := Open(l, Options{})
		if err != nil {
			t.Fatalf("what was saved cannot be read: %v", err)
		}

		record, ok, err := again.Confirm(cookie)
		if !ok || err != nil {
			t.Fatalf("the record that was added is not there: %v", err)
		}

		mustEqual(t, "record", record, pickle.NewTuple(pickle.Str(Unsubscription), pickle.Str("a@example.net")))
		if _, ok, _ := again.Confirm(cookie); ok {
			t.Error("a confirmed record is still there")
		}
	})
}
