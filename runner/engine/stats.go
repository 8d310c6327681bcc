package engine

import (
	"time"

	"github.com/mmrunner/mmrunner/runner"
)

// Stats is what a run has done.
type Stats struct {
	Runner   string                 `json:"runner"`
	Entries  int                    `json:"entries"`
	Outcomes map[runner.Outcome]int `json:"outcomes"`
	Commits  int                    `json:"commits"`
	// Elapsed is the whole run, Held the time for which list locks were held.
	Elapsed time.Duration `json:"elapsed_ns"`
	Held    time.Duration `json:"lock_held_ns"`
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
