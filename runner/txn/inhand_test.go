package txn

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
)

// A process that dies while it classifies entries has them counted that it had in
// hand, and no others; the third time one is preserved.
func TestDeathWhileClassifyingCounts(t *testing.T) {
	sc := newScene(t)
	sc.recover(t)
	s := sc.env.Site
	var bases []string
	for i := range 5 {
		base, b, err := qfile.Encode(pickle.Str("Subject: x\n\n"), qfile.NewData(), 1e9+float64(i), s.Profile.QfileSchemaVersion)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(s.QueueDir("bounces"), base+qfile.Waiting), string(b))
		bases = append(bases, base)
	}

	counts := func() (had string) {
		q, err := qfile.Open(s.QueueDir("bounces"), 0, 1, qfile.Options{})
		if err != nil {
			t.Fatal(err)
		}

		for _, base := range bases {
			it, err := q.Read(base, qfile.Waiting)
			if os.IsNotExist(err) {
				had += " gone"
				continue
			}

			if err != nil {
				t.Fatal(err)
			}

			had += fmt.Sprint(" ", it.Recoveries())
		}

		return had
	}

	for _, want := range []string{" 0 0 1 0 0", " 0 0 2 0 0", " 0 0 gone 0 0"} {
		j, err := OpenJournal(sc.env, "BounceRunner", s.QueueDir("bounces"), s.QueueDir("bad"))
		if err != nil {
			t.Fatal(err)
		}

		slot := Slots() - 1
		for _, err := range []error{j.Classifying(bases), j.InHand(slot, bases[1]), j.InHand(slot, bases[2]), j.Abandon()} {
			if err != nil {
				t.Fatal(err)
			}
		}

		sc.recover(t)
		if had := counts(); had != want {
			t.Errorf("got counts%s, need%s", had, want)
		}
	}

	if kept, _ := filepath.Glob(filepath.Join(s.QueueDir("bad"), bases[2]+".psv")); len(kept) != 1 {
		t.Errorf("got %v in the queue of preserved entries, need the one that kills", kept)
	}
}
