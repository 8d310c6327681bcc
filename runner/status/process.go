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

// Process is one that works on the site's queues.
type Process struct {
	PID    int       `json:"pid"`
	Runner string    `json:"runner,omitempty"` // its class name
	Slice  string    `json:"slice,omitempty"`  // "0/1": the first of one
	Since  time.Time `json:"since"`
	Binary string    `json:"binary"`
	// Mmrunner tells mmrunner from Python.
	Mmrunner bool   `json:"mmrunner"`
	Command  string `json:"command"`

	parent int
}

// Program is who works: mmrunner, or Mailman's own Python.
func (p Process) Program() string {
	if p.Mmrunner {
		return "mmrunner"
	}
	return "Python"
}

// processes finds mailmanctl by its pid file, and runners by how they were
// started: as bin/qrunner of this site, or as mmrunner.
func (l *looker) processes() {
	dirs, err := os.ReadDir(l.o.Proc)
	l.unseen(err)

	// What mount option hidepid hides, and what a process of another user does not show (proc(5)).
	if _, err := os.ReadFile(filepath.Join(l.o.Proc, "1", "cmdline")); err != nil {
		l.st.Blind = true
		l.note("processes of other users: " + l.o.Proc + " does not show them to this user")
	}

	l.master()

	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}

		p, args := l.process(pid)
		if p == nil {
			continue
		}

		for _, spec := range l.specs(p, args) {
			q := *p
			q.Runner, q.Slice = spec.runner, spec.slice
			l.st.Runners = append(l.st.Runners, q)
		}
	}

	sort.SliceStable(l.st.Runners, func(i, j int) bool {
		a, b := l.st.Runners[i], l.st.Runners[j]
		return a.Runner < b.Runner || a.Runner == b.Runner && a.Slice < b.Slice
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
		m.State, m.Reason = Stopped, fmt.Sprintf("%s names process %d, which is gone", file, pid)
	}
}

// pidFile is where mailmanctl keeps its process id.
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

// process reads what /proc says of a process; nil if it is gone, dead, or
// nothing that can be told.
func (l *looker) process(pid int) (*Process, []string) {
	dir := filepath.Join(l.o.Proc, strconv.Itoa(pid))
	b, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(b) == 0 {
		return nil, nil
	}

	args := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	p := &Process{PID: pid, Command: strings.Join(args, " "), Binary: args[0]}
	// Another user's can only be seen by root, and one that was replaced is marked.
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		p.Binary = exe
	}

	p.Mmrunner = strings.HasPrefix(filepath.Base(p.Binary), "mmrunner")
	told, alive := proc.FS{Mount: l.o.Proc}.Find(pid)
	boot, err := proc.FS{Mount: l.o.Proc}.Boot()
	if err != nil || !alive || told.Start == 0 {
		return nil, nil
	}

	p.Since, p.parent = told.After(boot), told.Parent
	return p, args
}

// exists tells whether there is such a process, of any user.
func (l *looker) exists(pid int) bool {
	_, alive := proc.FS{Mount: l.o.Proc}.Find(pid)
	return alive || l.st.Blind && proc.Alive(pid)
}
