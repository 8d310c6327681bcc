package mlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// Limited is a log that is not one of Mailman's: it may lie anywhere, and is rotated when it has grown. The last file
// before the present one has .1 after its name, the one before that .2.
type Limited struct {
	Path string
	Size int64 // bytes of one file
	Keep int   // files beside the present one
}

// Limit makes log a log of that kind from now on.
func (s *Set) Limit(log string, l Limited) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits[log] = l
}

// Files returns the names that the log's files may have, the oldest first.
func (l Limited) Files() []string {
	var names []string
	for n := l.Keep; n > 0; n-- {
		names = append(names, l.numbered(n))
	}
	return append(names, l.Path)
}

func (l Limited) numbered(n int) string { return fmt.Sprintf("%s.%d", l.Path, n) }

// patience is how long to wait for the lock of a log. A writer that does not get it goes on without it: another
// program that holds the lock causes no delay.
const patience = time.Second

// write adds whole lines in one write and flushes them: their writer forgets them after that. The file is opened each
// time, since other processes may have rotated it.
func (l Limited) write(lines []byte) error {
	lock := flock.New(l.Path+".lock", flock.SetPermissions(fileMode))
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()

	// Rotation is for one process at a time. Without the lock the log grows for a while.
	if ok, _ := lock.TryLockContext(ctx, patience/100); ok {
		defer lock.Close()
		if err := l.rotate(int64(len(lines))); err != nil {
			return err
		}
	}

	// The first writer makes the file with the mode that all of Mailman's group needs.
	f, err := disk.OpenFile(l.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, fileMode)
	made := err == nil
	if made {
		// The mode counts, whatever the umask.
		err = f.Chmod(fileMode)
	} else if errors.Is(err, os.ErrExist) {
		if f, err = disk.OpenFile(l.Path, os.O_WRONLY|os.O_APPEND, 0); err == nil {
			// The process that made it may have died before it set the mode. Only the file's owner can.
			_ = f.Chmod(fileMode)
		}
	}

	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}

	// A new file's name is flushed too.
	if err = errors.Join(err, f.Close()); err == nil && made {
		err = disk.SyncDir(filepath.Dir(l.Path))
	}

	return err
}

// rotate makes room for more bytes. The caller has the lock.
func (l Limited) rotate(more int64) error {
	info, err := disk.Stat(l.Path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size()+more <= l.Size {
		return nil
	}
	if err != nil {
		return err
	}

	for n := l.Keep; n > 0; n-- {
		from := l.Path
		if n > 1 {
			from = l.numbered(n - 1)
		}

		if err := disk.Rename(from, l.numbered(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}

	return nil
}
