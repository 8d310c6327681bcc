//go:build !linux

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFS flushes the files of the open directory one by one: this system has no call for one file system, and its
// sync(2) may return before the disk has the data.
func syncFS(fd int) error {
	// A copy of the descriptor: the caller closes its own.
	listed, err := unix.Dup(fd)
	if err != nil {
		return err
	}

	dir := os.NewFile(uintptr(listed), "")
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}

	for _, name := range names {
		if err := syncAt(fd, name); err != nil {
			return err
		}
	}

	return unix.Fsync(fd)
}

// syncAt flushes a file of the open directory. A file that is gone, or is no plain file, was not written by the
// caller.
func syncAt(dir int, name string) error {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	for _, foreign := range []error{unix.ENOENT, unix.ELOOP, unix.EMLINK, unix.EACCES} {
		if errors.Is(err, foreign) {
			return nil
		}
	}

	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}

	err = unix.Fsync(fd)
	if errors.Is(err, unix.EINVAL) {
		err = nil // a socket or a fifo
	}

	return errors.Join(err, unix.Close(fd))
}

// SyncsWholeFS tells that one call of SyncFS does for all directories of a file system.
const SyncsWholeFS = false

// syncData flushes a file.
func syncData(f *os.File) error { return f.Sync() }
