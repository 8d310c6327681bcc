package status

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/proc"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/lmtp"
	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// Status is an installation at one moment.
type Status struct {
	At      time.Time `json:"at"`
	Host    string    `json:"host"`
	Prefix  string    `json:"prefix"`
	Release string    `json:"release,omitempty"` // Mailman's; "" where its Python could not be asked
	Master  Master    `json:"master"`
	// Installed tells that mm_cfg.PYTHON names mmrunner; Active that some runner is mmrunner, and that Python does the
	// work of none that mmrunner takes the place of on this site.
	Installed bool      `json:"installed"`
	Active    bool      `json:"active"`
	Queues    []Queue   `json:"queues"`
	Runners   []Process `json:"runners"`
	Locks     []Lock    `json:"locks"`
	Orphans   []Orphan  `json:"orphans"`
	// Batches are the last that mmrunner handled, the last one last.
	Batches []history.Commit `json:"batches"`
	// Mail counts the messages that the LMTP server of each host has taken, as it last wrote down.
	Mail []lmtp.Counts `json:"mail"`
	// Blind tells that the system hides other users' processes from this user.
	Blind bool `json:"processes_hidden"`
	// Unseen names the files and processes that could not be looked at, and why.
	Unseen []string `json:"unseen"`

	// python are the Python runners whose place mmrunner takes on this site, once mailmanctl starts it.
	python []Process
}

// Master is mailmanctl, the process that starts the runners.
type Master struct {
	State   MasterState `json:"state"`
	Reason  string      `json:"reason,omitempty"` // for the state, or why it is not known
	Process *Process    `json:"process,omitempty"`
}

// MasterState says whether mailmanctl runs.
type MasterState string

// The states of mailmanctl.
const (
	Running MasterState = "running"
	Stopped MasterState = "stopped"
	Unknown MasterState = "unknown" // this user may not see it
)

// Options say how to look.
type Options struct {
	Batches int // how many of the last batches
	// Host is this host's name as locks and temporary files have it, "" for the
	// kernel's.
	Host string
	// Proc is where the proc file system is mounted, "" for the usual place.
	Proc string
}

// Look takes a site's status.
func Look(s *site.Site, o Options) *Status {
	l := newLooker(s, o)
	l.processes()
	l.queues()
	l.locks()
	l.mail()
	l.orphans()
	l.batches(o.Batches)
	l.installed()
	return l.st
}

// Runners are the processes that work on the queues of a site, and what of them could not be seen.
func Runners(s *site.Site, o Options) (all []Process, unseen []string) {
	l := newLooker(s, o)
	l.processes()
	return l.st.Runners, l.st.Unseen
}

// looker is one look at a site.
type looker struct {
	site *site.Site
	o    Options
	proc proc.FS
	now  time.Time
	st   *Status
	// budget is how many bytes of queue entries may still be read.
	budget int64
}

func newLooker(s *site.Site, o Options) *looker {
	if o.Host == "" {
		o.Host, _ = os.Hostname()
	}

	processes := proc.Host
	if o.Proc != "" {
		processes = proc.FS{Mount: o.Proc}
	}

	st := &Status{
		At: time.Now(), Host: o.Host, Prefix: s.Prefix,
		Queues: []Queue{}, Runners: []Process{}, Locks: []Lock{}, Orphans: []Orphan{}, Batches: []history.Commit{}, Mail: []lmtp.Counts{}, Unseen: []string{},
	}

	if s.Probed {
		st.Release = s.Profile.Version
	}

	return &looker{site: s, o: o, proc: processes, now: st.At, st: st, budget: mostBytes}
}

// unseen notes an error of looking. What is not there needs no note.
func (l *looker) unseen(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.note(err.Error())
	}
}

func (l *looker) note(what string) {
	for _, known := range l.st.Unseen {
		if known == what {
			return
		}
	}
	l.st.Unseen = append(l.st.Unseen, what)
}

func (l *looker) batches(most int) {
	all, err := history.Read(l.site.DataDir())
	l.unseen(err)
	if n := len(all) - most; n > 0 {
		all = all[n:]
	}
	if len(all) > 0 {
		l.st.Batches = all
	}
}

func (l *looker) mail() {
	all, err := lmtp.ReadCounts(l.site)
	l.unseen(err)
	l.st.Mail = append(l.st.Mail, all...)
}

// installed finds out whether mailmanctl is to start mmrunner, and whether it has: one that was started before the
// change to mm_cfg.py goes on with the settings that it had then.
func (l *looker) installed() {
	l.st.Installed = isMmrunner(l.site.Str("PYTHON"))
	ours := 0
	for _, p := range l.st.Runners {
		switch {
		case !qrunner.Takes(l.site, p.Runner):
		case p.Mmrunner:
			ours++
		default:
			l.st.python = append(l.st.python, p)
		}
	}

	l.st.Active = ours > 0 && len(l.st.python) == 0
}
