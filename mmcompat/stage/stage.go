// Package stage writes files under temporary names ([New]) and later puts them in
// their places ([File.Publish]), as a commit does.
//
// A File is plain data, so that a journal can hold it and finish or undo the
// work after a crash.
package stage

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// File is one change to the file system that waits to be published: Tmp replaces Final, or Final is removed where Tmp
// is "".
type File struct {
	Tmp      string   `json:"tmp,omitempty"`  // written, and flushed by Sync or in another way; "" for a removal
	Final    string   `json:"final"`          // the name it gets
	LinkLast string   `json:"last,omitempty"` // the name under which the present Final is kept, "" for none
	ID       Identity `json:"id"`             // of Tmp; renaming keeps its inode and its size
}

// Publish puts the file in its place. As in MailList.__save, the file that is replaced first becomes LinkLast by a
// hard link, so that Final is never missing. The file gets the time of the moment, see [File.Date]. Publishing a file
// again only changes that time.
//
// check, which may be nil, is called right before Final changes; after an error Final stays as it is.
func (f File) Publish(check func() error) error {
	if check == nil {
		check = func() error { return nil }
	}

	// A file without a temporary name is one to be removed.
	if f.Tmp == "" {
		if err := check(); err != nil {
			return err
		}
		return ignoreMissing(disk.Remove(f.Final))
	}

	// A recovery may publish again what a dead process has published.
	done, err := f.Published()
	if err != nil {
		return err
	}
	if done {
		return f.Date()
	}

	// The file is dated before it shows too: a process that dies between this and Date leaves a file that is a moment too
	// old.
	if err := disk.Touch(f.Tmp); err != nil {
		return err
	}

	// The old file stays reachable as config.pck.last before the new one takes its name.
	if f.LinkLast != "" {
		if err := f.keepLast(); err != nil {
			return err
		}
	}

	if err := check(); err != nil {
		return err
	}
	if err := disk.Rename(f.Tmp, f.Final); err != nil {
		return err
	}

	return f.date()
}

// Sync flushes the temporary file's contents to the disk.
func (f File) Sync() error {
	if f.Tmp == "" {
		return nil
	}
	return disk.SyncFile(f.Tmp)
}

// The kernel dates files by a clock that lags by up to 4 ms.
const (
	clockLag  = 4 * time.Millisecond
	dateTries = 5
)

// Date gives a published file the time of now. MailList.Load() does not read a file again whose mtime is before the
// second of its last read. So a process that read the old file in between would miss a file that was written earlier
// than renamed, and overwrite it. Date does nothing if Final is another file by now, or gone.
func (f File) Date() error {
	id, err := Identify(f.Final)
	if err != nil || !id.SameInode(f.ID) {
		return ignoreMissing(err)
	}
	return f.date()
}

// date is Date for a file that certainly is Final.
func (f File) date() error {
	for range dateTries {
		now := time.Now()
		if err := disk.Touch(f.Final); err != nil {
			return ignoreMissing(err)
		}

		// The clock of a network file system may be behind all the time.
		id, err := Identify(f.Final)
		if err != nil || id.Mtime/int64(time.Second) >= now.Unix() {
			return ignoreMissing(err)
		}

		time.Sleep(clockLag)
	}

	return nil
}

// keepLast makes LinkLast another name of Final. Mailman removes the old LinkLast first. Here LinkLast exists at
// every moment, whatever fails.
func (f File) keepLast() error {
	final, err := disk.Stat(f.Final)
	if err != nil {
		return ignoreMissing(err)
	}

	// Renaming one name of a file to another name of it would do nothing, and leave both.
	if last, err := disk.Stat(f.LinkLast); err == nil && os.SameFile(last, final) {
		return nil
	}

	tmp := f.Tmp + ".last"
	err = disk.Link(f.Final, tmp)
	if errors.Is(err, fs.ErrExist) {
		// A process that died has left it.
		if err = disk.Remove(tmp); err == nil {
			err = disk.Link(f.Final, tmp)
		}
	}

	if err != nil {
		return err
	}
	if err := disk.Rename(tmp, f.LinkLast); err != nil {
		return errors.Join(err, disk.Remove(tmp))
	}

	return nil
}

// Published tells whether Publish has already done its work: Tmp is gone and
// Final is the file that Tmp was, or, for a removal, Final is gone.
func (f File) Published() (bool, error) {
	if f.Tmp == "" {
		_, err := disk.Lstat(f.Final)
		return errors.Is(err, fs.ErrNotExist), ignoreMissing(err)
	}

	if _, err := disk.Lstat(f.Tmp); err == nil {
		return false, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}

	id, err := Identify(f.Final)
	if err != nil {
		return false, ignoreMissing(err)
	}

	return id.SameInode(f.ID), nil
}

// Discard removes the temporary file; Final stays as it is.
func (f File) Discard() error {
	if f.Tmp == "" {
		return nil
	}
	return ignoreMissing(disk.Remove(f.Tmp))
}

// Write makes the file tmp with that mode from what fn writes. After an error no file is left under that name. The
// umask does not count: Mailman sets its own for each of these writes.
func Write(tmp string, mode fs.FileMode, fn func(io.Writer) error) error {
	f, err := disk.Create(tmp, mode)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f, mode, fn), f.Close()); err != nil {
		return errors.Join(err, disk.Remove(tmp))
	}
	return nil
}

func fill(f *disk.File, mode fs.FileMode, fn func(io.Writer) error) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}

	if st.Mode().Perm() != mode.Perm() {
		if err := f.Chmod(st.Mode()&^fs.ModePerm | mode.Perm()); err != nil {
			return err
		}
	}

	w := buffers.Get().(*bufio.Writer)
	defer buffers.Put(w)
	w.Reset(f)
	if err := fn(w); err != nil {
		return err
	}

	return w.Flush()
}

// buffers are used again: a thousand small lists must not cost more memory than one.
var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 256<<10) }}

// New writes tmp as Write does and returns the File that will replace final by it. linkLast is that of File, "" for
// no link.
func New(tmp, final, linkLast string, mode fs.FileMode, fn func(io.Writer) error) (File, error) {
	if err := Write(tmp, mode, fn); err != nil {
		return File{}, err
	}
	id, err := Identify(tmp)
	if err != nil {
		return File{}, errors.Join(err, disk.Remove(tmp))
	}
	return File{Tmp: tmp, Final: final, LinkLast: linkLast, ID: id}, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
