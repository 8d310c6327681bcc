package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFS flushes the file system that the open directory is on (syncfs(2)).
func syncFS(fd int) error { return unix.Syncfs(fd) }

// SyncsWholeFS tells that one call of SyncFS does for all directories of a file system.
const SyncsWholeFS = true

// syncData flushes a file's contents (fdatasync(2)).
func syncData(f *os.File) error {
	err := unix.Fdatasync(int(f.Fd()))
	for errors.Is(err, unix.EINTR) {
		err = unix.Fdatasync(int(f.Fd()))
	}
	return err
}
