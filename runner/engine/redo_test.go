package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// meddler is a handler that counts its entries in the list, and has another process
// else change the list while it does so for the first time.
type meddler struct {
	meddle func()
	log    []string
}

func (m *meddler) Name() string                 { return "BounceRunner" }
func (m *meddler) Queue() string                { return "bounces" }
func (m *meddler) Classify(*runner.Entry) error { return nil }
func (m *meddler) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	if m.meddle != nil {
		m.meddle()
		m.meddle = nil
	}

	if e.Data.True("seen") {
		m.log = append(m.log, "an entry kept what an attempt before had done to it")
	}

	e.Data.Set("seen", pickle.Int(1))
	b.List().Set("count", pickle.Int(b.List().Int("count")+1))
	b.Log("bounce", "counted %d", b.List().Int("count"))
	b.Save()
	return runner.Applied, nil
}
func (m *meddler) Batched(runner.Batch) error { return nil }

// group begins a group of an engine's transactions.
func group(t *testing.T, e *Engine) *txn.Group {
	t.Helper()
	j, err := e.openJournal()
	if err != nil {
		t.Fatal(err)
	}

	g, err := j.Group(nil)
	if err != nil {
		t.Fatal(err)
	}

	return g
}

// countingSite is a site with a list for the meddler, and one more attribute.
func countingSite(t *testing.T, more string) *site.Site {
	t.Helper()
	s := site.FromProfile(t.TempDir(), site.Builtin())
	for _, dir := range []string{s.LockDir(), s.LogDir(), s.DataDir(), s.QueueDir("bounces"), filepath.Join(s.ListDataDir(), "test")} {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}
	}

	d := pickle.NewDict()
	d.SetStr("data_version", pickle.Int(s.Profile.DataFileVersion))
	d.SetStr("preferred_language", pickle.Str("en"))
	d.SetStr("count", pickle.Int(0))
	d.SetStr(more, pickle.Int(0))
	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(s.ListDataDir(), "test", "config.pck"), b, 0o660); err != nil {
		t.Fatal(err)
	}

	return s
}

// enqueueForTest puts entries for the counting list into an engine's queue.
func enqueueForTest(t *testing.T, e *Engine, n int) {
	t.Helper()
	for range n {
		data := qfile.NewData()
		data.Set("listname", pickle.Str("test"))
		data.Set("_parsemsg", pickle.Int(1))
		if _, err := e.Queue.Enqueue(pickle.Str("From: a@example.com\n\nbody\n"), data); err != nil {
			t.Fatal(err)
		}
	}
}

// A batch is worked out before its list is locked, so it must be worked out
// again when another process has saved the list meanwhile.
func TestListChangesBeforeItsLock(t *testing.T) {
	s := countingSite(t, "other")
	env := txn.NewEnv(s)
	defer env.Log.Close()

	m := &meddler{meddle: func() {
		l, err := maillist.Open(s, "test", maillist.Options{Held: true})
		if err != nil {
			t.Fatal(err)
		}

		l.Set("count", pickle.Int(100))
		l.Set("other", pickle.Int(7))
		files, err := l.Stage()
		if err != nil {
			t.Fatal(err)
		}

		for _, f := range files {
			if err := f.Publish(nil); err != nil {
				t.Fatal(err)
			}
		}
	}}

	e, err := New(env, m, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	enqueueForTest(t, e, 3)
	stats, err := e.Drain(context.Background())
	if err != nil {
		t.Fatal(err)
	}

	if stats.Entries != 3 || stats.Outcomes[runner.Applied] != 3 || stats.Commits != 1 {
		t.Errorf("got %+v, need 3 entries applied in 1 commit", stats)
	}

	l, err := maillist.Open(s, "test", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	if count, other := l.Int("count"), l.Int("other"); count != 103 || other != 7 {
		t.Errorf("got count %d and other %d, need 103 and 7", count, other)
	}

	for _, line := range m.log {
		t.Error(line)
	}
	if left, _ := os.ReadDir(s.QueueDir("bounces")); len(left) != 0 {
		t.Errorf("got %d entries left, need none", len(left))
	}

	if left, _ := os.ReadDir(s.LockDir()); len(left) != 0 {
		t.Errorf("got %d files left in the lock directory, need none", len(left))
	}

	lines, err := os.ReadFile(filepath.Join(s.LogDir(), "bounce"))
	if err != nil {
		t.Fatal(err)
	}

	if n := strings.Count(string(lines), "\n"); n != 3 {
		t.Errorf("got %d log lines, need 3:\n%s", n, lines)
	}
}

// visitor is a handler whose entries are about a second list too.
type visitor struct{ meddler }

func (v *visitor) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	if _, err := b.With("other"); err != nil {
		return "", fmt.Errorf("visiting: %w", err)
	}
	return v.meddler.Apply(b, e)
}

// Mailman waits for another list's lock as long as it takes. That it is not had in
// time says nothing of the entry, which stays.
func TestOtherListIsLocked(t *testing.T) {
	for _, why := range []error{lockfile.ErrTimeout, syscall.EIO} {
		s := countingSite(t, "more")
		if err := os.CopyFS(filepath.Join(s.ListDataDir(), "other"), os.DirFS(filepath.Join(s.ListDataDir(), "test"))); err != nil {
			t.Fatal(err)
		}

		env := txn.NewEnv(s)
		defer env.Log.Close()
		locked := true
		env.Lock = func(_ context.Context, name string, _ time.Duration) (txn.Lock, error) {
			if name == "other" && locked {
				return nil, why
			}
			return free{}, nil
		}

		e, err := New(env, &visitor{}, 0, 1)
		if err != nil {
			t.Fatal(err)
		}

		enqueueForTest(t, e, 1)
		for _, want := range []runner.Outcome{runner.Kept, runner.Applied} {
			stats, err := e.Drain(t.Context())
			if err != nil || stats.Outcomes[want] != 1 || stats.Entries != 1 {
				t.Errorf("%v: got %+v, %v, need one %s", why, stats, err, want)
			}
			locked = false
		}
	}
}

// dated is a lock that counts how often it is refreshed.
type dated struct {
	free
	times *int
}

func (d dated) Renew() (bool, error) {
	*d.times++
	return true, nil
}

// replace has a new file with the same contents.
func replace(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(file+".new", b, 0o660); err != nil {
		t.Fatal(err)
	}

	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// A batch that is worked out under the lock dates it anew now and then, or another process
// would break it if that took long.
func TestLockIsRefreshed(t *testing.T) {
	for _, c := range []struct {
		lifetime float64 // seconds
		least    int
		most     int
	}{
		{0, 8, 20},
		{3600, 1, 3},
	} {
		s := countingSite(t, "other")
		s.Profile.Settings["LIST_LOCK_LIFETIME"] = site.Setting{Value: c.lifetime}
		env := txn.NewEnv(s)
		defer env.Log.Close()
		times := 0
		tries := 0
		env.Lock = func(context.Context, string, time.Duration) (txn.Lock, error) {
			// Until it takes the lock first, the other process is always faster.
			if tries++; tries <= maxTries {
				replace(t, filepath.Join(s.ListDataDir(), "test", "config.pck"))
			}
			return dated{times: &times}, nil
		}

		m := &meddler{}
		e, err := New(env, m, 0, 1)
		if err != nil {
			t.Fatal(err)
		}

		enqueueForTest(t, e, 8)
		if stats, err := e.Drain(t.Context()); err != nil || stats.Outcomes[runner.Applied] != 8 {
			t.Fatalf("got %+v, %v, need 8 entries applied", stats, err)
		}

		if times < c.least || times > c.most {
			t.Errorf("lifetime %v s: refreshed the lock %d times, wanted %d to %d", c.lifetime, times, c.least, c.most)
		}
	}
}
