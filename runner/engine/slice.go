package engine

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/mmrunner/mmrunner/mmcompat/hostlock"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// ErrTaken says that another mmrunner works on the same slice of a queue.
var ErrTaken = errors.New("another mmrunner works on it")

// SliceLock is a process's claim on one slice of a runner's queue. Mailman has no such lock: two runners on one slice
// would take each other's entries at hand for left-over ones of a crash. The locks are the kernel's, so that they end
// with the process.
type SliceLock struct {
	// runner is shared by the processes of all slices. A process that drains all slices holds it alone.
	runner *hostlock.Lock
	slice  *hostlock.Lock // nil for a process that drains all slices
}

// sliceFile is the file in DATA_DIR whose lock is the claim on a runner, or on a slice of it.
func sliceFile(s *site.Site, name string) string {
	return filepath.Join(s.DataDir(), "mmrunner-"+name+".lock")
}

// LockSlice claims slice n of slices. The error is ErrTaken where another process has it.
func LockSlice(s *site.Site, runner string, n, slices int) (*SliceLock, error) {
	all, err := hostlock.Try(sliceFile(s, runner), true)
	if err != nil {
		return nil, err
	}

	taken := fmt.Errorf("%s, slice %d of %d: %w", runner, n, slices, ErrTaken)
	if all == nil {
		return nil, taken
	}
	slice, err := hostlock.Try(sliceFile(s, fmt.Sprintf("%s-%d-%d", runner, n, slices)), false)
	if slice == nil && err == nil {
		err = taken
	}

	if err != nil {
		return nil, errors.Join(err, all.Close())
	}

	return &SliceLock{all, slice}, nil
}

// lockQueue claims all slices of a runner's queue. The error is ErrTaken where another process has one of them.
func lockQueue(s *site.Site, runner string) (*SliceLock, error) {
	all, err := hostlock.Try(sliceFile(s, runner), false)
	if err != nil {
		return nil, err
	}
	if all == nil {
		return nil, fmt.Errorf("%s: %w", runner, ErrTaken)
	}
	return &SliceLock{runner: all}, nil
}

// Unlock gives the claim up.
func (s *SliceLock) Unlock() error {
	err := s.runner.Close()
	if s.slice != nil {
		err = errors.Join(err, s.slice.Close())
	}
	return err
}
