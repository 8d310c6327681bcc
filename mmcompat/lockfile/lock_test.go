package lockfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fake is a host whose time passes only while a process sleeps.
type fake struct {
	now     time.Time
	asleep  func() // runs in each sleep
	slept   []time.Duration
	lines   []string
	options Options
}

func newFake(t *testing.T, host string, pid int) *fake {
	f := &fake{now: time.Now(), asleep: func() {}}
	r := 0.0
	f.options = Options{
		Host: host, PID: pid, Debug: true, Lifetime: time.Minute,
		Now: func() time.Time { return f.now },
		Log: func(s string) { f.lines = append(f.lines, s) },
		Rand: func() float64 {
			r += .25
			return r - .25
		},
		Sleep: func(ctx context.Context, d time.Duration) {
			if len(f.slept) > 10000 {
				t.Fatal("still waits after 10000 polls")
			}

			f.slept = append(f.slept, d)
			f.now = f.now.Add(d)
			f.asleep()

			if r > .75 {
				r = 0
			}
		},
	}

	return f
}

func (f *fake) lock(t *testing.T, path string) *Lock {
	t.Helper()
	l, err := New(path, f.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Unlock(true) })
	return l
}

func mustLock(t *testing.T, l *Lock, timeout time.Duration) {
	t.Helper()
	if err := l.Lock(context.Background(), timeout); err != nil {
		t.Fatal(err)
	}
}

func wantHeld(t *testing.T, l *Lock, want bool) {
	t.Helper()
	if held, err := l.Renew(); held != want || err != nil {
		t.Errorf("%s: got held %v (%v), need %v", l.Claim(), held, err, want)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	var had []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range entries {
		had = append(had, filepath.Join(dir, e.Name()))
	}
	slices.Sort(want)
	if !slices.Equal(had, want) {
		t.Errorf("got files %q, need %q", had, want)
	}
}

func wantLines(t *testing.T, f *fake, want ...string) {
	t.Helper()
	for i := range want {
		want[i] = "l.lock " + want[i]
	}
	if !slices.Equal(f.lines, want) {
		t.Errorf("got log %q, need %q", f.lines, want)
	}
	f.lines = nil
}

func TestLockAndUnlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	f := newFake(t, "mx.example.com", 77)
	l := f.lock(t, path)
	if want := path + ".mx.example.com.77."; !strings.HasPrefix(l.Claim(), want) {
		t.Errorf("got claim %q, need it to begin with %q", l.Claim(), want)
	}

	wantFiles(t, filepath.Dir(path))
	old := syscall.Umask(0o077)
	mustLock(t, l, 0)
	syscall.Umask(old)
	wantFiles(t, filepath.Dir(path), path, l.Claim())

	if b, err := os.ReadFile(path); string(b) != l.Claim() {
		t.Errorf("got %q (%v) in the lock, need %q", b, err, l.Claim())
	}

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	if n := info.Sys().(*syscall.Stat_t).Nlink; n != 2 {
		t.Errorf("got %d links, need 2", n)
	}

	if info.Mode() != 0o664 {
		t.Errorf("got mode %v, need 0664 whatever the umask", info.Mode())
	}

	if want := f.now.Add(time.Minute).Truncate(time.Microsecond); !info.ModTime().Equal(want) {
		t.Errorf("got release time %v, need %v", info.ModTime(), want)
	}

	wantHeld(t, l, true)
	if err := l.Unlock(false); err != nil {
		t.Fatal(err)
	}

	wantFiles(t, filepath.Dir(path))
	wantHeld(t, l, false)
	wantLines(t, f, "laying claim", "got the lock", "unlocked")

	// A Lock may be used again.
	mustLock(t, l, 0)
	wantHeld(t, l, true)
}

func TestAlreadyLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	f := newFake(t, "h", 7)
	l := f.lock(t, path)
	mustLock(t, l, 0)
	f.lines = nil

	if err := l.Lock(context.Background(), 0); !errors.Is(err, ErrAlreadyLocked) {
		t.Errorf("got %v, need ErrAlreadyLocked", err)
	}

	wantLines(t, f, "laying claim", "already locked")
	wantHeld(t, l, true)
}

func TestLockThatIsNotHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	f := newFake(t, "h", 7)
	l, other := f.lock(t, path), f.lock(t, path)
	mustLock(t, other, 0)

	for what, err := range map[string]error{"Unlock": l.Unlock(false)} {
		if !errors.Is(err, ErrNotLocked) || !strings.Contains(err.Error(), filepath.Base(other.Claim())) {
			t.Errorf("%s: got %v, need ErrNotLocked with who has it", what, err)
		}
	}

	if err := l.Unlock(true); err != nil {
		t.Errorf("unconditional Unlock: %v", err)
	}

	wantHeld(t, other, true)
}

func TestLockGivesUpAfterItsTimeout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	holder := newFake(t, "h", 7).lock(t, path)
	mustLock(t, holder, 0)
	f := newFake(t, "h", 8)
	err := f.lock(t, path).Lock(context.Background(), 2*time.Second)
	if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), filepath.Base(holder.Claim())) {
		t.Errorf("got %v, need ErrTimeout with who has it", err)
	}

	// 0.01 + 2 r seconds, r = 0, 1/4, 1/2, 3/4
	ms := time.Millisecond
	if want := []time.Duration{10 * ms, 510 * ms, 1010 * ms, 1510 * ms}; !slices.Equal(f.slept, want) {
		t.Errorf("slept %v, wanted %v", f.slept, want)
	}

	wantLines(t, f, "laying claim", "waiting for claim", "timed out")
	wantFiles(t, filepath.Dir(path), path, holder.Claim())
}

func TestWaitsForItsTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	a, f := newFake(t, "h", 7), newFake(t, "h2", 7)
	holder := a.lock(t, path)
	mustLock(t, holder, 0)

	f.asleep = func() {
		a.now = f.now
		if len(f.slept) == 102 {
			if err := holder.Unlock(false); err != nil {
				t.Error(err)
			}
		} else if len(f.slept) < 102 {
			wantHeld(t, holder, true) // which refreshes it
		}
	}

	l := f.lock(t, path)
	mustLock(t, l, 0)
	wantHeld(t, l, true)
	wantLines(t, f, "laying claim", "waiting for claim", "waiting for claim", "got the lock")
}

func TestContextEndsTheWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	holder := newFake(t, "h", 7).lock(t, path)
	mustLock(t, holder, 0)
	f := newFake(t, "h", 8)
	ctx, cancel := context.WithCancel(context.Background())
	f.asleep = cancel

	if err := f.lock(t, path).Lock(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, need context.Canceled", err)
	}

	wantFiles(t, filepath.Dir(path), path, holder.Claim())
}

func TestExpiredLockIsBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	a := newFake(t, "other", 1)
	old := a.lock(t, path)
	mustLock(t, old, 0)
	f := newFake(t, "h", 8)
	f.now = a.now.Truncate(time.Second)
	f.options.Rand = func() float64 { return .495 } // a second a sleep
	l := f.lock(t, path)
	mustLock(t, l, 5*time.Minute)

	// Broken in the first second past lifetime and slop, had at the poll after that.
	if want := 60 + 10 + 1 + 1; len(f.slept) != want {
		t.Errorf("slept %d seconds, wanted %d", len(f.slept), want)
	}

	wantLines(t, f, "laying claim", "waiting for claim", "lifetime has expired, breaking", "got the lock")
	wantFiles(t, filepath.Dir(path), path, l.Claim())
	wantHeld(t, old, false)

	if has, err := old.Renew(); has || err != nil {
		t.Errorf("the old holder got %v, need ErrNotLocked", err)
	}

	if err := old.Unlock(true); err != nil {
		t.Error(err)
	}

	wantHeld(t, l, true)
}

func TestRefreshPutsTheEndOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	a := newFake(t, "other", 1)
	old := a.lock(t, path)
	mustLock(t, old, 0)
	f := newFake(t, "h", 8)
	f.asleep = func() {
		a.now = f.now
		if has, err := old.Renew(); !has || err != nil {
			t.Error(err)
		}
	}

	if err := f.lock(t, path).Lock(context.Background(), time.Hour); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, need ErrTimeout", err)
	}

	old.SetLifetime(3 * time.Hour)
	wantHeld(t, old, true)
	h, err := Holder(path)
	if err != nil || h.File != old.Claim() || h.Time.Sub(a.now).Round(time.Second) != 3*time.Hour {
		t.Errorf("got holder %+v (%v), need %s for 3 more hours", h, err, old.Claim())
	}
}

// A lock that goes from one to another between the looks at it must not be broken.
func TestFreedLockIsNotBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	f := newFake(t, "h", 8)
	first, second, l := f.lock(t, path), f.lock(t, path), f.lock(t, path)
	mustLock(t, first, 0)
	defer func() { link = os.Link }()

	link = func(from, to string) error {
		err := os.Link(from, to)
		link = os.Link
		if e := first.Unlock(false); e != nil {
			t.Error(e)
		}
		return err
	}

	f.asleep = func() { mustLock(t, second, 0); f.asleep = func() {} }
	if err := l.Lock(context.Background(), 30*time.Second); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v, need ErrTimeout", err)
	}

	wantHeld(t, second, true)
	if s := strings.Join(f.lines, "\n"); strings.Contains(s, "breaking") || strings.Contains(s, "unexpected") {
		t.Errorf("had log %q", s)
	}
}

func TestClaimCleanedAwayIsLaidAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	holder := newFake(t, "h", 7).lock(t, path)
	mustLock(t, holder, 0)
	f := newFake(t, "h", 8)
	l := f.lock(t, path)
	f.asleep = func() {
		f.asleep = func() {}
		if err := errors.Join(holder.Unlock(false), os.Remove(l.Claim())); err != nil {
			t.Error(err)
		}
	}

	mustLock(t, l, time.Minute)
	wantHeld(t, l, true)
}

// NFS may lose the answer to a link that was made, and a predecessor may have died
// with our process id and number.
func TestLockThatIsOursByNameCountsAsGot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	l := newFake(t, "h", 8).lock(t, path)
	defer func() { link = os.Link }()

	link = func(from, to string) error {
		link = os.Link
		return errors.Join(os.Link(from, to), os.Link(from, to))
	}

	mustLock(t, l, time.Minute)
	wantHeld(t, l, true)
}

func TestStrangeLinkCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	if err := os.WriteFile(path, []byte(path+".h.9.0"), 0o664); err != nil {
		t.Fatal(err)
	}

	f := newFake(t, "h", 8)
	f.now = f.now.Add(2 * Slop)
	l := f.lock(t, path)
	mustLock(t, l, time.Minute)
	wantLines(t, f, "laying claim", "unexpected linkcount: 1", "lifetime has expired, breaking", "got the lock")
}

func TestErrorsOfLinkAreReturned(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EMLINK: "[Errno 31] Too many links",
		syscall.ESTALE: "[Errno 116] Stale file handle",
		syscall.EIO:    "[Errno 5] Input/output error",
		syscall.EPERM:  "[Errno 1] Operation not permitted",
	} {
		path := filepath.Join(t.TempDir(), "l.lock")
		f := newFake(t, "h", 8)
		link = func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: errno} }
		err := f.lock(t, path).Lock(context.Background(), 0)
		link = os.Link

		if !errors.Is(err, errno) {
			t.Errorf("got %v, need %v", err, errno)
		}

		wantLines(t, f, "laying claim", "unexpected link error: "+want)
		wantFiles(t, filepath.Dir(path))
	}
}

func TestNoDirectory(t *testing.T) {
	l := newFake(t, "h", 8).lock(t, filepath.Join(t.TempDir(), "gone", "l.lock"))
	if err := l.Lock(context.Background(), time.Second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, need that the directory does not exist", err)
	}
}

// A lock file may hold anything; only claims on it are ever removed beside it.
func FuzzLockFileContents(f *testing.F) {
	for _, s := range []string{"", "%", "%.h.9.0", "%.h.9", "other.lock.h.9.0", "/etc/passwd", "..", "\x00", "%.", "%..9.0", strings.Repeat("x", 70000)} {
		f.Add(s, true)
		f.Add(s, false)
	}

	f.Fuzz(func(t *testing.T, s string, linked bool) {
		dir := t.TempDir()
		path := filepath.Join(dir, "l.lock")
		s = strings.ReplaceAll(s, "%", path)
		bystander := filepath.Join(dir, "other.lock.h.9.0")
		for _, name := range []string{path, bystander} {
			if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		if linked {
			if err := os.Link(path, path+".h.9.0"); err != nil {
				t.Fatal(err)
			}
		}

		if _, err := Holder(path); err != nil {
			t.Error(err)
		}

		fk := newFake(t, "h", 8)
		l := fk.lock(t, path)
		if err := l.Lock(context.Background(), Slop/2); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v before the lock expired, need ErrTimeout", err)
		}

		mustLock(t, l, 2*Slop)
		wantHeld(t, l, true)
		if b, err := os.ReadFile(bystander); err != nil || string(b) != s {
			t.Errorf("a bystander was changed: %v", err)
		}

		if err := l.Unlock(false); err != nil {
			t.Error(err)
		}
	})
}

// A lock that this process could neither date nor give back is its own to break,
// and the next claimant on this host does; a claimant elsewhere may not before its lifetime is over.
func TestLockThatWasLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.lock")
	f := newFake(t, "here", 1001)
	first := f.lock(t, path)
	mustLock(t, first, 0)
	ours.Store(first.claim, left)
	second := f.lock(t, path)
	mustLock(t, second, time.Second)

	if has, err := second.Renew(); !has || err != nil {
		t.Errorf("got %v, %v, need the lock", has, err)
	}

	if len(f.slept) > 0 {
		t.Errorf("waited %v for itself", f.slept)
	}

	if _, err := os.Lstat(first.claim); !os.IsNotExist(err) {
		t.Errorf("the claim that was left: got %v, need it gone", err)
	}
}
