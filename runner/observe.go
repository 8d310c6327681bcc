package runner

import (
	"time"

	"github.com/mmrunner/mmrunner/runner/batch"
	"github.com/mmrunner/mmrunner/runner/history"
)

// observe tells whoever wants to know of a commit that began at start, when the
// engine had done what before says.
func (e *Engine) observe(turn *batch.Turn, list string, outcomes []Outcome, start time.Time, before Stats) {
	if e.Observe == nil {
		return
	}
	c := history.Commit{
		At: time.Now(), Runner: e.Handler.Name(), List: list, Entries: len(outcomes), Outcomes: map[string]int{},
		Seconds: time.Since(start).Seconds(), Waited: turn.Waited().Seconds(),
		Held: (e.stats.Held - before.Held).Seconds(), Bytes: e.stats.Written - before.Written,
	}
	for _, o := range outcomes {
		c.Outcomes[string(o)]++
	}
	e.Observe(c)
}
