package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Finish does what is left of a commit once its list files are in their place:
// the outbox, the log lines, the entries. Done must be called only after it
// returned nil; after an error it may be called again.
func (r *Record) Finish(logs *mlog.Set) error {
	if err := r.publishOutbox(); err != nil {
		return err
	}
	if r.Lines != nil {
		logs.PrintLines(r.Lines)
		r.Lines, r.Logs = nil, nil // once
	}
	return r.letGo()
}

// publishOutbox renames what was not renamed before: a temporary file that is
// gone has been, and its entry may be handled and gone by now.
func (r *Record) publishOutbox() error {
	for _, f := range r.Outbox {
		if err := ignoreMissing(disk.Rename(f.Tmp, f.Final)); err != nil {
			return err
		}
	}
	return txn.SyncDirs(r.Outbox)
}

// letGo removes the entries, and preserves those that are to be.
func (r *Record) letGo() error {
	if err := inParallel(r.Entries, func(base string) error {
		return r.entry(base, disk.Remove)
	}); err != nil {
		return err
	}
	for _, base := range r.Preserved {
		if err := r.entry(base, func(file string) error {
			return preserve(file, filepath.Join(r.Bad, base+qfile.Preserved))
		}); err != nil {
			return err
		}
	}
	if len(r.Preserved) > 0 {
		if err := disk.SyncDir(r.Bad); err != nil {
			return err
		}
	}
	return disk.SyncDir(r.Queue)
}

// entry does something to an entry's file; that it is gone is no error. After a
// loss of power it may have the name it had before it was claimed.
func (r *Record) entry(base string, do func(file string) error) error {
	file := filepath.Join(r.Queue, base)
	err := do(file + qfile.Claimed)
	if errors.Is(err, fs.ErrNotExist) {
		return ignoreMissing(do(file + qfile.Waiting))
	}
	return err
}

func preserve(from, to string) error {
	dir := filepath.Dir(to)
	if _, err := disk.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if _, err := qfile.Open(dir, 0, 1, qfile.Options{}); err != nil {
			return err
		}
	}
	return disk.Rename(from, to)
}

// inParallel calls f for each base on a few goroutines, and returns the first
// error after all were tried.
func inParallel(bases []string, f func(base string) error) error {
	const workers = 4
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	for w := range min(workers, len(bases)) {
		wg.Go(func() {
			for i := w; i < len(bases); i += workers {
				if err := f(bases[i]); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}
