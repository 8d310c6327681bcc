package pending

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/pickle"
)

// A rollback takes records, evictions and what is known of them back.
func TestRollbackForgetsChanges(t *testing.T) {
	s, _ := madeList(t)
	db, now := open(t, s, "l")
	add := func(life time.Duration, addr string) string {
		t.Helper()
		c, err := db.NewFor(life, Unsubscription, pickle.Str(addr))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	short, long := add(time.Hour, "short@x"), add(100*time.Hour, "long@x")
	if ok, err := db.HasPending("SHORT@x", true); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}

	sp := db.Savepoint()
	*now = now.Add(2 * time.Hour)
	third := add(time.Hour, "third@x") // evicts the first

	if _, ok, err := db.Confirm(long); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}

	if ok, _ := db.HasPending("short@x", true); ok {
		t.Error("an expired record is still waiting")
	}

	db.Rollback(sp)
	for cookie, want := range map[string]bool{short: true, long: true, third: false} {
		if _, ok := db.Peek(cookie); ok != want {
			t.Errorf("after the rollback: got %v, need %v", ok, want)
		}
	}

	if ok, _ := db.HasPending("third@x", true); ok {
		t.Error("a record that was rolled back is waiting")
	}

	if _, ok := db.Peek(short); ok {
		t.Error("what expired was not evicted again after the rollback")
	}

	if _, ok := db.Peek(long); !ok {
		t.Error("too much was evicted")
	}
}

// Reading alone never writes; the first write makes the file, with the mode
// and the temporary name that Mailman uses.
func TestStagedFileShowsWhenPublished(t *testing.T) {
	s, file := madeList(t)
	db, _ := open(t, s, "l")
	if _, ok := db.Peek("x"); ok {
		t.Error("found a record in an empty database")
	}

	if _, ok, err := db.Confirm("x"); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}

	if files, err := db.Stage(); len(files) > 0 || err != nil {
		t.Errorf("staged %v, %v with nothing to write", files, err)
	}

	cookie, err := db.New(HeldMessage, pickle.Int(5))
	if err != nil {
		t.Fatal(err)
	}

	files, err := db.Stage()
	if err != nil {
		t.Fatal(err)
	}

	if len(files) != 1 || files[0].Tmp != fmt.Sprintf("%s.tmp.42.%d", file, start) || files[0].LinkLast != "" {
		t.Fatalf("staged %+v", files)
	}

	if st, err := os.Stat(files[0].Tmp); err != nil || st.Mode().Perm() != 0o660 {
		t.Errorf("got %v, %v, need mode 0660", st, err)
	}

	if err := files[0].Publish(nil); err != nil {
		t.Fatal(err)
	}

	if err := db.Published(); err != nil {
		t.Fatal(err)
	}

	if files, err := db.Stage(); len(files) > 0 || err != nil {
		t.Errorf("staged %v, %v with nothing to write", files, err)
	}

	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	if !strings.HasPrefix(string(b), "(d") {
		t.Errorf("written as %.10q, wanted protocol 0", b)
	}

	if changed, err := db.Reload(); changed || err != nil {
		t.Errorf("got %v, %v after our own save", changed, err)
	}

	other, _ := open(t, s, "l")
	if _, ok, err := other.Confirm(cookie); !ok || err != nil {
		t.Fatalf("got %v, %v", ok, err)
	}

	save(t, other)
	if changed, err := db.Reload(); !changed || err != nil {
		t.Errorf("got %v, %v after somebody's save", changed, err)
	}

	if _, ok := db.Peek(cookie); ok {
		t.Error("a record that somebody confirmed is still there")
	}
}

func TestCorruptFileIsReported(t *testing.T) {
	s, file := madeList(t)
	l, err := maillist.Open(s, "l", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	for _, contents := range []string{"", "garbage", "(dp1\nS'evictions'\n", "(lp1\n."} {
		if err := os.WriteFile(file, []byte(contents), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(l, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got %v, need ErrCorrupt", contents, err)
		}
	}
}
