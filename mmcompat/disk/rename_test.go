package disk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// otherFS is a directory on another file system than the usual temporary ones.
func otherFS(t *testing.T) string {
	t.Helper()
	var here, there syscall.Stat_t
	if err := syscall.Stat(t.TempDir(), &here); err != nil {
		t.Fatal(err)
	}

	dir, err := os.MkdirTemp("/dev/shm", "mmrunner-test-")
	if err != nil {
		t.Skip("no second file system to rename to: ", err)
	}

	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := syscall.Stat(dir, &there); err != nil {
		t.Fatal(err)
	}

	if here.Dev == there.Dev {
		t.Skip("temporary files and /dev/shm are on one file system")
	}

	return dir
}

// A file that goes to another file system is the same there, mode and time, and no
// longer where it was; what has its new name already is replaced.
func TestRenameToAnotherFileSystem(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "entry.bak"), filepath.Join(otherFS(t), "entry.psv")
	then := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, before := range []string{"", "what a process that died has left"} {
		if err := os.WriteFile(from, []byte("entry"), 0o600); err != nil {
			t.Fatal(err)
		}

		if err := os.Chmod(from, 0o660); err != nil {
			t.Fatal(err)
		}

		if err := os.Chtimes(from, then, then); err != nil {
			t.Fatal(err)
		}

		if before != "" {
			for _, name := range []string{to, to + ".moving.tmp"} {
				if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}

		if err := Rename(from, to); err != nil {
			t.Fatal(err)
		}

		b, err := os.ReadFile(to)
		if err != nil || string(b) != "entry" {
			t.Errorf("got %q, %v, need the entry", b, err)
		}

		info, err := os.Stat(to)
		if err != nil {
			t.Fatal(err)
		}

		if info.Mode().Perm() != 0o660 || !info.ModTime().Equal(then) {
			t.Errorf("got mode %v and time %v, need 0660 and %v", info.Mode(), info.ModTime(), then)
		}

		if left, err := filepath.Glob(filepath.Join(filepath.Dir(to), "*.tmp")); len(left) > 0 || err != nil {
			t.Errorf("got %v left, %v", left, err)
		}

		if _, err := os.Lstat(from); !os.IsNotExist(err) {
			t.Errorf("the old name: got %v, need it gone", err)
		}
	}

	if err := Rename(from, to); !os.IsNotExist(err) {
		t.Errorf("got %v for a file that is not there", err)
	}
}
