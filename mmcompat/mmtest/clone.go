package mmtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// clones remembers the copies made, where Python may leave its .pyc files.
var clones sync.Map

// varDirs are filled by a running Mailman; a clone starts with them empty.
var varDirs = []string{"lists", "logs", "locks", "data", "qfiles"}

// Clone copies the installation that Prefix finds into a directory of its own,
// removed after the test, and returns it. See CloneOf.
func Clone(t testing.TB) string {
	t.Helper()
	return CloneOf(t, Prefix(t))
}

// CloneOf copies the Mailman at prefix into a directory of its own, removed
// after the test: every path in its programs and modules that began with
// prefix begins with the copy's directory; modes are kept, owners too where
// that is allowed; lists, logs, locks, data, qfiles and archives are empty.
// Compiled modules are kept only where their source was copied unchanged.
// Templates in languages other than English, which are most of all files, are
// the original's own by way of a link: not to be written to. Sources of message
// catalogs are left out.
func CloneOf(t testing.TB, prefix string) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "mailman")
	cloneTo(t, prefix, dst)
	return dst
}

// CloneTo copies the installed Mailman as Clone does, to a directory of the
// caller's choice, which is made.
func CloneTo(t testing.TB, dst string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		t.Fatal(err)
	}
	cloneTo(t, Prefix(t), dst)
}

func cloneTo(t testing.TB, prefix, dst string) {
	t.Helper()
	src, err := filepath.EvalSymlinks(prefix)
	if err != nil {
		t.Fatal(err)
	}

	c := cloner{src: src, dst: dst, old: [][]byte{[]byte(src)}}
	if p := strings.TrimRight(prefix, "/"); p != src {
		c.old = append(c.old, []byte(p))
	}

	if err := c.run(); err != nil {
		t.Fatalf("cloning %s: %v", prefix, err)
	}

	clones.Store(dst, true)
	t.Cleanup(func() { clones.Delete(dst) })
}

type cloner struct {
	src, dst string
	old      [][]byte // the ways the source's path is spelt in its files
	stale    []string // .pyc of sources that were rewritten
}

// leaveOut says whether a path relative to the prefix is state or samples,
// which a clone does without.
func leaveOut(rel string) bool {
	top, rest, below := strings.Cut(rel, string(filepath.Separator))
	for _, d := range append([]string{"tests"}, varDirs...) {
		if top == d && below {
			return true
		}
	}
	return top == "archives" && below && strings.Contains(rest, string(filepath.Separator)) ||
		top == "messages" && strings.HasSuffix(rel, ".po")
}

// coded says whether a path relative to the prefix may hold the prefix.
func coded(rel string) bool {
	top, _, _ := strings.Cut(rel, string(filepath.Separator))
	switch top {
	case "bin", "cron", "scripts", "Mailman":
		return !strings.HasSuffix(rel, ".pyc") && !strings.HasSuffix(rel, ".pyo")
	}
	return false
}

func (c *cloner) run() error {
	// The walk makes a directory before its files, with the original's
	// mode; the umask must not take bits from it, hence Chmod below.
	err := filepath.WalkDir(c.src, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(c.src, path)
		if err != nil {
			return err
		}

		if leaveOut(rel) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}

		if dir, lang := filepath.Split(rel); dir == "templates/" && lang != "en" && e.IsDir() {
			if err := os.Symlink(path, filepath.Join(c.dst, rel)); err != nil {
				return err
			}
			return fs.SkipDir
		}

		return c.copy(rel, e)
	})
	if err != nil {
		return err
	}

	for _, p := range c.stale {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}

	for _, d := range varDirs {
		p := filepath.Join(c.dst, d)
		err := os.Mkdir(p, 0o775)
		if err == nil {
			err = os.Chmod(p, 0o775|fs.ModeSetgid)
		}

		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}

	return nil
}

func (c *cloner) copy(rel string, e fs.DirEntry) error {
	from, to := filepath.Join(c.src, rel), filepath.Join(c.dst, rel)
	info, err := e.Info()
	if err != nil {
		return err
	}

	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}

		if rest, ok := strings.CutPrefix(target, c.src+"/"); ok {
			target = filepath.Join(c.dst, rest)
		}
		return os.Symlink(target, to)
	}

	switch {
	case info.IsDir():
		if err := os.Mkdir(to, 0o700); err != nil {
			return err
		}
	case info.Mode().IsRegular():
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}

		changed := false
		if coded(rel) {
			for _, old := range c.old {
				if bytes.Contains(b, old) {
					b, changed = bytes.ReplaceAll(b, old, []byte(c.dst)), true
				}
			}
		}

		if err := os.WriteFile(to, b, 0o600); err != nil {
			return err
		}

		if changed {
			c.stale = append(c.stale, to+"c", to+"o")
		} else if err := os.Chtimes(to, info.ModTime(), info.ModTime()); err != nil {
			return err
		}
	default:
		return nil // a socket or pipe is nothing of Mailman's
	}

	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}

	return os.Chmod(to, info.Mode())
}
