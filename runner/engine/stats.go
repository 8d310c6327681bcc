package engine

import (
	"time"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/history"
)

// Stats has the counts and times of a run.
type Stats struct {
	Runner   string                 `json:"runner"`
	Entries  int                    `json:"entries"`
	Outcomes map[runner.Outcome]int `json:"outcomes"`
	Commits  int                    `json:"commits"`
	// Elapsed is the time of the whole run. Held is the time for which list locks were held in all, HeldLongest the
	// longest time of one transaction.
	Elapsed     time.Duration `json:"elapsed_ns"`
	Held        time.Duration `json:"lock_held_ns"`
	HeldLongest time.Duration `json:"lock_held_longest_ns"`
	// ListBytes is the size of the largest config.pck that was written.
	ListBytes int64 `json:"list_bytes"`
	// Written is how many bytes of list state were written in all.
	Written int64 `json:"written_bytes"`
}

func (s *Stats) add(o runner.Outcome) {
	if s.Outcomes == nil {
		s.Outcomes = map[runner.Outcome]int{}
	}
	s.Outcomes[o]++
}

// observe adds a completed transaction to the run's statistics, and reports it.
func (e *Engine) observe(b *batch) {
	held := b.tx.Held()
	e.stats.Commits++
	e.stats.Held += held
	e.stats.HeldLongest = max(e.stats.HeldLongest, held)
	var written int64
	for _, size := range b.tx.ListBytes() {
		written += size
		e.stats.ListBytes = max(e.stats.ListBytes, size)
	}

	e.stats.Written += written

	if e.Observe == nil {
		return
	}

	// What mmrunner status shows of the last commits, and what the metrics count.
	c := history.Commit{
		At: time.Now(), Runner: e.Handler.Name(), List: b.list, Entries: len(b.taken), Outcomes: map[string]int{},
		Seconds: time.Since(b.begun).Seconds(), Waited: b.tx.Waited().Seconds(), Held: held.Seconds(), Bytes: written,
	}

	for _, o := range b.outcomes[:len(b.taken)] {
		c.Outcomes[string(o)]++
	}
	e.Observe(c)
}
