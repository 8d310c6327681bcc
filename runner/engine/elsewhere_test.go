package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// openFiles is how many descriptors this process has.
func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(files)
}

// broken puts entries into an engine's queue that are none.
func broken(t *testing.T, e *Engine, n int) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	for i := range n {
		file := e.Queue.Path(fmt.Sprintf("17%08d.5+%040x", i, i), qfile.Waiting)
		if err := os.WriteFile(file, []byte("no entry"), 0o660); err != nil {
			t.Fatal(err)
		}

		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

// journals are the files of journals that are left.
func journals(t *testing.T, s *site.Site) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.DataDir(), "mmrunner-journal-*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// The queue of entries that are preserved may be a link to another file system, as
// distributions have it.
func TestPreservedOnAnotherFileSystem(t *testing.T) {
	s := newSite(t, "test")
	there, err := os.MkdirTemp("/dev/shm", "mmrunner-test-")
	if err != nil {
		t.Skip("no second file system: ", err)
	}

	t.Cleanup(func() { os.RemoveAll(there) })
	var a, b syscall.Stat_t
	if err := syscall.Stat(there, &a); err != nil {
		t.Fatal(err)
	}

	if err := syscall.Stat(s.DataDir(), &b); err != nil {
		t.Fatal(err)
	}

	if a.Dev == b.Dev {
		t.Skip("temporary files and /dev/shm are on one file system")
	}

	if err := os.Symlink(there, s.QueueDir("bad")); err != nil {
		t.Fatal(err)
	}

	e, _ := harness(t, s)
	before := openFiles(t)

	broken(t, e, 20)

	if _, err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	if left, _ := os.ReadDir(e.Queue.Dir()); len(left) != 0 {
		t.Errorf("got %d files left in the queue, need none", len(left))
	}

	if kept, _ := filepath.Glob(filepath.Join(there, "*.psv")); len(kept) != 20 {
		t.Errorf("got %d entries preserved, need 20", len(kept))
	}

	if left := journals(t, s); len(left) != 0 {
		t.Errorf("got %v left", left)
	}

	if after := openFiles(t); after > before+1 { // the error log
		t.Errorf("got %d descriptors, %d before", after, before)
	}
}

// Entries that cannot be preserved for now keep no descriptors, however many they
// are, and are once that can be done.
func TestWhatCannotBeCompletedKeepsNoDescriptor(t *testing.T) {
	s := newSite(t, "test")
	e, _ := harness(t, s)
	bad := s.QueueDir("bad")
	if err := os.MkdirAll(bad, 0o770); err != nil {
		t.Fatal(err)
	}

	broken(t, e, 30)
	// In the way of each: a directory that cannot be replaced.
	for i := range 30 {
		if err := os.MkdirAll(filepath.Join(bad, fmt.Sprintf("17%08d.5+%040x.psv", i, i), "x"), 0o770); err != nil {
			t.Fatal(err)
		}
	}

	before := openFiles(t)
	if _, err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}

	if after := openFiles(t); after > before+3 {
		t.Errorf("got %d descriptors, %d before", after, before)
	}

	if err := os.RemoveAll(bad); err != nil {
		t.Fatal(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	again, _ := harness(t, s)
	if _, err := again.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}

	if err := again.Close(); err != nil {
		t.Error(err)
	}

	if kept, _ := filepath.Glob(filepath.Join(bad, "*.psv")); len(kept) != 30 {
		t.Errorf("got %d entries preserved, need 30", len(kept))
	}

	if left := journals(t, s); len(left) != 0 {
		t.Errorf("got %v left", left)
	}
}
