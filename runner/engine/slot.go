package engine

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// ErrTaken says that another mmrunner works on the same slice of a queue.
var ErrTaken = errors.New("another mmrunner works on it")

// Slot is a process's claim on one slice of a runner's queue. Mailman has none:
// two runners on one slice would take each other's entries at hand for those of
// a crash. The locks are the kernel's, so that they end with the process.
type Slot struct {
	runner *flock.Flock // shared by all slices; exclusive for a process that drains them all
	slice  *flock.Flock
}

// TakeSlot claims slice n of slices; ErrTaken where that is another's.
func TakeSlot(s *site.Site, runner string, n, slices int) (*Slot, error) {
	file := func(name string) *flock.Flock {
		return flock.New(filepath.Join(s.DataDir(), "mmrunner-"+name+".lock"), flock.SetPermissions(0o660))
	}
	slot := &Slot{runner: file(runner), slice: file(fmt.Sprintf("%s-%d-%d", runner, n, slices))}
	for _, try := range []func() (bool, error){slot.runner.TryRLock, slot.slice.TryLock} {
		had, err := try()
		if err == nil && !had {
			err = fmt.Errorf("%s, slice %d of %d: %w", runner, n, slices, ErrTaken)
		}
		if err != nil {
			return nil, errors.Join(err, slot.Free())
		}
	}
	return slot, nil
}

// TakeAll claims all slices of a runner's queue; ErrTaken where one is another's.
func TakeAll(s *site.Site, runner string) (*Slot, error) {
	slot := &Slot{runner: flock.New(filepath.Join(s.DataDir(), "mmrunner-"+runner+".lock"), flock.SetPermissions(0o660))}
	had, err := slot.runner.TryLock()
	if err == nil && !had {
		err = fmt.Errorf("%s: %w", runner, ErrTaken)
	}
	if err != nil {
		return nil, errors.Join(err, slot.Free())
	}
	return slot, nil
}

// Free gives the claim up.
func (s *Slot) Free() error {
	err := s.runner.Close()
	if s.slice != nil {
		err = errors.Join(err, s.slice.Close())
	}
	return err
}
