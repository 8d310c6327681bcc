package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Create makes a new file of that name, open for writing. A file that has the name already, left by a process that
// died or put there by a user who guessed the name, is removed first: no link is followed, and no other process has
// the new file open.
func Create(name string, mode fs.FileMode) (*File, error) {
	const flag = os.O_WRONLY | os.O_CREATE | os.O_EXCL | syscall.O_NOFOLLOW
	f, err := OpenFile(name, flag, mode)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return OpenFile(name, flag, mode)
}
