package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// stopAt has mmrunner work on the world and be stopped right before a call. While it
// is, do is called, unless it ended before. It returns which call that was.
func (b *bench) stopAt(t *testing.T, n int, do func()) (where string) {
	t.Helper()
	cmd := exec.Command(b.exe, "torture-work", "--batch-size="+strconv.Itoa(smallBatch), b.dir)
	cmd.Env = append(os.Environ(), fmt.Sprintf("MMRUNNER_FAILPOINT=stop:%d", n))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("it did not stop: %v\n%s", err, &out)
		}

		// The state comes after the command, which is in parentheses; see proc(5).
		state := string(stat[strings.LastIndexByte(string(stat), ')')+2])
		if state == "T" {
			do()
			break
		}
		if state == "Z" {
			break
		}
	}

	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &out)
	}

	_, where, _ = strings.Cut(out.String(), "stopped before ")
	where, _, _ = strings.Cut(where, "\n")
	return where
}

// page changes the demo's list as a web page does. A lock that it finds has expired.
func page(t *testing.T, s *site.Site) {
	t.Helper()
	path := maillist.LockPath(s, demo.ListName)
	if _, err := os.Stat(path); err == nil {
		// The hours of LIST_LOCK_LIFETIME are over.
		past := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}

	l, err := lockfile.New(path, lockfile.Options{Sleep: func(context.Context, time.Duration) {}})
	if err != nil {
		t.Fatal(err)
	}

	if err := l.Lock(t.Context(), 10*time.Second); err != nil {
		t.Fatal(err)
	}

	if err := change(s, demo.ListName, map[string]pickle.Value{"info": pickle.Str("a page was here")}); err != nil {
		t.Fatal(err)
	}

	if err := l.Unlock(true); err != nil {
		t.Fatal(err)
	}
}

// Stopped anywhere for longer than LIST_LOCK_LIFETIME, while another process breaks
// its lock and saves the list, it does not write over what that one saved. What is
// left is the moment between the last look and the rename itself.
func TestStoppedLongerThanItsLockLives(t *testing.T) {
	b := newBench(t, small, smallBatch)
	s := site.FromProfile(b.dir, site.Builtin())
	config := filepath.Join(maillist.ListPath(s, demo.ListName), "config.pck")
	total := b.calls[len(b.calls)-1].N
	for n := 1; n <= total; n += count(total, 40) {
		b.fresh(t)
		stopped := false
		where := b.stopAt(t, n, func() { page(t, s); stopped = true })
		if !stopped {
			continue // it was done sooner than the time before
		}
		if strings.HasPrefix(where, "rename ") && strings.HasSuffix(where, " "+config) {
			continue // the moment that is left
		}
		if _, err := Work(context.Background(), b.dir, smallBatch); err != nil {
			t.Errorf("stopped before %s: %v", where, err)
			continue
		}

		l, err := maillist.Open(s, demo.ListName, maillist.Options{})
		if err != nil {
			t.Fatal(err)
		}

		if info, _ := l.Get("info"); info != pickle.Str("a page was here") {
			t.Errorf("stopped before %s: got info %v, need what the page saved", where, info)
		}

		had, err := Read(b.dir)
		if err != nil {
			t.Fatal(err)
		}

		ignored := []string{"logs/error: ", "lists/" + demo.ListName + "/config.pck: pickle.Str(\"info\")"}
		if d := compare(without(b.want, ignored...), without(had, ignored...)); !d.Empty() {
			t.Errorf("stopped before %s:\n%v", where, d)
		}
	}
}
