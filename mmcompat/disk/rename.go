package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Rename is os.Rename, and also works between file systems (EXDEV): a plain file is then copied under a temporary
// name beside its new place, flushed, renamed, and removed from the old place. A process that dies meanwhile leaves
// the file under the old name or under both, and the same call again finishes it.
func Rename(from, to string) error {
	err := rename(from, to)
	if errors.Is(err, syscall.EXDEV) {
		return moveAcross(from, to)
	}
	return err
}

// rename is os.Rename.
func rename(from, to string) error {
	if err := before(opRename, from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}

	// os.Rename looks at the new name first, for the sake of directories. This does not.
	err := unix.Rename(from, to)
	for errors.Is(err, syscall.EINTR) {
		err = unix.Rename(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}

	after(opRename, from, to, nil, 0)
	return nil
}

// moveAcross moves a file to another file system.
func moveAcross(from, to string) error {
	// rename(2) cannot cross file systems: copy, rename the copy, remove the original.
	src, err := Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EXDEV}
	}

	tmp := to + ".moving.tmp"
	if err := copyTo(tmp, src, info); err != nil {
		return err
	}
	if err := rename(tmp, to); err != nil {
		return errors.Join(err, Remove(tmp))
	}

	// The old name must not go before the new name is safely on the disk.
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return err
	}

	return Remove(from)
}

// copyTo makes a flushed copy with the mode, the time and, as far as this process may, the owner of the file that info
// describes. After an error there is no copy.
func copyTo(name string, src io.Reader, info fs.FileInfo) error {
	f, err := Create(name, info.Mode().Perm())
	if err != nil {
		return err
	}

	err = f.Chmod(info.Mode().Perm())
	if err == nil {
		_, err = io.Copy(f, src)
	}

	if st, ok := info.Sys().(*syscall.Stat_t); ok && err == nil {
		// Only root may give a file away. For all others the copy is theirs already.
		_ = os.Lchown(name, int(st.Uid), int(st.Gid))
	}

	if err == nil {
		err = f.Sync()
	}

	if err = errors.Join(err, f.Close()); err == nil {
		err = Chtimes(name, info.ModTime())
	}

	if err != nil {
		return errors.Join(err, Remove(name))
	}

	return nil
}
