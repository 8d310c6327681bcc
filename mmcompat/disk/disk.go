// Package disk has the system calls that change files. All code that writes queue entries, list state, locks and logs
// calls it.
//
// In mmrunner itself it is package os, with calls to flush directories added. Built with the tag failpoint, the
// environment can make it die, tear a write or fail at any one of these calls, and record them all: see failpoint.go.
// So a test need not name the steps of a commit, and cannot forget a step.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The calls, as a trace names them.
const (
	opOpen     = "open" // for writing, perhaps making the file
	opWrite    = "write"
	opTruncate = "truncate"
	opSync     = "fsync"
	opChmod    = "chmod"
	opRename   = "rename"
	opLink     = "link"
	opRemove   = "unlink"
	opMkdir    = "mkdir"
	opTimes    = "utimes"
	opSyncDir  = "fsync-dir"
	opSyncFS   = "syncfs"
)

// File is a file that is open for writing. Errors are package os's.
type File struct{ f *os.File }

// OpenFile is os.OpenFile.
func OpenFile(name string, flag int, mode fs.FileMode) (*File, error) {
	if err := before(opOpen, name, ""); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}

	after(opOpen, name, "", nil, int64(flag&(os.O_TRUNC|os.O_APPEND)))
	return &File{f}, nil
}

// Name is the name the file was opened by.
func (f *File) Name() string { return f.f.Name() }

// Fd is the file's descriptor.
func (f *File) Fd() uintptr { return f.f.Fd() }

// Stat is os.File.Stat.
func (f *File) Stat() (fs.FileInfo, error) { return f.f.Stat() }

// Write adds p at the file's present end.
func (f *File) Write(p []byte) (int, error) {
	if err := beforeWrite(f.f, p); err != nil {
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	n, err := f.f.Write(p)
	after(opWrite, f.Name(), "", p[:n], -1)
	return n, err
}

// WriteAt overwrites the file with p from an offset on.
func (f *File) WriteAt(p []byte, at int64) (int, error) {
	if err := before(opWrite, f.Name(), ""); err != nil {
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	n, err := f.f.WriteAt(p, at)
	after(opWrite, f.Name(), "", p[:n], at)
	return n, err
}

// Truncate makes the file that long; the next write comes after it.
func (f *File) Truncate(size int64) error {
	if err := before(opTruncate, f.Name(), ""); err != nil {
		return &fs.PathError{Op: "truncate", Path: f.Name(), Err: err}
	}
	err := f.f.Truncate(size)
	if err == nil {
		_, err = f.f.Seek(size, 0)
	}

	if err == nil {
		after(opTruncate, f.Name(), "", nil, size)
	}

	return err
}

// Sync flushes the file's contents to the disk.
func (f *File) Sync() error {
	if err := before(opSync, f.Name(), ""); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	err := f.f.Sync()
	if err == nil {
		after(opSync, f.Name(), "", nil, 0)
	}
	return err
}

// SyncData flushes the file's contents, and of its inode only what is needed to read them: for blocks that the file
// had before, only these blocks.
func (f *File) SyncData() error {
	if err := before(opSync, f.Name(), ""); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	if err := syncData(f.f); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}

	after(opSync, f.Name(), "", nil, 0)
	return nil
}

// Chmod is os.File.Chmod.
func (f *File) Chmod(mode fs.FileMode) error {
	if err := before(opChmod, f.Name(), ""); err != nil {
		return &fs.PathError{Op: "chmod", Path: f.Name(), Err: err}
	}
	return f.f.Chmod(mode)
}

// Close is os.File.Close.
func (f *File) Close() error { return f.f.Close() }

// Link is os.Link.
func Link(from, to string) error {
	if err := before(opLink, from, to); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: err}
	}
	err := os.Link(from, to)
	if err == nil {
		after(opLink, from, to, nil, 0)
	}
	return err
}

// Remove is os.Remove for a file.
func Remove(name string) error {
	if err := before(opRemove, name, ""); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	err := unix.Unlink(name)
	for errors.Is(err, syscall.EINTR) {
		err = unix.Unlink(name)
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}

	after(opRemove, name, "", nil, 0)
	return nil
}

// Mkdir is os.Mkdir.
func Mkdir(name string, mode fs.FileMode) error {
	if err := before(opMkdir, name, ""); err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	err := os.Mkdir(name, mode)
	if err == nil {
		after(opMkdir, name, "", nil, 0)
	}
	return err
}

// Chtimes sets a file's times of access and of change to t.
func Chtimes(name string, t time.Time) error {
	if err := before(opTimes, name, ""); err != nil {
		return &fs.PathError{Op: "chtimes", Path: name, Err: err}
	}
	return os.Chtimes(name, t, t)
}

// Touch sets a file's times of access and of change to the present, by the clock
// of its file system: on NFS that is the server's, as for a file that is written.
func Touch(name string) error {
	if err := before(opTimes, name, ""); err != nil {
		return &fs.PathError{Op: "touch", Path: name, Err: err}
	}

	now := unix.Timespec{Nsec: unix.UTIME_NOW}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{now, now}, 0); err != nil {
		return &fs.PathError{Op: "touch", Path: name, Err: err}
	}

	after(opTimes, name, "", nil, 0)
	return nil
}

// SyncDir flushes a directory: files that were made, renamed or removed in it stay so after a loss of power.
func SyncDir(dir string) error {
	if err := before(opSyncDir, dir, ""); err != nil {
		return &fs.PathError{Op: "sync", Path: dir, Err: err}
	}
	return onDir(dir, opSyncDir, "sync", unix.Fsync)
}

// SyncFS flushes all that the file system of a directory has not written yet. For many files that costs less than to
// flush each of them.
func SyncFS(dir string) error {
	if err := before(opSyncFS, dir, ""); err != nil {
		return &fs.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return onDir(dir, opSyncFS, "syncfs", syncFS)
}

func onDir(dir, op, name string, call func(fd int) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := call(int(d.Fd())); err != nil {
		return &fs.PathError{Op: name, Path: dir, Err: err}
	}

	after(op, dir, "", nil, 0)
	return nil
}
