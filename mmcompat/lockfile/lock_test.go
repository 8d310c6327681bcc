package lockfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

func newLock(t *testing.T, path string, o Options) *Lock {
	t.Helper()
	if o.Lifetime == 0 {
		o.Lifetime = time.Minute
	}
	l, err := New(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestClaimFileAndLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.lock")
	l := newLock(t, path, Options{Host: "mx.example.com", PID: 77, Lifetime: time.Hour})
	before := time.Now()
	if err := l.Lock(context.Background(), time.Second); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(l.claim, path+".mx.example.com.77.") {
		t.Errorf("had claim %q", l.claim)
	}
	for _, f := range []string{path, l.claim} {
		if b, err := os.ReadFile(f); err != nil || string(b) != l.claim {
			t.Errorf("%s: had %q, %v", f, b, err)
		}
	}
	if n := l.links(); n != 2 {
		t.Errorf("had %d links, wanted 2", n)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := info.ModTime().Sub(before); d < 59*time.Minute || d > 61*time.Minute {
		t.Errorf("expires in %v, wanted an hour", d)
	}
	if info.Mode().Perm() != 0o664 {
		t.Errorf("had mode %v", info.Mode())
	}
	if err := l.Lock(context.Background(), time.Second); !errors.Is(err, ErrAlreadyLocked) {
		t.Errorf("had %v, wanted ErrAlreadyLocked", err)
	}
	if err := l.Unlock(false); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := l.Unlock(false); !errors.Is(err, ErrNotLocked) {
		t.Errorf("had %v, wanted ErrNotLocked", err)
	}
}

// clock moves on when somebody sleeps.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time                           { return c.now }
func (c *clock) Sleep(_ context.Context, d time.Duration) { c.now = c.now.Add(d) }

func TestTimeoutLeavesNoClaim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.lock")
	c := &clock{time.Now()}
	a, b := newLock(t, path, Options{}), newLock(t, path, Options{Now: c.Now, Sleep: c.Sleep})
	if err := a.Lock(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Lock(context.Background(), 10*time.Second); !errors.Is(err, ErrTimeout) {
		t.Fatalf("had %v, wanted ErrTimeout", err)
	}
	if waiting, err := Waiters(path); err != nil || len(waiting) != 0 {
		t.Errorf("had waiters %v, %v", waiting, err)
	}
	if held, err := a.Held(); !held || err != nil {
		t.Errorf("the holder lost it: %v", err)
	}
}

func TestExpiredLockIsBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.lock")
	var lines []string
	c := &clock{time.Now()}
	a := newLock(t, path, Options{Host: "other", PID: 1, Lifetime: time.Minute})
	b := newLock(t, path, Options{Now: c.Now, Sleep: c.Sleep, Log: func(s string) { lines = append(lines, s) }})
	if err := a.Lock(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Lock(context.Background(), 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	if d := c.now.Sub(time.Now()); d < 65*time.Second {
		t.Errorf("broken after %v, wanted its lifetime and the slop", d)
	}
	if len(lines) != 1 || lines[0] != "test.lock lifetime has expired, breaking" {
		t.Errorf("had log %q", lines)
	}
	if err := a.Refresh(); !errors.Is(err, ErrNotLocked) {
		t.Errorf("the old holder had %v, wanted ErrNotLocked", err)
	}
	if err := a.Unlock(true); err != nil {
		t.Error(err)
	}
	if held, _ := b.Held(); !held {
		t.Error("the old holder's unlock took the new one's lock")
	}
}

func TestHolderWaitersAndBreakDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.lock")
	// A process that has ended: its number is free for long enough.
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip("no true to run:", err)
	}
	dead := newLock(t, path, Options{Host: "here.example", PID: cmd.Process.Pid})
	if err := dead.Lock(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	waiter := newLock(t, path, Options{Host: "there", PID: 5})
	if err := waiter.writeClaim(); err != nil {
		t.Fatal(err)
	}
	h, ok := Holder(path)
	if !ok || h.Host != "here.example" || h.PID != cmd.Process.Pid {
		t.Errorf("had holder %+v", h)
	}
	w, err := Waiters(path)
	if err != nil || len(w) != 1 || w[0].Host != "there" || w[0].PID != 5 {
		t.Errorf("had waiters %+v, %v", w, err)
	}
	if broke, err := BreakDead(path, "elsewhere"); broke || err != nil {
		t.Errorf("broke another host's lock (%v)", err)
	}
	if broke, err := BreakDead(path, "here.example"); !broke || err != nil {
		t.Errorf("did not break a dead process's lock: %v", err)
	}
	if _, ok := Holder(path); ok {
		t.Error("the lock is still there")
	}
}

func TestParseClaimRefuses(t *testing.T) {
	for _, f := range []string{"l", "l.", "l.h.1", "l.h.x.1", "l.h.1.x", "m.h.1.2", "l.h.0.1"} {
		if c, ok := ParseClaim("l", f); ok {
			t.Errorf("%q was taken for %+v", f, c)
		}
	}
}

// rounds is how often each process adds one under the lock.
const rounds = 25

func count(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(b))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(n+1)), 0o660)
}

const pythonCounter = `
import sys, socket
sys.path.insert(0, sys.argv[1] + '/bin')
import paths
from Mailman import LockFile
socket.gethostname = lambda: sys.argv[4]
LockFile.random.random = lambda r=LockFile.random.random: r() * .02
l = LockFile.LockFile(sys.argv[2], 60)
for i in range(int(sys.argv[5])):
    l.lock()
    n = int(open(sys.argv[3]).read())
    open(sys.argv[3], 'w').write(str(n + 1))
    l.unlock()
`

// Nobody's update may be lost, whoever wrote the runner and whatever host it is on.
func TestContentionWithMailman(t *testing.T) {
	python, prefix := mmtest.Python(t), mmtest.Prefix(t)
	dir := t.TempDir()
	path, counter := filepath.Join(dir, "test.lock"), filepath.Join(dir, "counter")
	if err := os.WriteFile(counter, []byte("0"), 0o660); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	quick := func(ctx context.Context, d time.Duration) { sleep(ctx, d/100) }
	for i := range 4 {
		wg.Add(2)
		host := fmt.Sprintf("host%d.example", i%2)
		go func() {
			defer wg.Done()
			out, err := exec.Command(python, "-c", pythonCounter, prefix, path, counter, host, strconv.Itoa(rounds)).CombinedOutput()
			if err != nil {
				errs <- fmt.Errorf("python: %v\n%s", err, out)
			}
		}()
		go func() {
			defer wg.Done()
			l, err := New(path, Options{Lifetime: time.Minute, Host: host, PID: 100000 + i, Sleep: quick})
			for range rounds {
				if err == nil {
					err = l.Lock(context.Background(), 0)
				}
				if err == nil {
					err = count(counter)
				}
				if err == nil {
					err = l.Unlock(false)
				}
			}
			if err != nil {
				errs <- err
			}
		}()
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if b, _ := os.ReadFile(counter); string(b) != strconv.Itoa(8*rounds) {
		t.Errorf("had %s, wanted %d: updates were lost", b, 8*rounds)
	}
}
