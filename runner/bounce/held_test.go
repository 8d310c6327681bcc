package bounce_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Mailman waits for a lock for ever, and for a disk with room not at all. What
// mmrunner cannot do now stays in the queue, and is done later.

func TestLockHeldPastTheTimeout(t *testing.T) {
	s := newSite(t)
	enqueue(t, s, gone, nil)
	before := read(t, filepath.Join(s.ListDataDir(), "small", "config.pck"))
	lock, err := lockfile.New(maillist.LockPath(s, "small"), lockfile.Options{Lifetime: time.Hour, Host: "web.example.com", PID: 4711})
	if err != nil {
		t.Fatal(err)
	}

	if err := lock.Lock(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}

	drainBounces(t, s)
	stays(t, s, before, "keeping 1 entries in the queue")
	if err := lock.Unlock(false); err != nil {
		t.Fatal(err)
	}

	drainBounces(t, s)
	done(t, s)
}

// fullDisk names the site that this program, started again, drains with next to
// no room in any file.
const fullDisk = "MMRUNNER_TEST_FULL_DISK"

func TestFullDiskKeepsEntries(t *testing.T) {
	if prefix := os.Getenv(fullDisk); prefix != "" {
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		drainBounces(t, site.FromProfile(prefix, site.Builtin()))
		return
	}

	s := newSite(t)
	enqueue(t, s, gone, nil)
	config := filepath.Join(s.ListDataDir(), "small", "config.pck")
	before := read(t, config)
	if len(before) <= 4096 {
		t.Fatalf("got a list of %d bytes, need more than the limit", len(before))
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	child := exec.Command(self, "-test.run=^TestFullDiskKeepsEntries$")
	child.Env = append(os.Environ(), fullDisk+"="+s.Prefix)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	stays(t, s, before, "file too large")
	drainBounces(t, s)
	done(t, s)
}

// stays checks that a run has left the entry where it was, and the list as it was.
func stays(t *testing.T, s *site.Site, config, why string) {
	t.Helper()
	p := found(t, s)
	if diff := cmp.Diff([]string{"bounces .pck"}, p.Queues); diff != "" {
		t.Errorf("queues, want -, got +:\n%s", diff)
	}

	if len(p.Errors) == 0 || !strings.Contains(strings.Join(p.Errors, "\n"), why) {
		t.Errorf("the error log has %q, want %q", p.Errors, why)
	}

	if p.Bounce != nil {
		t.Errorf("the bounce log has %q before the list is saved", p.Bounce)
	}

	if read(t, filepath.Join(s.ListDataDir(), "small", "config.pck")) != config {
		t.Error("config.pck has changed")
	}

	leftOnly(t, s, "config.pck")
}

// done checks that the entry has been handled after all, once.
func done(t *testing.T, s *site.Site) {
	t.Helper()
	p := found(t, s)
	if p.Queues != nil {
		t.Errorf("the queues still have %q", p.Queues)
	}

	if diff := cmp.Diff(registered, p.Bounce); diff != "" {
		t.Errorf("bounce log, want -, got +:\n%s", diff)
	}

	leftOnly(t, s, "config.pck", "config.pck.last")
}

// leftOnly checks that the list's directory has these files and no temporary ones.
func leftOnly(t *testing.T, s *site.Site, names ...string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(s.ListDataDir(), "small"))
	if err != nil {
		t.Fatal(err)
	}

	var had []string
	for _, f := range files {
		had = append(had, f.Name())
	}
	if diff := cmp.Diff(names, had); diff != "" {
		t.Errorf("the list's files, want -, got +:\n%s", diff)
	}
}
