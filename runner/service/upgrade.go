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

// replacement stops the work when the program was replaced.
type replacement struct {
	program  program
	stop     context.CancelFunc
	log      func(line string)
	replaced atomic.Bool

	mu   sync.Mutex
	seen os.FileInfo // in the last check
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

// look checks the program's file. Package managers rename a complete file into its place. A file that another program
// is still writing changes its time, and waits for the next check.
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

// upgrade executes the new program in the place of this one. The process keeps its id, and so mailmanctl or the
// supervisor keeps its hold on it. If that fails, the status makes mailmanctl start the process anew, without
// counting it.
func (p *Process) upgrade(program program) (status int, err error) {
	err = syscall.Exec(program.path, os.Args, os.Environ())
	return int(syscall.SIGINT), fmt.Errorf("exec %s: %w", program.path, err)
}
