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

// lookEvery is how often it is looked whether the program was replaced; SIGHUP
// has it looked at once.
const lookEvery = time.Minute

// program is the executable that this process runs, as it was at the start.
type program struct {
	path string // "" where it cannot be told
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

// replacedBy returns the file that stands in the program's place now, or nil if
// it is the program itself, or is none that can be executed.
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

// replacement stops the work when the program was replaced.
type replacement struct {
	program  program
	stop     context.CancelFunc
	log      func(line string)
	replaced atomic.Bool

	mu   sync.Mutex
	seen os.FileInfo // by the last look
}

func (r *replacement) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look()
		}
	}
}

// look looks at the program's file. Package managers rename a complete file into
// its place; one that another program is still writing changes its time
// of change, and is left for the next look.
func (r *replacement) look() {
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

// upgrade executes the new program in the place of this one: the process id, and
// with it mailmanctl's or the supervisor's hold on it, stays. If that fails the
// status has the process started anew, which mailmanctl does not count.
func (p *Process) upgrade(program program) (status int, err error) {
	err = syscall.Exec(program.path, os.Args, os.Environ())
	return int(syscall.SIGINT), fmt.Errorf("exec %s: %w", program.path, err)
}
