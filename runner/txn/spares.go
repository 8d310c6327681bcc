package txn

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// spares are outbox files of dropped transactions, under their temporary names. Transactions that are repeated use
// them again. Removing thousands of files and making as many would cost more than all other work: ext4 does not use
// an inode again for some seconds, and searches for others meanwhile.
type spares struct {
	mu    sync.Mutex          // transactions are prepared in parallel
	files map[string][]string // by directory
	temps map[string][]string // by directory: the endings of their names
}

// spare keeps the files of an outbox that is not needed any longer.
func (j *Journal) spare(temp string, outbox []stage.File) {
	j.spares.mu.Lock()
	defer j.spares.mu.Unlock()
	if j.spares.files == nil {
		j.spares.files, j.spares.temps = map[string][]string{}, map[string][]string{}
	}

	for _, f := range outbox {
		dir := filepath.Dir(f.Tmp)
		j.spares.files[dir] = append(j.spares.files[dir], f.Tmp)
		if !slices.Contains(j.spares.temps[dir], temp) {
			j.spares.temps[dir] = append(j.spares.temps[dir], temp)
		}
	}
}

// reuse makes a spare file of the directory a new file of that name. It returns false without a spare file.
func (j *Journal) reuse(name string, body []byte) (bool, error) {
	last := j.spares.take(filepath.Dir(name))
	if last == "" {
		return false, nil
	}
	if err := disk.Rename(last, name); err != nil {
		return true, err
	}

	f, err := disk.OpenFile(name, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return true, errors.Join(err, disk.Remove(name))
	}

	_, err = f.Write(body)
	if err := errors.Join(err, f.Close()); err != nil {
		return true, errors.Join(err, disk.Remove(name))
	}

	return true, nil
}

// take takes a spare file of a directory, or returns "".
func (s *spares) take(dir string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.files[dir]
	if len(left) == 0 {
		return ""
	}
	s.files[dir] = left[:len(left)-1]
	return left[len(left)-1]
}

// RemoveSpares removes the spare files that were not used again. It is called when no dropped transaction is about to
// be repeated. A recovery removes the files that it cannot.
func (j *Journal) RemoveSpares() error {
	j.spares.mu.Lock()
	defer j.spares.mu.Unlock()
	var errs []error
	for _, files := range j.spares.files {
		for _, file := range files {
			errs = append(errs, ignoreMissing(disk.Remove(file)))
		}
	}

	j.spares.files, j.spares.temps = nil, nil
	err := errors.Join(errs...)
	if err != nil {
		j.SetUntidy()
	}

	return err
}
