package lockfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// maxName is how many bytes of a lock file are read. Its text is one path.
const maxName = 64 << 10

// layClaim makes sure that our claim exists, holds its own name and is dated.
func (l *Lock) layClaim() error {
	// The mode is 0664, whatever the process's umask, as LockFile.py sets umask 002 here: the web server's user must
	// be able to break the lock. The umask belongs to the whole process, so the mode is set by chmod.
	fp, err := disk.OpenFile(l.claim, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o664)
	if err == nil {
		err = fp.Chmod(0o664)
	} else if errors.Is(err, fs.ErrExist) {
		fp, err = disk.OpenFile(l.claim, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	}

	// A lock file's text is the name of its holder's claim, so the claim has its own name in it.
	if fp != nil {
		if err == nil {
			_, err = fp.Write([]byte(l.claim))
		}
		err = errors.Join(err, fp.Close())
	}

	// The time of a claim says when its lock expires.
	if err == nil {
		err = l.touch(l.claim)
	}

	if err != nil {
		return errors.Join(l.failed("lay a claim", err), l.dropClaim())
	}
	ours.LoadOrStore(l.claim, false)
	return nil
}

// dropClaim removes our claim. A missing claim is no error.
func (l *Lock) dropClaim() error {
	err := remove(l.claim)
	ours.Delete(l.claim)
	return err
}

// touch dates a file to the end of a lifetime that begins now. A missing file is no error.
func (l *Lock) touch(name string) error {
	// Microseconds, as os.utime gives them.
	t := l.o.Now().Add(l.o.Lifetime).Truncate(time.Microsecond)
	if err := disk.Chtimes(name, t); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// breakExpired breaks the lock if its lifetime is over, and says whether it did.
func (l *Lock) breakExpired() (bool, error) {
	info, err := stat(l.path)
	if info == nil || err != nil {
		return false, err
	}
	if !expired(info, l.o.Now()) {
		return false, nil
	}

	// A new date keeps others from breaking the lock at the same time. The lock may be another user's, and only its owner
	// may date it.
	if err := l.touch(l.path); err != nil && !errors.Is(err, syscall.EPERM) {
		return false, err
	}
	winner, err := readLock(l.path)
	if err != nil {
		return false, err
	}

	// The lock may have got another holder since.
	now, err := stat(l.path)
	if now == nil || err != nil || !os.SameFile(info, now) {
		return false, err
	}
	if err := l.removeLock(winner); err != nil {
		return false, err
	}

	l.o.Log(l.line("lifetime has expired, breaking"))
	return true, nil
}

// removeLock removes the lock file, and then the claim that it names. LockFile.py removes whatever file is named;
// here it must be a claim on this lock.
func (l *Lock) removeLock(winner string) error {
	if err := remove(l.path); err != nil {
		return err
	}
	if c, ok := parseClaim(l.path, winner); ok {
		return remove(c.File)
	}
	return nil
}

// expired tells whether a lock with that modification time may be broken. The time counts in whole seconds, as
// LockFile.py reads it.
func expired(info fs.FileInfo, now time.Time) bool {
	return now.After(time.Unix(info.ModTime().Unix(), 0).Add(Slop))
}

// stat returns nil, nil for a missing file.
func stat(name string) (fs.FileInfo, error) {
	info, err := disk.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

// linkCount returns -1 for a missing file.
func linkCount(name string) (int, error) {
	info, err := stat(name)
	if info == nil || err != nil {
		return -1, err
	}
	return int(info.Sys().(*syscall.Stat_t).Nlink), nil
}

// readLock returns the text of the lock file, "" without one.
func readLock(name string) (string, error) {
	fp, err := disk.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer fp.Close()
	b, err := io.ReadAll(io.LimitReader(fp, maxName))
	return string(b), err
}

// link is a system call that tests replace.
var link = disk.Link

func remove(name string) error {
	if err := disk.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// strerror is the C library's text for an error number, as Python prints it. Go has the same text with a lower-case
// first letter.
func strerror(e syscall.Errno) string {
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}
