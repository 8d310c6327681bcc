package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// Heir is a Handler whose runner in Python leaves work in a file of its own when
// it dies, which Mailman does not look at again.
type Heir interface {
	// Estates are the files of all runners, with their processes' ids.
	Estates(*site.Site) (map[string]int, error)
	// Every is how often a living runner writes or removes its file at least.
	Every(*site.Site) time.Duration
	// Inherit adds what a file holds to a turn, as entries for the handler's own
	// queue.
	Inherit(t *batch.Turn, file string) error
}

// inherit takes over what dead runners in Python have left. One engine of all
// that share a queue does so.
func (e *Engine) inherit() error {
	h, ok := e.Handler.(Heir)
	if !ok || e.slice != 0 {
		return nil
	}
	files, err := h.Estates(e.Env.Site)
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
func (e *Engine) dead(h Heir, file string, pid int) bool {
	info, err := disk.Stat(file)
	if err != nil || !gone(pid, info) {
		return false
	}
	// Its process may be another host's.
	return !disk.OnNetwork(file) || time.Since(changed(info)) > 2*h.Every(e.Env.Site)+lastHold
}

func (e *Engine) inheritFrom(h Heir, file string) error {
	if _, err := e.openJournal(); err != nil {
		return err
	}
	turn := batch.Outside(context.Background(), e.Env)
	if err := Guard(func() error { return h.Inherit(turn, file) }); err != nil {
		return err
	}
	turn.Remove(file)
	turn.Printf("qrunner", "mmrunner: took over %s of a runner that died", file)
	if _, err := e.settle(turn, nil, nil); err != nil && !errors.Is(err, errUnfinished) {
		return fmt.Errorf("taking it over: %w", err)
	}
	return nil
}
