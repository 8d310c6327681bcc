package requests

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// FuzzOpen: whatever request.pck holds, opening it ends in requests or in
// ErrCorrupt, each request can be asked for, and one that is added is found in
// what is saved, beside those that were there.
func FuzzOpen(f *testing.F) {
	b, err := os.ReadFile("testdata/before.pck")
	if err != nil {
		f.Fatal(err)
	}

	f.Add(b)
	f.Add(b[:len(b)/2])
	for _, s := range []string{
		"", "]q\x01.", "}q\x01.", "}K\x01K\x02s.", "}K\x01(K\x01Nts.", "}K\x01(K\x02(NNNNNtts.", "}U\x07version(K\x00K\x01ts.", "}X\x01\x00\x00\x00a(K\x03U\x01xts.", "}I01\n(K\x03U\x01xts.",
	} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, b []byte) {
		l := madeList(t)
		writeFile(t, l.FullPath()+"/request.pck", b)
		db, err := Open(l, Options{})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
			return
		}

		kinds := []Kind{HeldMsg, Subscription, Unsubscription}
		var before [][]int
		for _, k := range kinds {
			before = append(before, db.IDs(k))
			for _, id := range db.IDs(k) {
				kind, record, err := db.Record(id)
				if err != nil || kind != k {
					t.Errorf("request %d: got kind %v, %v, want %v", id, kind, err, k)
				}

				if k == HeldMsg {
					if _, err := ParseHeld(record); err != nil && !errors.Is(err, ErrCorrupt) {
						t.Errorf("request %d: got %v", id, err)
					}
				}
			}
		}

		id := db.AddSubscription("a@example.net", pickle.Str("A"), pickle.Str("pw"), pickle.Int(0), "en")
		publish(t, db)
		again, err := Open(l, Options{})
		if err != nil {
			t.Fatalf("what was saved cannot be read: %v", err)
		}

		for i, k := range kinds {
			want := before[i]
			if k == Subscription && !slices.Contains(want, id) {
				want = append(slices.Clone(want), id)
			}

			slices.Sort(want)
			if had := again.IDs(k); !slices.Equal(had, want) {
				t.Errorf("kind %v: got requests %v after a save, want %v", k, had, want)
			}
		}
	})
}
