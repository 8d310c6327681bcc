package engine

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// spoil keeps an engine's journal from taking any record, as a directory does that
// may not be written to, until the returned function is called.
func spoil(t *testing.T, e *Engine) (mend func()) {
	t.Helper()
	if _, err := e.openJournal(); err != nil {
		t.Fatal(err)
	}

	dir := e.Env.Site.DataDir()
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}

	return func() {
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Error(err)
		}
	}
}

// An entry that is no entry, and cannot be preserved now, goes back into the
// queue. That is no news: the loop must not be busy with it until it can.
func TestLoopIsNotBusyWithWhatCannotBeKept(t *testing.T) {
	e, _ := harness(t, newSite(t, "test"))
	e.Env.Now = time.Now
	file := e.Queue.Path("1700000000.5+0000000000000000000000000000000000000007", qfile.Waiting)
	if err := os.WriteFile(file, []byte("no entry"), 0o660); err != nil {
		t.Fatal(err)
	}

	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}

	mend := spoil(t, e)
	ctx, stop := context.WithTimeout(t.Context(), 4500*time.Millisecond)
	defer stop()

	go func() {
		time.Sleep(2 * time.Second)
		mend()
	}()

	steps := 0
	l := &Loop{Engines: []*Engine{e}, Each: func(*Engine) { steps++ }}
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}

	if steps > 10 {
		t.Errorf("got %d looks at the queue, need 10 at most", steps)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	if _, err := os.Stat(filepath.Join(e.Env.Site.QueueDir("bad"), "1700000000.5+0000000000000000000000000000000000000007.psv")); err != nil {
		t.Errorf("once it could be preserved: %v", err)
	}
}

// stuck is a lock that cannot be looked at, nor given back, for a while.
type stuck struct {
	txn.Lock
	faults *int
}

var errStuck = errors.New("stuck")

func (l stuck) Renew() (bool, error) {
	if *l.faults > 0 {
		*l.faults--
		return false, errStuck
	}
	return l.Lock.Renew()
}

func (l stuck) Unlock(unconditionally bool) error {
	if *l.faults > 0 {
		*l.faults--
		return errStuck
	}
	return l.Lock.Unlock(unconditionally)
}

// A lock that could not be given back is, as soon as that can be done: this
// process lives, so no other process may break it.
func TestLockThatIsStuck(t *testing.T) {
	for faults := 1; faults <= 4; faults++ {
		s := countingSite(t, "")
		e, err := New(txn.NewEnv(s), &meddler{}, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Env.Log.Close()
		left := 0
		env := e.Env
		env.LockTimeout = 10 * time.Millisecond

		env.Lock = func(ctx context.Context, name string, wait time.Duration) (txn.Lock, error) {
			l, err := env.LockFile(ctx, name, wait)
			if err != nil {
				return nil, err
			}
			left = faults
			return stuck{l, &left}, nil
		}

		tx, _, err := group(t, e).Begin(t.Context(), "test", txn.LockFirst)
		if err != nil {
			t.Fatal(err)
		}

		if err := tx.Drop(); err != nil {
			t.Error(err)
		}

		for range faults {
			e.resume()
		}
		if _, err := os.Stat(maillist.LockPath(s, "test")); err == nil {
			t.Errorf("%d faults: the lock is left", faults)
		}

		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Thousands of entries that cannot be claimed are one line of the log at a time.
func TestEntriesThatCannotBeClaimed(t *testing.T) {
	s := newSite(t, "test")
	e, _ := harness(t, s)
	for range 50 {
		enqueue(t, e, "test", "x", false)
	}
	bases, err := e.Queue.Files(qfile.Waiting)
	if err != nil {
		t.Fatal(err)
	}

	b := &batch{list: "test", claimed: map[string]bool{}}
	for _, base := range bases {
		b.entries = append(b.entries, &runner.Entry{Base: base})
		if err := os.MkdirAll(filepath.Join(e.Queue.Path(base, qfile.Claimed), "in the way"), 0o770); err != nil {
			t.Fatal(err)
		}
	}

	b.taken = b.entries
	e.start(true)
	if _, err := e.claim([]*batch{b}); err != nil || len(b.claimed) != 0 || len(b.entries) != 0 || e.stats.Outcomes[runner.Kept] != len(bases) {
		t.Errorf("got %d claimed and %+v, %v, need all kept", len(b.claimed), e.stats, err)
	}

	log, err := os.ReadFile(filepath.Join(s.LogDir(), "error"))
	if lines := bytes.Count(log, []byte("in the queue")); err != nil || lines != 1 {
		t.Errorf("got %d lines, need 1: %v\n%.500s", lines, err, log)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
