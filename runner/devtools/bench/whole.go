package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// Whole measures the whole way, from the queues of bounces and commands to the mail
// server, with all four runners at work at the same time.
type Whole struct {
	Members  []int // sizes of the lists
	Bounces  int   // three of five disable their member
	Commands int
	// Start starts mmrunner's four runners on the site in dir; their mail server is at
	// a port of this machine.
	Start func(dir string, smtpPort int) (Runners, error)
	// Installed is the Mailman whose own four runners do the same for ForMailman
	// bounces and a fifth as many commands; nil for none. It is left out on lists of
	// more than MailmanUpTo members.
	Installed   *site.Site
	ForMailman  int
	MailmanUpTo int
	// Server is the mail server.
	Server MailBox
	// Progress is told what goes on; it may be nil.
	Progress func(what string)
}

// Runners are processes that are ready to work.
type Runners interface {
	// Stop ends them, and returns the processor time that they took since they were
	// ready.
	Stop() (cpu time.Duration, err error)
}

// MailBox is a mail server that counts what it is given.
type MailBox interface {
	Port() int
	// Take is how many messages each recipient was given since it was last asked.
	Take() map[string]int
}

// WholeRow has the figures of the whole way on one list.
type WholeRow struct {
	Who      string  `json:"who"`
	Members  int     `json:"members"`
	Bounces  int     `json:"bounces"`
	Disabled int     `json:"disabled"`
	Commands int     `json:"commands"`
	Messages int     `json:"messages"` // that the mail server was given
	Elapsed  float64 `json:"elapsed_seconds"`
	CPU      float64 `json:"cpu_seconds"`
	// Held is the share of the time for which the runners had the list's lock.
	Held float64 `json:"lock_held_share"`
	// Pages is how often a page took the list's lock meanwhile, Median and Longest for
	// how long it waited.
	Pages   int     `json:"pages"`
	Median  float64 `json:"page_wait_median_seconds"`
	Longest float64 `json:"page_wait_longest_seconds"`
}

// entries are how many the row is about.
func (r WholeRow) entries() int { return r.Bounces + r.Commands }

// each is the time for one entry and all that follows from it.
func (r WholeRow) each() float64 { return r.Elapsed / float64(max(r.entries(), 1)) }

// Run measures lists of each size, mmrunner first. Errors are those of the file system
// and of the runners.
func (w Whole) Run() (rows []WholeRow, err error) {
	for _, members := range w.Members {
		row, err := w.measure("mmrunner", members, w.Bounces, w.Commands, func(s *site.Site) (Runners, error) { return w.Start(s.Prefix, w.Server.Port()) })
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
		if w.Installed == nil || members > w.MailmanUpTo {
			continue
		}

		bounces := min(w.Bounces, w.ForMailman)
		row, err = w.measure("Mailman", members, bounces, min(w.Commands, max(1, bounces/5)), func(s *site.Site) (Runners, error) {
			return startMailman(w.Installed, s, w.Server.Port())
		})
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}

	return rows, nil
}

// measure measures one row.
func (w Whole) measure(who string, members, bounces, commands int, start func(*site.Site) (Runners, error)) (row WholeRow, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("the four runners of %s on %d members: %w", who, members, err)
		}
	}()
	dir, err := os.MkdirTemp("", "mmrunner-bench-")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(dir)
	if w.Progress != nil {
		w.Progress(fmt.Sprintf("the whole way by %s's four runners: %d bounces and %d commands, %d members", who, bounces, commands, members))
	}

	load := wholeLoad{members: members, bounces: bounces, disable: bounces * 3 / 5, commands: commands}
	s, err := load.make(dir)
	if err != nil {
		return row, err
	}
	w.Server.Take() // of the row before

	runners, err := start(s)
	if err != nil {
		return row, err
	}
	page := startPage(s)
	began := time.Now()
	err = load.release(s)
	if err == nil {
		err = awaitEmpty(s)
	}

	ended := time.Now().Add(-quiet)
	seen, err2 := page.stop(ended)
	cpu, err3 := runners.Stop()
	if err := errors.Join(err, err2, err3); err != nil {
		return row, err
	}

	row = WholeRow{
		Who: who, Members: members, Bounces: bounces, Disabled: load.disable, Commands: commands,
		Elapsed: ended.Sub(began).Seconds(), CPU: cpu.Seconds(), Pages: len(seen.waits),
	}
	row.Held = min(1, seen.held.Seconds()/row.Elapsed)
	row.Median, row.Longest = seen.median().Seconds(), seen.longest().Seconds()
	for _, n := range w.Server.Take() {
		row.Messages += n
	}

	// Each that is disabled is told so, and each command is answered.
	if least := load.disable + commands; row.Messages < least {
		return row, fmt.Errorf("the mail server was given %d messages, need at least %d", row.Messages, least)
	}

	return row, load.check(s)
}

// Every is how many seconds bounces wait to be registered at most: the whole way's
// REGISTER_BOUNCES_EVERY.
const Every = 1

const (
	// quiet is for how long all queues have to be empty for the work to be done: longer
	// than a runner takes from an entry's end to the next queue's entry.
	quiet = 3 * Every * time.Second
	// stuck is for how long nothing may change in them.
	stuck = 5 * time.Minute
)

// awaitEmpty returns when all queues have been empty for a while.
func awaitEmpty(s *site.Site) error {
	var patterns []string
	for _, queue := range []string{"bounces", "commands", "virgin", "out", bounce.RefusedQueue} {
		patterns = append(patterns, filepath.Join(s.QueueDir(queue), "*"))
	}
	patterns = append(patterns, filepath.Join(s.DataDir(), "bounce-events-*"))

	had, changed := -1, time.Now()
	for {
		left := 0
		for _, pattern := range patterns {
			files, err := filepath.Glob(pattern)
			if err != nil {
				return err
			}
			left += len(files)
		}

		if left != had {
			had, changed = left, time.Now()
		}
		switch same := time.Since(changed); {
		case left == 0 && same >= quiet:
			return nil
		case same > stuck:
			return fmt.Errorf("for %v there are %d files in the queues, need none", stuck, left)
		}

		time.Sleep(20 * time.Millisecond)
	}
}

// listLock is the path of the list's lock.
func listLock(s *site.Site) string { return maillist.LockPath(s, demo.ListName) }
