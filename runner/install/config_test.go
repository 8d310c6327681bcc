package install

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newPrefix makes an installation that is no more than an mm_cfg.py, which is a link to the file that is returned.
func newPrefix(t *testing.T) (prefix, file string) {
	t.Helper()
	prefix = t.TempDir()
	if err := os.Mkdir(filepath.Join(prefix, "Mailman"), 0o755); err != nil {
		t.Fatal(err)
	}

	file = filepath.Join(prefix, "Mailman", "real.py")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink("real.py", filepath.Join(prefix, "Mailman", "mm_cfg.py")); err != nil {
		t.Fatal(err)
	}

	return prefix, file
}

func readConfig(t *testing.T, prefix string) *Config {
	t.Helper()
	c, err := ReadConfig(prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// temporary are the names that a Replace may have left.
func temporary(t *testing.T, prefix string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(prefix, "Mailman", ".*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestReplaceKeepsModeLinkAndMovesTheSecond(t *testing.T) {
	prefix, file := newPrefix(t)
	if err := os.Chmod(file, 0o640|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}

	ahead := time.Now().Add(time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, ahead, ahead); err != nil {
		t.Fatal(err)
	}

	c := readConfig(t, prefix)
	if err := c.Replace([]byte("new")); err != nil {
		t.Fatal(err)
	}

	info, err := os.Lstat(file)
	if err != nil {
		t.Fatal(err)
	}

	if info.Mode() != 0o640|os.ModeSetgid {
		t.Errorf("got mode %v", info.Mode())
	}

	if !info.ModTime().After(ahead) {
		t.Errorf("got mtime %v, need one after %v", info.ModTime(), ahead)
	}

	if target, _ := os.Readlink(c.Path); target != "real.py" {
		t.Error("the symbolic link is gone")
	}

	if left := temporary(t, prefix); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}

	// It can be put back at once.
	if err := c.Replace([]byte("old")); err != nil {
		t.Error(err)
	}
}

// An edit that is made between the reading and the writing stays.
func TestReplaceLosesNoEdit(t *testing.T) {
	for what, edit := range map[string]func(file string) error{
		"written over": func(file string) error { return os.WriteFile(file, []byte("edited"), 0o600) },
		"renamed over": func(file string) error {
			if err := os.WriteFile(file+".new", []byte("edited"), 0o600); err != nil {
				return err
			}
			return os.Rename(file+".new", file)
		},
	} {
		t.Run(what, func(t *testing.T) {
			prefix, file := newPrefix(t)
			c := readConfig(t, prefix)

			if err := edit(file); err != nil {
				t.Fatal(err)
			}

			if err := c.Replace([]byte("new")); !errors.Is(err, ErrEdited) {
				t.Errorf("got error %v, need ErrEdited", err)
			}

			if b, err := os.ReadFile(file); err != nil || string(b) != "edited" {
				t.Errorf("got %q, %v, need the edit", b, err)
			}

			if left := temporary(t, prefix); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// In a directory that Mailman's group may write to, root follows only its own link, to a mm_cfg.py that the group
// cannot have chosen: distributions have one to /etc/mailman.
func TestReadConfigFollowsOnlyRootsLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is asked to write where others may")
	}

	const group = 12345
	for name, c := range map[string]struct {
		target  string      // of the link, below a directory of root's
		owner   int         // of the link
		mode    os.FileMode // of PREFIX/Mailman
		parents os.FileMode // of the directory above the target's
		follows bool
	}{
		"only root can have made it":           {"etc/mailman/passwd", 0, 0o755, 0o755, true},
		"root's, to another mm_cfg.py":         {"etc/mailman/mm_cfg.py", 0, 0o775, 0o755, true},
		"root's, to a file of another name":    {"etc/mailman/passwd", 0, 0o775, 0o755, false},
		"the group's, to another mm_cfg.py":    {"etc/mailman/mm_cfg.py", 54321, 0o775, 0o755, false},
		"root's, to a directory that can move": {"etc/mailman/mm_cfg.py", 0, 0o775, 0o775, false},
	} {
		t.Run(name, func(t *testing.T) {
			prefix, _ := newPrefix(t)
			file := filepath.Join(prefix, "Mailman", "mm_cfg.py")
			outside := filepath.Join(t.TempDir(), c.target)
			if err := os.MkdirAll(filepath.Dir(outside), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(outside, []byte("X = 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			openUp(t, filepath.Dir(filepath.Dir(outside)))
			openUp(t, filepath.Dir(prefix))

			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, file); err != nil {
				t.Fatal(err)
			}
			if err := os.Lchown(file, c.owner, 0); err != nil {
				t.Fatal(err)
			}
			giveTo(t, filepath.Dir(file), group, c.mode)
			giveTo(t, filepath.Dir(filepath.Dir(outside)), group, c.parents)

			config, err := ReadConfig(prefix)
			if err == nil {
				config.Close()
			}
			if follows := err == nil; follows != c.follows {
				t.Errorf("got %v, need followed %v", err, c.follows)
			}
		})
	}
}

// openUp lets everybody enter a temporary directory, since below a closed one only root can change anything.
func openUp(t *testing.T, dir string) {
	t.Helper()
	for ; dir != filepath.Dir(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o077 == 0 {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// giveTo makes a directory a group's.
func giveTo(t *testing.T, dir string, group int, mode os.FileMode) {
	t.Helper()
	if err := os.Chown(dir, 0, group); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}
