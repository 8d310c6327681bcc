package service

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// lookEvery is the time between two checks whether the program was replaced. SIGHUP makes a check at once.
const lookEvery = time.Minute

// program is the executable of this process, as it was at the start.
type program struct {
	path string // "" where the system does not tell
	info os.FileInfo
}

func thisProgram() program {
	path, err := os.Executable()
	if err != nil {
		return program{}
	}

	info, err := os.Stat(path)
	if err != nil {
		return program{}
	}
	return program{path, info}
}

// replacedBy returns the file that is in the program's place now, or nil if it is the program itself, or cannot be
// executed.
func (p program) replacedBy() os.FileInfo {
	if p.path == "" {
		return nil
	}
	info, err := os.Stat(p.path)
	if err != nil || os.SameFile(info, p.info) || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return nil
	}
	return info
}

// Replacement sees that the program of this process was replaced on the disk, and executes the new one in its place.
type Replacement struct {
	program  program
	stop     context.CancelFunc
	log      func(line string)
	replaced atomic.Bool

	mu   sync.Mutex
	seen os.FileInfo // in the last check
}

// NewReplacement begins with the program as it is now. When it is replaced, stop is called, after a line for the log.
func NewReplacement(stop context.CancelFunc, log func(line string)) *Replacement {
	return &Replacement{program: thisProgram(), stop: stop, log: log}
}

// Run looks once a minute until ctx ends.
func (r *Replacement) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.Look()
		}
	}
}

// Look checks the program's file. Package managers rename a complete file into its place. A file that another program
// is still writing changes its time, and waits for the next check.
func (r *Replacement) Look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.program.replacedBy()
	before := r.seen
	r.seen = now
	if now == nil || r.replaced.Load() {
		return
	}

	settled := time.Since(now.ModTime()) > lookEvery
	same := before != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
	if !settled && !same {
		return
	}

	r.log(fmt.Sprintf("mmrunner: %s was replaced; going on with the new program", r.program.path))
	r.replaced.Store(true)
	r.stop()
}

// Replaced tells whether it has called stop.
func (r *Replacement) Replaced() bool { return r.replaced.Load() }

// Exec executes the new program in the place of this one, and returns only where that fails. The process keeps its id,
// and so mailmanctl or the supervisor keeps its hold on it.
func (r *Replacement) Exec() error {
	return fmt.Errorf("exec %s: %w", r.program.path, syscall.Exec(r.program.path, os.Args, os.Environ()))
}
