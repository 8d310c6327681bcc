package lockfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// Who finishes a dead process's work has its lock without its being free for a
// moment, as LockFile.py sees it too.
func TestLockOfADeadProcessIsTakenOver(t *testing.T) {
	prefix := mmtest.Prefix(t)
	path := filepath.Join(t.TempDir(), "l.lock")
	old := lay(t, Options{Host: "h", PID: deadPID(t), Lifetime: time.Second}, path)
	mustLock(t, old, 0)
	dead, err := Holder(path)
	if err != nil {
		t.Fatal(err)
	}

	f := newFake(t, "h", 8)
	if l, err := TakeOver(t.Context(), path, *dead, f.options); l != nil || err != nil {
		t.Errorf("got %v, %v, need no process to take over from itself", l, err)
	}

	ours.Delete(old.Claim()) // as in another process
	f.options.Debug = false
	l, err := TakeOver(t.Context(), path, *dead, f.options)
	if err != nil || l == nil {
		t.Fatal(l, err)
	}

	wantFiles(t, filepath.Dir(path), path, l.Claim())
	wantHeld(t, l, true)
	wantHeld(t, old, false)
	wantLines(t, f, "taken over, its process is gone: "+filepath.Base(old.Claim()))
	h, err := Holder(path)
	if err != nil || h.File != l.Claim() || h.Time.Before(time.Now().Add(50*time.Second)) {
		t.Errorf("got the holder %+v (%v), need us for a minute", h, err)
	}

	python := pythonProcess(t, prefix, path, "elsewhere.example")
	if held, _ := python.do(t, "trylock"); held {
		t.Error("Python got the lock that was taken over")
	}

	if err := l.Unlock(false); err != nil {
		t.Error(err)
	}

	held, claim := python.do(t, "lock")
	if !held {
		t.Error("Python did not get the lock afterwards")
	}

	// It belongs to another process now.
	if again, err := TakeOver(t.Context(), path, *dead, f.options); again != nil || err != nil {
		t.Errorf("got %v, %v, need that there is nothing to take over", again, err)
	}

	wantFiles(t, filepath.Dir(path), path, claim)
	python.do(t, "unlock")
	if again, err := TakeOver(t.Context(), path, *dead, f.options); again != nil || err != nil {
		t.Errorf("got %v, %v for a lock that nobody has, need nothing", again, err)
	}

	wantFiles(t, filepath.Dir(path))
}

// A process that has the id now which a dead one had keeps its lock, be it
// Python's or ours.
func TestTakeOverFromTheLiving(t *testing.T) {
	prefix := mmtest.Prefix(t)
	path := filepath.Join(t.TempDir(), "l.lock")
	f := newFake(t, "h", 8)
	keeps := func() {
		t.Helper()
		holder, err := Holder(path)
		if err != nil || holder == nil {
			t.Fatal(holder, err)
		}

		if l, err := TakeOver(t.Context(), path, *holder, f.options); l != nil || err != nil {
			t.Errorf("got %v, %v, need the lock of a living process left alone", l, err)
		}

		wantFiles(t, filepath.Dir(path), path, holder.File)
	}

	python := pythonProcess(t, prefix, path, "h")
	if held, _ := python.do(t, "lock"); !held {
		t.Fatal("Python did not get the lock")
	}

	keeps()
	python.do(t, "unlock")
	ours1 := lay(t, Options{Host: "h", PID: os.Getppid(), Lifetime: time.Second}, path)
	mustLock(t, ours1, 0)
	ours.Delete(ours1.Claim()) // as in another process
	keeps()
}

// Many that start together break a dead lock once, and never that of the one who
// has taken it since.
func TestBreakersTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	pid := deadPID(t)
	for range 20 {
		old := lay(t, Options{Host: "h", PID: pid}, path)
		mustLock(t, old, 0)
		var wg sync.WaitGroup
		var mu sync.Mutex
		broken, held := 0, 0
		for range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				o := Options{Host: "h", Lifetime: time.Hour, Guard: GuardFile(filepath.Dir(path))}
				c, err := BreakOwnDead(t.Context(), path, o)
				if err != nil {
					t.Error(err)
				}

				l, err := New(path, o)
				if err != nil {
					t.Error(err)
					return
				}
				err = l.Lock(context.Background(), time.Nanosecond)
				if err != nil && !errors.Is(err, ErrTimeout) {
					t.Error(err)
				}

				mu.Lock()
				defer mu.Unlock()
				if c != nil {
					broken++
				}

				if has, err := l.Renew(); err != nil {
					t.Error(err)
				} else if has {
					held++
				}
			}()
		}

		wg.Wait()
		if broken != 1 || held != 1 {
			t.Errorf("broken %d times and got by %d, need once and one", broken, held)
		}

		h, err := Holder(path)
		if err != nil || h == nil || !strings.HasPrefix(filepath.Base(h.File), "l.lock.h.") {
			t.Fatalf("got the holder %+v (%v)", h, err)
		}

		if err := errors.Join(os.Remove(path), os.Remove(h.File)); err != nil {
			t.Fatal(err)
		}

		ours.Delete(h.File)
	}
}
