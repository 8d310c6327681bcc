package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// retryEvery is the time between two attempts to begin.
var retryEvery = 5 * time.Second

// untilPossible does a step that must succeed before the work can begin. Under mailmanctl it waits while the fault is
// one that may pass, like a full disk: mailmanctl starts a runner that ends ten times, and then gives up.
func (p *Process) untilPossible(ctx context.Context, w io.Writer, do func() error) error {
	said := ""
	for {
		err := do()
		if !p.Wait || p.Once || !disk.Temporary(err) {
			return err
		}

		if why := err.Error(); why != said {
			said = why
			fmt.Fprintf(w, "mmrunner begins when that can be done: %v\n", err)
		}

		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// slots are the slices that this process has locked.
type slots []*engine.SliceLock

func (s slots) free() {
	for _, slot := range s {
		// The kernel frees the lock when the process ends.
		_ = slot.Unlock()
	}
}

// takeSlices takes the slices of all runners. The error is that of engine.LockSlice or of ctx.
func (p *Process) takeSlices(ctx context.Context, env *txn.Env) (slots, error) {
	var taken slots
	for _, spec := range p.Runners {
		said := false
		for {
			slot, err := engine.LockSlice(p.Site, spec.Name, spec.Slice, spec.Slices)
			if err == nil {
				taken = append(taken, slot)
				break
			}

			// Another mmrunner still has the slice. Under mailmanctl that one is about to end, after a restart for example.
			if p.Wait && errors.Is(err, engine.ErrTaken) {
				if !said {
					env.Log.Printf("qrunner", "mmrunner: %v; waiting until that ends", err)
					said = true
				}

				select {
				case <-time.After(200 * time.Millisecond):
					continue
				case <-ctx.Done():
				}
			}

			// All slices or none.
			taken.free()
			return nil, err
		}
	}

	return taken, nil
}
