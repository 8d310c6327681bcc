package shadow

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// spool is the directory to which everything is written, for one shadow at a time. Each shadow works in a directory
// of its own in it, which child processes of a killed shadow cannot reach.
type spool struct {
	dir  string // of this run
	lock *flock.Flock
}

// runDir matches the names that os.MkdirTemp makes of runPattern.
var runDir = regexp.MustCompile(`^run-[0-9]+$`)

const runPattern = "run-*"

// openSpool makes dir, for its owner only, and locks it. Files that a killed shadow has left in it are removed.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}

	// Entries and lists hold mail and passwords, so no other user may read the spool.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%s: it belongs to user id %d, need our own, %d; name another directory with --spool", dir, st.Uid, os.Geteuid())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: got mode %04o, need 0700; name another directory with --spool", dir, info.Mode().Perm())
	}

	// One shadow in a spool: the lock ends with the process.
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	had, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !had {
		return nil, fmt.Errorf("%s: another shadow works in it; name another directory with --spool", dir)
	}

	s := &spool{lock: lock}
	if err := removeRuns(dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if s.dir, err = os.MkdirTemp(dir, runPattern); err != nil {
		return nil, errors.Join(err, lock.Close())
	}

	return s, nil
}

// removeRuns removes the directories of earlier runs from a locked spool. Other files belong to the user, who may
// have named a directory with other contents.
func removeRuns(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}

	for _, e := range names {
		if !e.IsDir() || !runDir.MatchString(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("what an earlier shadow has left cannot be removed: %w", err)
		}
	}

	return nil
}

func (s *spool) path(sub ...string) string { return filepath.Join(append([]string{s.dir}, sub...)...) }

// close removes everything and frees the directory. The lock file stays, since another shadow may have opened it
// already.
func (s *spool) close() error { return errors.Join(os.RemoveAll(s.dir), s.lock.Close()) }

// inside tells whether a path lies below a directory.
func inside(path, dir string) bool {
	a, err1 := filepath.Abs(path)
	b, err2 := filepath.EvalSymlinks(dir)
	if err1 != nil || err2 != nil {
		return false
	}

	// The directory may not exist yet, and its parents may be links.
	for p := a; ; p = filepath.Dir(p) {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			a = filepath.Join(real, strings.TrimPrefix(a, p))
			break
		}
		if p == filepath.Dir(p) {
			break
		}
	}

	rel, err := filepath.Rel(b, a)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
