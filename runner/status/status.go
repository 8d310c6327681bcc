package status

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// Status is an installation at one moment.
type Status struct {
	At      time.Time `json:"at"`
	Host    string    `json:"host"`
	Prefix  string    `json:"prefix"`
	Release string    `json:"release,omitempty"` // Mailman's; "" where its Python could not be asked
	Master  Master    `json:"master"`
	// Installed tells that mm_cfg.PYTHON names mmrunner; Active that no Python runner does the work of one that
	// mmrunner stands in for.
	Installed bool      `json:"installed"`
	Active    bool      `json:"active"`
	Queues    []Queue   `json:"queues"`
	Runners   []Process `json:"runners"`
	Locks     []Lock    `json:"locks"`
	Orphans   []Orphan  `json:"orphans"`
	// Batches are the last that mmrunner handled, the last one last.
	Batches []history.Commit `json:"batches"`
	// Mail is what the LMTP server of each host has taken, as it last wrote down.
	Mail []lmtp.Counts `json:"mail"`
	// Blind tells that the processes of other users are hidden from who looks.
	Blind bool `json:"processes_hidden"`
	// Unseen is what could not be looked at, and why.
	Unseen []string `json:"unseen"`
}

// Master is mailmanctl, the process that starts the runners.
type Master struct {
	State   MasterState `json:"state"`
	Reason  string      `json:"reason,omitempty"` // why the state is what it is, or is not known
	Process *Process    `json:"process,omitempty"`
}

// MasterState says whether mailmanctl runs.
type MasterState string

// The states of mailmanctl.
const (
	Running MasterState = "running"
	Stopped MasterState = "stopped"
	Unknown MasterState = "unknown" // whoever looks may not see it
)

// Options say how to look.
type Options struct {
	Batches int // how many of the last batches
	// Host is this host's name as locks and temporary files have it, "" for the
	// kernel's.
	Host string
	// Proc is where processes are looked up, "" for /proc.
	Proc string
}

// Look takes a site's status.
func Look(s *site.Site, o Options) *Status {
	l := newLooker(s, o)
	l.processes()
	l.queues()
	l.locks()
	l.orphans()
	l.batches(o.Batches)
	l.mail()
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
	now  time.Time
	st   *Status
	// budget is how many bytes of queue entries may still be read.
	budget int64
}

func newLooker(s *site.Site, o Options) *looker {
	if o.Host == "" {
		o.Host, _ = os.Hostname()
	}

	if o.Proc == "" {
		o.Proc = "/proc"
	}

	st := &Status{
		At: time.Now(), Host: o.Host, Prefix: s.Prefix,
		Queues: []Queue{}, Runners: []Process{}, Locks: []Lock{}, Orphans: []Orphan{}, Batches: []history.Commit{}, Mail: []lmtp.Counts{}, Unseen: []string{},
	}

	if s.Probed {
		st.Release = s.Profile.Version
	}

	return &looker{site: s, o: o, now: st.At, st: st, budget: mostBytes}
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
	l.st.Installed = strings.HasPrefix(filepath.Base(l.site.Str("PYTHON")), "mmrunner")
	l.st.Active = false

	for _, p := range l.st.Runners {
		if !standsIn(p.Runner) {
			continue
		}
		if !p.Mmrunner {
			l.st.Active = false
			return
		}

		l.st.Active = true
	}
}
