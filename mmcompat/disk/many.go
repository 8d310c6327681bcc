package disk

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// InParallel calls f for 0 to n-1 on a few goroutines: a system call that changes a directory mostly waits. It
// returns the errors by number.
func InParallel(n int, f func(i int) error) []error {
	const workers = 4
	errs := make([]error, n)
	var wg sync.WaitGroup
	for w := range min(workers, n) {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				errs[i] = f(i)
			}
		})
	}

	wg.Wait()
	return errs
}

// SyncFile flushes a file's contents to the disk.
func SyncFile(name string) error {
	if err := before(opSync, name, ""); err != nil {
		return &fs.PathError{Op: "sync", Path: name, Err: err}
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}

	err = f.Sync()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	after(opSync, name, "", nil, 0)
	return nil
}

// SyncTrees flushes the file systems of the directories, each once. For many files that costs less than to flush each
// of them. A directory that is gone has nothing to flush.
func SyncTrees(dirs []string) error {
	had := map[uint64]bool{}
	for _, dir := range dirs {
		info, err := Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}

		if st, ok := info.Sys().(*syscall.Stat_t); ok && SyncsWholeFS {
			if had[uint64(st.Dev)] {
				continue
			}
			had[uint64(st.Dev)] = true
		}

		if err := SyncFS(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}

	return nil
}
