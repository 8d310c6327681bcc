package status

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/proc"
)

// Process is a process that works on the site's queues.
type Process struct {
	PID    int       `json:"pid"`
	Runner string    `json:"runner,omitempty"` // its class name
	Slice  string    `json:"slice,omitempty"`  // "0/1" is the first of one
	Since  time.Time `json:"since"`
	Binary string    `json:"binary"`
	// Mmrunner tells mmrunner from Python.
	Mmrunner bool   `json:"mmrunner"`
	Command  string `json:"command"`

	parent int
}

// Program is the program that does the work: mmrunner, or Mailman's own Python.
func (p Process) Program() string {
	if p.Mmrunner {
		return "mmrunner"
	}
	return "Python"
}

// processes finds mailmanctl by its pid file, and runners by their command lines: bin/qrunner of this site, or mmrunner.
func (l *looker) processes() {
	ids, err := l.proc.All()
	l.unseen(err)

	// The mount option hidepid hides other users' processes (proc(5)): process 1 is always another user's, except for root.
	if _, err := l.proc.Args(1); err != nil {
		l.st.Blind = true
		l.note("processes of other users: the system does not show them to this user")
	}

	l.master()

	for _, pid := range ids {
		if pid == os.Getpid() {
			continue
		}
		p, args := l.process(pid)
		if p == nil {
			continue
		}

		specs := l.specs(p, args)
		if len(specs) == 0 || !l.proc.Sees(pid, l.site.QueueDir("")) {
			continue
		}

		// One process may be several runners.
		for _, spec := range specs {
			q := *p
			q.Runner, q.Slice = spec.runner, spec.slice
			l.st.Runners = append(l.st.Runners, q)
		}
	}

	sort.Slice(l.st.Runners, func(i, j int) bool {
		a, b := l.st.Runners[i], l.st.Runners[j]
		if a.Runner != b.Runner {
			return a.Runner < b.Runner
		}
		return a.Slice < b.Slice || a.Slice == b.Slice && a.PID < b.PID
	})
}

// master finds mailmanctl by its pid file.
func (l *looker) master() {
	m := &l.st.Master
	file := l.pidFile()
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.State, m.Reason = Stopped, file+" is not there"
		return
	case err != nil:
		m.State, m.Reason = Unknown, err.Error()
		l.unseen(err)
		return
	}

	// The file stays when mailmanctl is killed, so the process must be there and be mailmanctl.
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		m.State, m.Reason = Unknown, fmt.Sprintf("%s holds %q, not a process id", file, strings.TrimSpace(string(b)))
		return
	}

	p, args := l.process(pid)
	switch {
	case p != nil && contains(args, "mailmanctl"):
		m.State, m.Process = Running, p
	case p == nil && l.st.Blind && l.exists(pid):
		m.State, m.Reason = Unknown, fmt.Sprintf("process %d of %s is another user's", pid, file)
	default:
		m.State, m.Reason = Stopped, fmt.Sprintf("%s names process %d, which has ended", file, pid)
	}
}

// pidFile returns the file with mailmanctl's process id.
func (l *looker) pidFile() string {
	if f := l.site.Str("PIDFILE"); f != "" {
		return f
	}
	return filepath.Join(l.site.DataDir(), "master-qrunner.pid")
}

func contains(args []string, word string) bool {
	for _, a := range args {
		if strings.Contains(a, word) {
			return true
		}
	}
	return false
}

// process returns what the system shows of a process, and its command line; nil if it has ended or is hidden.
func (l *looker) process(pid int) (*Process, []string) {
	args, err := l.proc.Args(pid)
	if err != nil || len(args) == 0 {
		return nil, nil
	}

	found, alive := l.proc.Find(pid)
	boot, err := l.proc.Boot()
	if err != nil || !alive || found.Start == 0 {
		return nil, nil
	}

	p := &Process{PID: pid, Command: strings.Join(args, " "), Binary: args[0], Since: found.After(boot), parent: found.Parent}
	// Only root sees another user's program, and the name of a replaced program has a mark.
	if exe, err := l.proc.Executable(pid); err == nil && exe != "" {
		p.Binary = exe
	}
	p.Mmrunner = isMmrunner(p.Binary)

	return p, args
}

// isMmrunner tells whether a program is mmrunner: by its name, or because it is this program.
func isMmrunner(path string) bool {
	if strings.HasPrefix(filepath.Base(path), "mmrunner") {
		return true
	}
	self, err := os.Executable()
	return err == nil && sameFile(path, self)
}

// exists tells whether there is such a process, of any user.
func (l *looker) exists(pid int) bool {
	_, alive := l.proc.Find(pid)
	return alive || l.st.Blind && proc.Alive(pid)
}
