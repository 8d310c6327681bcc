package lockfile

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/proc"
)

func TestClaimIsReadFromItsName(t *testing.T) {
	for name, want := range map[string]Claim{
		"/d/l.lock.mx.example.com.12.0":     {Host: "mx.example.com", PID: 12, N: 0},
		"/elsewhere/l.lock.h.12.1000000003": {Host: "h", PID: 12, N: 1000000003},
		"l.lock.10.0.0.1.12.5":              {Host: "10.0.0.1", PID: 12, N: 5},
	} {
		want.File = "/d/" + filepath.Base(name)
		if c, ok := parseClaim("/d/l.lock", name); !ok || c != want {
			t.Errorf("%s: got %+v %v, need %+v", name, c, ok, want)
		}
	}

	for _, name := range []string{
		"", "l.lock", "l.lock.", "l.lock.h", "l.lock.h.12", "l.lock.h.x.1", "l.lock.h.1.x", "m.lock.h.1.2", "l.lock.h.0.1", "l.lock.h.-1.1",
		"l.lock.h.01.1", "l.lock.12.1", "l.lock..12.1", "l.lock.h.99999999999.1", "l.lock.h.12.99999999999999999999", "l.lock.h.12.1/", "l.lock.h.+12.1",
	} {
		if c, ok := parseClaim("/d/l.lock", name); ok {
			t.Errorf("%q was taken for %+v", name, c)
		}
	}
}

// lay writes a claim of a process that need not exist.
func lay(t *testing.T, o Options, path string) *Lock {
	t.Helper()
	l, err := New(path, o)
	if err != nil {
		t.Fatal(err)
	}

	if err := l.layClaim(); err != nil {
		t.Fatal(err)
	}

	return l
}

// deadPID is the id of a process that has ended, and has been waited for.
func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestWaitersAreSeenByTheirClaims(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	me := Options{Lifetime: time.Hour}
	holder := lay(t, Options{Host: "there", PID: 5}, path)
	mustLock(t, holder, 0)
	var want []string
	for _, o := range []Options{{Host: "there", PID: 6}, {Host: host, PID: os.Getppid()}} {
		want = append(want, lay(t, o, path).Claim())
	}
	lay(t, me, path)                                                                     // our own
	lay(t, Options{Host: host, PID: deadPID(t)}, path)                                   // a dead process's
	lay(t, Options{Host: "there", PID: 6}, filepath.Join(filepath.Dir(path), "l2.lock")) // another lock's
	old := time.Now().Add(-time.Hour)
	lay(t, Options{Host: "there", PID: 7, Now: func() time.Time { return old }}, path) // long past
	had, err := Waiters(path, me)
	if err != nil {
		t.Fatal(err)
	}

	var files []string
	for _, c := range had {
		files = append(files, c.File)
	}
	slices.Sort(files)
	slices.Sort(want)

	if !slices.Equal(files, want) {
		t.Errorf("got waiters %q, need %q", files, want)
	}

	if h, err := Holder(path); err != nil || h.File != holder.Claim() || h.Host != "there" || h.PID != 5 {
		t.Errorf("got holder %+v (%v), need %s", h, err, holder.Claim())
	}

	if err := holder.Unlock(false); err != nil {
		t.Fatal(err)
	}

	if h, err := Holder(path); h != nil || err != nil {
		t.Errorf("got holder %+v (%v), need none", h, err)
	}
}

func TestBreakOwnDead(t *testing.T) {
	dead := deadPID(t)
	host := "h"
	o := Options{Host: host, PID: os.Getpid()}
	for what, c := range map[string]struct {
		holder Options
		python bool // its claims are numbered from 0
		want   bool
	}{
		"dead and ours":                {Options{Host: host, PID: dead}, false, true},
		"alive":                        {Options{Host: host, PID: os.Getppid()}, false, false},
		"this process itself":          {o, false, false},
		"another host's":               {Options{Host: "h2", PID: dead}, false, false},
		"a dead Python process's":      {Options{Host: host, PID: dead}, true, false},
		"another host with our suffix": {Options{Host: "x." + host, PID: dead}, false, false},
	} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "l.lock")
			l, err := New(path, c.holder)
			if err != nil {
				t.Fatal(err)
			}

			if c.python {
				l.claim = fmt.Sprintf("%s.h.%d.0", path, dead)
			}

			mustLock(t, l, 0)
			broken, err := BreakOwnDead(t.Context(), path, o)
			if err != nil {
				t.Fatal(err)
			}

			if got := broken != nil; got != c.want {
				t.Fatalf("broke it: %v, wanted %v", got, c.want)
			}

			if c.want {
				wantFiles(t, filepath.Dir(path))
			} else {
				wantFiles(t, filepath.Dir(path), path, l.Claim())
			}
		})
	}
}

// startSleeper starts a process that outlives the test unless it is killed.
func startSleeper(t *testing.T) int {
	t.Helper()
	sleeper := exec.Command(os.Args[0], "-test.run=^TestSleepUntilKilled$")
	sleeper.Env = append(os.Environ(), "MMRUNNER_LOCKFILE_SLEEP=1")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() })
	return sleeper.Process.Pid
}

// The process id of a dead process may be another's by now, and clocks may be
// set: what counts is when the kernel has the process begin.
func TestReusedProcessIDIsDead(t *testing.T) {
	pid := startSleeper(t)
	p, _ := proc.Find(pid)
	if p.Start == 0 {
		t.Skip("it is not known when processes began")
	}

	boot, err := proc.Boot()
	if err != nil {
		t.Fatal(err)
	}

	if d := time.Since(p.After(boot)); d < -2*time.Second || d > time.Minute {
		t.Errorf("a process that was just started began %v ago", d)
	}

	n := newNumber(pid)
	later := n + 1<<startedAt
	elsewhere := n ^ 1<<spaceAt
	nobody := n &^ ((1<<startedBits - 1) << startedAt)
	if !isOurs(n) || !sameSpace(n) || started(n) != p.Start || sameSpace(elsewhere) || started(nobody) != 0 || n < 0 {
		t.Fatalf("the number %x of a process begun at %x does not say so", n, p.Start)
	}

	me, err := Options{Host: "h"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	l := &Lock{path: filepath.Join(dir, "l.lock"), o: me}
	dead := deadPID(t)
	for _, c := range []struct {
		what        string
		pid         int
		n           int64
		dead, waits bool
	}{
		{"a running process", pid, n, false, true},
		{"one whose id another has", pid, later, true, false},
		{"one of which is not known when it began", pid, nobody, false, true},
		{"one of another container", pid, elsewhere, false, true},
		{"one that is gone", dead, n, true, false},
		{"one that may be in another container", dead, elsewhere, false, true},
		{"a running Python", pid, 0, false, true},
		{"a Python that is gone", dead, 3, false, false},
	} {
		name := fmt.Sprintf("%s.h.%d.%d", l.path, c.pid, c.n)
		if err := os.WriteFile(name, []byte(name), 0o664); err != nil {
			t.Fatal(err)
		}

		claim, ok := parseClaim(l.path, name)
		if !ok {
			t.Fatalf("%s is no claim", name)
		}

		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}

		if got := l.ownDead(claim); got != c.dead {
			t.Errorf("%s: taken for dead is %v", c.what, got)
		}

		if got := waits(claim, info); got != c.waits {
			t.Errorf("%s: taken for one that waits is %v", c.what, got)
		}
	}
}

func TestSleepUntilKilled(t *testing.T) {
	if os.Getenv("MMRUNNER_LOCKFILE_SLEEP") == "" {
		t.Skip("a helper process of another test")
	}
	time.Sleep(time.Minute)
}

func TestRemoveOwnDead(t *testing.T) {
	dir := t.TempDir()
	dead := deadPID(t)
	me := Options{Host: "h.lock", PID: os.Getpid()}
	a, b := filepath.Join(dir, "a.lock"), filepath.Join(dir, "b.h.lock.lock")
	theirs := Options{Host: "h.lock", PID: dead}
	held := lay(t, theirs, a)
	mustLock(t, held, 0)
	waiting := lay(t, theirs, b)
	var stay []string
	for _, o := range []Options{me, {Host: "h2", PID: dead}, {Host: "h.lock", PID: os.Getppid()}} {
		stay = append(stay, lay(t, o, a).Claim(), lay(t, o, b).Claim())
	}
	python := b + ".h.lock.1.0"
	if err := os.WriteFile(python, []byte(python), 0o664); err != nil {
		t.Fatal(err)
	}

	gone, err := RemoveOwnDead(t.Context(), dir, me)
	if err != nil {
		t.Fatal(err)
	}

	var files []string
	for _, c := range gone {
		files = append(files, c.File)
	}
	slices.Sort(files)

	if want := []string{held.Claim(), waiting.Claim()}; !slices.Equal(files, want) {
		t.Errorf("removed %q, wanted %q", files, want)
	}

	wantFiles(t, dir, append(stay, python)...)
	other, err := New(a, me)
	if err != nil {
		t.Fatal(err)
	}

	if err := other.Lock(context.Background(), time.Nanosecond); err != nil {
		t.Errorf("the broken lock could not be had at once: %v", err)
	}
}
