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
)

func TestParseClaim(t *testing.T) {
	for name, want := range map[string]Claim{
		"/d/l.lock.mx.example.com.12.0":     {Host: "mx.example.com", PID: 12, N: 0},
		"/elsewhere/l.lock.h.12.1000000003": {Host: "h", PID: 12, N: 1000000003},
		"l.lock.10.0.0.1.12.5":              {Host: "10.0.0.1", PID: 12, N: 5},
	} {
		want.File = "/d/" + filepath.Base(name)
		if c, ok := ParseClaim("/d/l.lock", name); !ok || c != want {
			t.Errorf("%s: had %+v %v, wanted %+v", name, c, ok, want)
		}
	}
	for _, name := range []string{
		"", "l.lock", "l.lock.", "l.lock.h", "l.lock.h.12", "l.lock.h.x.1", "l.lock.h.1.x", "m.lock.h.1.2", "l.lock.h.0.1", "l.lock.h.-1.1",
		"l.lock.h.01.1", "l.lock.12.1", "l.lock..12.1", "l.lock.h.99999999999.1", "l.lock.h.12.99999999999999999999", "l.lock.h.12.1/", "l.lock.h.+12.1",
	} {
		if c, ok := ParseClaim("/d/l.lock", name); ok {
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

func TestWaiters(t *testing.T) {
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
		t.Errorf("had waiters %q, wanted %q", files, want)
	}
	if h, err := Holder(path); err != nil || h.File != holder.Claim() || h.Host != "there" || h.PID != 5 {
		t.Errorf("had holder %+v (%v), wanted %s", h, err, holder.Claim())
	}
	if err := holder.Unlock(false); err != nil {
		t.Fatal(err)
	}
	if h, err := Holder(path); h != nil || err != nil {
		t.Errorf("had holder %+v (%v), wanted none", h, err)
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
			broken, err := BreakOwnDead(path, o)
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

// The process id of a dead process may be another's by now.
func TestReusedProcessIDIsDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.lock")
	sleeper := exec.Command(os.Args[0], "-test.run=^TestSleepUntilKilled$")
	sleeper.Env = append(os.Environ(), "MMRUNNER_LOCKFILE_SLEEP=1")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { sleeper.Process.Kill(); sleeper.Wait() }()
	p, err := readProc(sleeper.Process.Pid)
	if err != nil {
		t.Skip("no /proc:", err)
	}
	l := lay(t, Options{Host: "h", PID: sleeper.Process.Pid}, path)
	info, err := os.Stat(l.Claim())
	if err != nil {
		t.Fatal(err)
	}
	if !running(sleeper.Process.Pid, info) {
		t.Errorf("a process begun at %v was taken for dead", p.began)
	}
	if d := time.Since(p.began); d < -2*time.Second || d > time.Minute {
		t.Errorf("it began %v ago, wanted some milliseconds", d)
	}
	self, err := readProc(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if self.state == 'Z' || self.state == 'X' || self.began.After(p.began) {
		t.Errorf("we came out as %+v, after our child %+v", self, p)
	}
	// A claim touched before that process began is not its claim.
	boot, err := bootTime()
	if err != nil {
		t.Fatal(err)
	}
	if startedSince(p, boot) != true || startedSince(p, p.began) != false {
		t.Error("when a process began did not count")
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
	gone, err := RemoveOwnDead(dir, me)
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
