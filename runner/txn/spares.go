package txn

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// spares are outbox files of transactions that were dropped, under their temporary
// names, for those that are done again. To remove thousands of files and make as
// many again would cost more than all else: ext4 does not use an inode again for
// some seconds, and searches for others meanwhile.
type spares struct {
	files map[string][]string // by directory
	temps map[string][]string // by directory: what their names end in
}

// spare keeps an outbox that is not wanted any longer.
func (j *Journal) spare(temp string, outbox []stage.File) {
	if j.spares.files == nil {
		j.spares = spares{files: map[string][]string{}, temps: map[string][]string{}}
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
	dir := filepath.Dir(name)
	left := j.spares.files[dir]
	if len(left) == 0 {
		return false, nil
	}

	last := left[len(left)-1]
	j.spares.files[dir] = left[:len(left)-1]
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

// RemoveSpares removes what is left of transactions that were dropped. It is called
// when none of them is to be done again soon; what cannot be removed is for a
// recovery.
func (j *Journal) RemoveSpares() error {
	var errs []error
	for _, files := range j.spares.files {
		for _, file := range files {
			errs = append(errs, ignoreMissing(disk.Remove(file)))
		}
	}

	j.spares = spares{}
	err := errors.Join(errs...)
	if err != nil {
		j.SetUntidy()
	}

	return err
}
