package status

import (
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/history"
)

// Status is a site at one moment.
type Status struct {
	At      time.Time `json:"at"`
	Prefix  string    `json:"prefix"`
	Queues  []Queue   `json:"queues"`
	Master  *Process  `json:"master,omitempty"` // mailmanctl's, nil if it does not run
	Runners []Process `json:"runners"`
	Locks   []Lock    `json:"locks"`
	Orphans []Orphan  `json:"orphans"`
	// Commits are the last that mmrunner made, the last one last.
	Commits []history.Commit `json:"commits"`
	// Problems are what could not be looked at, and why.
	Problems []string `json:"problems,omitempty"`
}

// Options say how to look.
type Options struct {
	Commits int // how many of the last commits
	// Host is this host's name as locks and temporary files have it, "" for the
	// kernel's.
	Host string
	// Proc is where processes are looked up, "" for /proc.
	Proc string
}

// Look takes a site's status. What cannot be looked at is told in Problems.
func Look(s *site.Site, o Options) *Status {
	if o.Host == "" {
		o.Host, _ = os.Hostname()
	}
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	l := looker{site: s, o: o, now: time.Now(), st: &Status{At: time.Now(), Prefix: s.Prefix, Queues: []Queue{}, Runners: []Process{}, Locks: []Lock{}, Orphans: []Orphan{}, Commits: []history.Commit{}}}
	l.processes()
	l.queues()
	l.locks()
	l.orphans()
	commits, err := history.Read(s.DataDir())
	l.problem(err)
	if n := len(commits) - o.Commits; n > 0 {
		commits = commits[n:]
	}
	if commits != nil {
		l.st.Commits = commits
	}
	return l.st
}

type looker struct {
	site *site.Site
	o    Options
	now  time.Time
	st   *Status
}

func (l *looker) problem(err error) {
	if err != nil && !os.IsNotExist(err) {
		l.st.Problems = append(l.st.Problems, err.Error())
	}
}
