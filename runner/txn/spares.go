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

// spares are outbox files of transactions that were dropped, under their temporary
// names, for those that are done again. To remove thousands of files and make as
// many again would cost more than all else: ext4 does not use an inode again for
// some seconds, and searches for others meanwhile.
type spares struct {
	mu    sync.Mutex          // transactions are prepared beside each other
	files map[string][]string // by directory
	temps map[string][]string // by directory: what their names end in
}

// spare keeps an outbox that is not wanted any longer.
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

// reuse makes a spare file of a directory a new one of that name. It returns false
// if there is none.
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

// take takes a spare file of a directory; "" says that there is none.
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

// RemoveSpares removes the files of dropped transactions that were not used again. It is called
// when none of them is to be done again soon; what cannot be removed is for a
// recovery.
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
