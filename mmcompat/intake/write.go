package intake

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// fileMode is the mode that Switchboard gives an entry, whatever the umask.
const fileMode = 0o660

// Path is where the entry is found by its runner.
func (e Entry) Path() string { return filepath.Join(e.Dir, e.Base+".pck") }

// Prepare writes the entry under a temporary name in its directory and flushes
// it. It makes the directory if that is missing. A file that cannot be written
// whole is removed again. The error is the file system's.
func (e Entry) Prepare(tmp string) error {
	return e.write(tmp, (*disk.File).Sync)
}

// Write is Prepare without the flush.
func (e Entry) Write(tmp string) error {
	return e.write(tmp, func(*disk.File) error { return nil })
}

func (e Entry) write(tmp string, flush func(*disk.File) error) (err error) {
	const flag = os.O_WRONLY | os.O_CREATE | os.O_EXCL | syscall.O_NOFOLLOW
	path := filepath.Join(e.Dir, tmp)
	f, err := disk.OpenFile(path, flag, fileMode)
	if errors.Is(err, fs.ErrNotExist) && MakeQueue(e.Dir) == nil {
		f, err = disk.OpenFile(path, flag, fileMode)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			disk.Remove(path)
		}
	}()

	// The umask of the process is not Switchboard's 007.
	if err = f.Chmod(fileMode); err != nil {
		return err
	}
	if _, err = f.Write(e.Bytes); err != nil {
		return err
	}
	if err = flush(f); err != nil {
		return err
	}

	return f.Close()
}

// Publish gives a prepared entry its name. The temporary file is removed where
// that fails.
func (e Entry) Publish(tmp string) error {
	path := filepath.Join(e.Dir, tmp)
	err := disk.Rename(path, e.Path())
	if err != nil {
		disk.Remove(path)
	}
	return err
}

// Enqueue does all that Switchboard.enqueue does for one entry, and flushes the
// directory too, so that the entry is still there after a power failure.
func (e Entry) Enqueue() error {
	tmp := e.Base + ".pck.tmp"
	if err := e.Prepare(tmp); err != nil {
		return err
	}
	if err := e.Publish(tmp); err != nil {
		return err
	}
	return disk.SyncDir(e.Dir)
}

// MakeQueue makes a queue directory as Switchboard.__init__ does, whatever the
// umask. One that is there is left as it is.
func MakeQueue(dir string) error {
	err := disk.Mkdir(dir, 0o770)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}

	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return os.Chmod(dir, info.Mode()&fs.ModeSetgid|0o770)
}
