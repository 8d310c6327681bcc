package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// includer has the entries of two lists act on a third.
type includer struct{ seen []string }

func (*includer) Name() string                 { return "BounceRunner" }
func (*includer) Queue() string                { return "bounces" }
func (*includer) Classify(*runner.Entry) error { return nil }
func (*includer) Batched(runner.Batch) error   { return nil }

func (*includer) Order(_ runner.Lists, names []string, _ map[string][]*runner.Entry) []string {
	return names
}

func (h *includer) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	h.seen = append(h.seen, e.List)
	if e.List == "a" || e.List == "b" {
		if _, err := b.With("test"); err != nil {
			return runner.Kept, err
		}
	}
	return runner.Discarded, nil
}

// A list that waits for another one's transaction, since both include a third, is
// not overtaken by those after it where the handler gives lists an order.
func TestOrderOfListsIsKeptWhereTheyShareAnother(t *testing.T) {
	s := countingSite(t, "other")
	b, err := os.ReadFile(filepath.Join(s.ListDataDir(), "test", "config.pck"))
	if err != nil {
		t.Fatal(err)
	}

	for _, list := range []string{"a", "b", "c"} {
		dir := filepath.Join(s.ListDataDir(), list)
		if err := os.Mkdir(dir, 0o770); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.pck"), b, 0o660); err != nil {
			t.Fatal(err)
		}
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	h := &includer{}
	e, err := New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()

	for i, list := range []string{"a", "b", "c"} {
		m, err := message.Parse("Subject: x\n\n")
		if err != nil {
			t.Fatal(err)
		}
		data := qfile.NewData()
		data.Set("listname", pickle.Str(list))
		base, b, err := qfile.Encode(m, data, 1e9+float64(i), 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := qfile.WriteFile(e.Queue.Path(base, qfile.Waiting), b, false); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(h.seen, " "); got != "a b b c" {
		t.Errorf("got the order %s, need a b b c: b is put off once, and c waits for it", got)
	}
}
