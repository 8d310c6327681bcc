// Package hostlock keeps mmrunner processes apart from each other: by flock(2), on files that no user
// but Mailman's user can open. A user who can open a file can lock it for ever; so no file of Mailman's
// own is locked, nor a directory, and a file that another user made under the name of one of ours is replaced.
//
// The kernel frees a lock when its process ends. The files stay: another process may have one open already.
package hostlock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Lock is a lock on one file. It is for one goroutine.
type Lock struct{ f *flock.Flock }

const fileMode = 0o600

// attempts is how often a file is made anew that another user replaces, before that user wins.
const attempts = 5

// Try takes the lock on a file, shared or alone, or returns nil if another process has it. The error is the
// file system's, and for a file that another user puts in the place of ours again and again.
func Try(file string, shared bool) (*Lock, error) {
	for range attempts {
		if err := prepare(file); err != nil {
			return nil, err
		}
		l := &Lock{flock.New(file, flock.SetFlag(os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK))}
		try := l.f.TryLock

		if shared {
			try = l.f.TryRLock
		}

		had, err := try()
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP):
			continue // replaced since
		case err != nil:
			return nil, err
		case !had:
			return nil, l.Close()
		}

		named, err := l.isNamed(file)
		if named && err == nil {
			return l, nil
		}
		if err := errors.Join(err, l.Close()); err != nil {
			return nil, err
		}
	}

	return nil, fmt.Errorf("%s: somebody else puts another file in its place again and again", file)
}

// How long Wait waits between two attempts.
const every = 50 * time.Millisecond

// ErrBusy says that another process has had a lock for all of the time that there was.
var ErrBusy = errors.New("another process has it locked")

// Wait takes the lock on a file alone, and waits for it no longer than limit or until ctx ends. The error is ErrBusy,
// ctx's, or that of Try.
func Wait(ctx context.Context, file string, limit time.Duration) (*Lock, error) {
	end := time.Now().Add(limit)
	for {
		l, err := Try(file, false)
		if l != nil || err != nil {
			return l, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s: %w for more than %v", file, ErrBusy, limit)
		}

		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: stopped waiting for it: %w", file, context.Cause(ctx))
		}
	}
}

// Close gives the lock back.
func (l *Lock) Close() error { return l.f.Close() }

// prepare sees to it that the file is there and ours.
func prepare(file string) error {
	for range attempts {
		f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, fileMode)
		if err == nil {
			ours, err := adopt(f)
			if err := errors.Join(err, f.Close()); ours || err != nil {
				return err
			}
		} else if !foreign(err) {
			return err
		}

		if err := remove(file); err != nil {
			return err
		}
	}

	return fmt.Errorf("%s: somebody else puts another file in its place again and again", file)
}

// foreign tells errors of a file that is none of ours: a link, a directory, another user's file.
func foreign(err error) bool {
	return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENXIO) || errors.Is(err, fs.ErrPermission)
}

// adopt tells whether the open file is ours. One of an older mmrunner, which the group could open, is closed to it.
func adopt(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}

	st := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || int(st.Uid) != os.Geteuid() || st.Nlink > 1 {
		return false, nil
	}
	if info.Mode().Perm()&0o077 == 0 {
		return true, nil
	}
	return true, f.Chmod(fileMode)
}

// remove removes a file that is none of ours. In Mailman's directories its user may.
func remove(file string) error {
	err := os.Remove(file)
	if errors.Is(err, syscall.ENOTEMPTY) {
		// A directory with something in it, under another name, is in no process's way.
		err = os.Rename(file, filepath.Join(filepath.Dir(file), fmt.Sprintf("%s.%d", filepath.Base(file), time.Now().UnixNano())))
	}

	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isNamed tells whether the file that is locked is the one that has the name, and ours.
func (l *Lock) isNamed(file string) (bool, error) {
	locked, err := l.f.Stat()
	if err != nil {
		return false, err
	}

	named, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}

	st := locked.Sys().(*syscall.Stat_t)
	return os.SameFile(locked, named) && int(st.Uid) == os.Geteuid() && locked.Mode().Perm()&0o077 == 0, nil
}
