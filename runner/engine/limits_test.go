package engine

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// forwarder sends each entry on to a list's owner.
type forwarder struct{ meddler }

func (f *forwarder) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	m, err := e.Message()
	if err != nil {
		return "", err
	}
	b.Enqueue("virgin", m, qfile.NewData())
	return f.meddler.Apply(b, e)
}

// A batch ends by the bytes that it takes and makes, not only by its number of
// entries; each entry is done once all the same.
func TestBatchesEndByBytes(t *testing.T) {
	s := countingSite(t, "other")
	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := New(env, &forwarder{}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	const entries, each = 7, batchBytes/3 + 1000
	body := strings.Repeat(strings.Repeat("x", 71)+"\n", each/72)
	for i := range entries {
		data := qfile.NewData()
		data.Set("listname", "test")
		data.Set("_parsemsg", 1)
		text := fmt.Sprintf("From: a@example.com\nSubject: %d\n\n%s", i, body)
		base, b, err := qfile.Encode(pickle.Str(text), data, 1e9+float64(i), 3)
		if err != nil {
			t.Fatal(err)
		}

		if err := qfile.WriteFile(e.Queue.Path(base, qfile.Waiting), b, false); err != nil {
			t.Fatal(err)
		}
	}

	stats, err := e.Drain(t.Context())
	if err != nil || stats.Outcomes[runner.Applied] != entries {
		t.Fatalf("got %+v, %v, need %d entries applied", stats, err, entries)
	}

	if stats.Commits < entries/3 || stats.Commits == 1 {
		t.Errorf("got %d transactions, need one for each two or three entries", stats.Commits)
	}

	if mail, _ := filepath.Glob(filepath.Join(s.QueueDir("virgin"), "*.pck")); len(mail) != entries {
		t.Errorf("got %d messages, need %d", len(mail), entries)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// classifier notes the order in which it sees entries.
type classifier struct {
	meddler
	seen []string
}

func (c *classifier) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	m, err := e.Message()
	if err != nil {
		return "", err
	}
	subject, _ := m.Get("subject")
	c.seen = append(c.seen, subject)
	return runner.Discarded, nil
}

// An entry that processes have died over twice is read when all others are done,
// for the last time before it is preserved.
func TestWhatKillsComesLast(t *testing.T) {
	s := countingSite(t, "other")
	env := txn.NewEnv(s)
	defer env.Log.Close()
	h := &classifier{}
	e, err := New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	for i, deaths := range []int{0, 2, 0, 1, 0} {
		data := qfile.NewData()
		data.Set("listname", "test")
		base, b, err := qfile.Encode(pickle.Str(fmt.Sprintf("Subject: %d\n\n", i)), data, 1e9+float64(i), 3)
		if err != nil {
			t.Fatal(err)
		}

		if deaths > 0 {
			it, err := qfile.Decode(base, b)
			if err != nil {
				t.Fatal(err)
			}

			it.Data.Set("_bak_count", deaths)
			meta, err := pickle.Dump(it.Data.Dict(), 0)
			if err != nil {
				t.Fatal(err)
			}

			b = append(b[:it.Size():it.Size()], meta...)
		}

		if err := qfile.WriteFile(e.Queue.Path(base, qfile.Waiting), b, false); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}

	if had := strings.Join(h.seen, " "); had != "0 2 3 4 1" {
		t.Errorf("got the order %s, need 0 2 3 4 1", had)
	}
}

// A list that another process saves all the time is handled all the same, in batches
// that get smaller, and in the end under its lock.
func TestListThatIsSavedAllTheTime(t *testing.T) {
	s := countingSite(t, "other")
	env := txn.NewEnv(s)
	defer env.Log.Close()
	const entries = 200
	var sizes []int
	h := &saved{saves: func(n int) {
		sizes = append(sizes, n)
		replace(t, filepath.Join(s.ListDataDir(), "test", "config.pck"))
	}}

	e, err := New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	enqueueForTest(t, e, entries)
	stats, err := e.Drain(t.Context())
	if err != nil || stats.Outcomes[runner.Applied] != entries {
		t.Fatalf("got %+v, %v, need %d entries applied", stats, err, entries)
	}

	if sizes[0] != entries || sizes[1] != entries/4 || sizes[2] != smallBatch {
		t.Errorf("got batches of %v, need them to get smaller", sizes)
	}

	if stats.HeldLongest > time.Second {
		t.Errorf("got the lock for %v", stats.HeldLongest)
	}
}

// saved is a handler beside which another process saves the list, unless it is locked.
type saved struct {
	meddler
	applied int
	saves   func(n int)
}

func (h *saved) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	h.applied++
	return h.meddler.Apply(b, e)
}

func (h *saved) Batched(b runner.Batch) error {
	locks, _ := filepath.Glob(filepath.Join(b.Site().LockDir(), "test.lock"))
	if len(locks) == 0 {
		h.saves(h.applied)
	}
	h.applied = 0
	return nil
}
