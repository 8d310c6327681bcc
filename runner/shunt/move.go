package shunt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Retry puts an entry back into the queue that it came from, or into the one named, where its runner finds it. Unlike
// bin/unshunt, which writes it anew and then removes it, it renames the file: an entry is never there twice. The error
// says why it stays.
func Retry(s *site.Site, e Entry, queue string) error {
	if queue == "" {
		queue = e.Queue
	}

	if !slices.Contains(queueNames, queue) {
		return fmt.Errorf("%s: got queue %q to put it into, need one of %s; say --queue", e.Base, queue, strings.Join(queueNames, ", "))
	}
	b, err := os.ReadFile(e.Path)
	if err != nil {
		return err
	}
	if _, err := qfile.Decode(e.Base, b); err != nil {
		return fmt.Errorf("%s: it cannot be read, so no runner can handle it: %w", e.Base, err)
	}

	to := filepath.Join(s.QueueDir(queue), e.Base+qfile.Waiting)
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: %w", to, errors.Join(err, fs.ErrExist))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o770); err != nil {
		return err
	}

	err = disk.Rename(e.Path, to)
	if err == nil {
		err = errors.Join(disk.SyncDir(filepath.Dir(to)), disk.SyncDir(filepath.Dir(e.Path)))
	}

	return err
}

// Discard removes an entry for good.
func Discard(e Entry) error { return disk.Remove(e.Path) }
