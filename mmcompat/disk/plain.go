package disk

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// OpenPlain opens a file for reading and returns what it opened. It does not wait for a pipe in the file's place, and
// follows a symbolic link only if follow is set. The error is that of the file system (ELOOP for a link), or says
// that it is no plain file.
func OpenPlain(name string, follow bool) (*os.File, fs.FileInfo, error) {
	flag := os.O_RDONLY | syscall.O_NONBLOCK
	if !follow {
		flag |= syscall.O_NOFOLLOW
	}
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, nil, err
	}

	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: got mode %v, need a plain file", name, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}

	return f, info, nil
}
