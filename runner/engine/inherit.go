package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// inherit takes over what dead runners in Python have left. One engine of all
// that share a queue does so.
func (e *Engine) inherit() error {
	h, ok := e.Handler.(runner.Successor)
	if !ok || e.slice != 0 {
		return nil
	}
	files, err := h.WorkFiles(e.Env.Site)
	if err != nil {
		return err
	}
	for file, pid := range files {
		if e.dead(h, file, pid) {
			if err := e.inheritFrom(h, file); err != nil {
				e.logError("%s: %s stays: %v", e.Handler.Name(), file, err)
			}
		}
	}
	return nil
}

// dead tells whether nobody will come back to a file.
func (e *Engine) dead(h runner.Successor, file string, pid int) bool {
	info, err := disk.Stat(file)
	if err != nil || !gone(pid, info) {
		return false
	}
	// Its process may be another host's.
	return !disk.OnNetwork(file) || time.Since(changed(info)) > 2*h.Every(e.Env.Site)+lastHold
}

func (e *Engine) inheritFrom(h runner.Successor, file string) error {
	if _, err := e.openJournal(); err != nil {
		return err
	}
	turn := txn.Outside(context.Background(), e.Env)
	if err := runner.Guard(func() error { return h.TakeOver(turn, file) }); err != nil {
		return err
	}
	turn.Remove(file)
	turn.Printf("qrunner", "mmrunner: took over %s of a runner that died", file)
	if _, err := e.settle(turn, nil, nil); err != nil && !errors.Is(err, errUnfinished) {
		return fmt.Errorf("taking it over: %w", err)
	}
	return nil
}
