package shadow

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// spool is the directory that everything is written to, for one shadow at a time.
type spool struct {
	dir  string
	lock *flock.Flock
}

// openSpool makes dir, for its owner only, and takes it. What a shadow before
// left in it is removed.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	// Entries and lists hold mail and passwords.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%s: had an owner with user id %d, wanted our own, %d; name another directory with --spool", dir, st.Uid, os.Geteuid())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: had mode %04o, wanted 0700; name another directory with --spool", dir, info.Mode().Perm())
	}
	s := &spool{dir: dir, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
	had, err := s.lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !had {
		return nil, fmt.Errorf("%s: another shadow works in it; name another directory with --spool", dir)
	}
	for _, sub := range []string{"mirror", "batch", "replay", "var", "python", "mmrunner"} {
		if err := os.RemoveAll(s.path(sub)); err != nil {
			s.lock.Close()
			return nil, err
		}
	}
	return s, nil
}

func (s *spool) path(sub ...string) string { return filepath.Join(append([]string{s.dir}, sub...)...) }

// close removes everything and frees the directory.
func (s *spool) close() error {
	var first error
	for _, sub := range []string{"mirror", "batch", "replay", "var", "python", "mmrunner"} {
		if err := os.RemoveAll(s.path(sub)); err != nil && first == nil {
			first = err
		}
	}
	// The lock file stays: somebody may have it open already.
	if err := s.lock.Close(); err != nil && first == nil {
		first = err
	}
	return first
}
