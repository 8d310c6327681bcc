package shadow

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/runner"
)

// Batch is the result of one batch.
type Batch struct {
	N        int       `json:"n"`
	Runner   string    `json:"runner"`
	At       time.Time `json:"at"`
	Entries  int       `json:"entries"`
	Lists    int       `json:"lists"`
	Python   Side      `json:"python"`
	Mmrunner Side      `json:"mmrunner"`
	// Differences is how many were found. Error is why the batch could not be replayed, which counts as a difference.
	Differences int    `json:"differences"`
	Error       string `json:"error,omitempty"`

	// The kinds of its entries, for the report's coverage.
	outcomes map[runner.Outcome]int
	commands []string
	disabled int
}

// Side has the times of one side for a batch, in seconds: from the first entry to the last saved list, and the time
// for which it held list locks.
type Side struct {
	Seconds float64 `json:"seconds"`
	Held    float64 `json:"lock_held_seconds"`
}

// Report holds the findings of a shadow so far.
type Report struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Prefix  string    `json:"prefix"`
	Release string    `json:"release"`
	// Version is mmrunner's; Runners are the runners whose queues are replayed.
	Version string   `json:"mmrunner_version"`
	Runners []string `json:"runners"`
	// ChangedModules are the changed modules of Mailman whose work mmrunner does.
	ChangedModules []string `json:"changed_modules"`
	// Running tells that the shadow goes on.
	Running bool `json:"running"`

	Entries  int `json:"entries"`   // replayed by both sides
	Agreed   int `json:"agreed"`    // of which both sides did the same
	Vanished int `json:"vanished"`  // taken from the queue before they could be copied
	LeftOut  int `json:"left_out"`  // of lists with an extend.py, whose code is not run twice
	Overflow int `json:"overflows"` // times that the kernel had no room for more events
	// NotReplayed counts the entries that were waiting for their replay when the shadow ended.
	NotReplayed int `json:"not_replayed"`

	Python   Side    `json:"python"`
	Mmrunner Side    `json:"mmrunner"`
	Ratio    float64 `json:"speed_ratio"` // Python's seconds for one of mmrunner's; 0 before the first batch

	Batches     []Batch      `json:"batches"`
	Differences []Difference `json:"differences"`
	// Found counts all differences; Differences has the first of them.
	Found int `json:"found"`
	// Causes are the kinds of differences among Differences.
	Causes   []Cause  `json:"causes"`
	Coverage Coverage `json:"coverage"`
	// Recommendation says what the administrator should do now.
	Recommendation string `json:"recommendation"`
}

// newReport begins a report.
func newReport(o Options) Report {
	r := Report{
		Started: time.Now(), Ended: time.Now(), Prefix: o.Site.Prefix, Release: o.Site.Profile.Version, Version: o.Version, Running: true,
		Runners: []string{}, ChangedModules: []string{}, Batches: []Batch{}, Differences: []Difference{}, Causes: []Cause{},
		Coverage: Coverage{Outcomes: map[string]map[runner.Outcome]int{}, Commands: map[string]int{}, NotSeen: slices.Sorted(maps.Keys(o.Site.Profile.Commands))},
	}

	for _, name := range o.Site.Profile.Custom {
		if !strings.HasPrefix(name, "Commands/") && !strings.HasPrefix(name, "Bouncers/") {
			r.ChangedModules = append(r.ChangedModules, name)
		}
	}

	r.Recommendation = r.Recommend()
	return r
}

// kept is how many differences a report keeps.
const kept = 1000

// OK tells whether the two sides agreed in everything.
func (r *Report) OK() bool { return r.Found == 0 }

func (r *Report) add(b Batch, found []Difference) {
	r.Entries += b.Entries
	r.Agreed += max(0, b.Entries-b.Differences)
	r.Python.Seconds += b.Python.Seconds
	r.Python.Held += b.Python.Held
	r.Mmrunner.Seconds += b.Mmrunner.Seconds
	r.Mmrunner.Held += b.Mmrunner.Held

	if r.Mmrunner.Seconds > 0 {
		r.Ratio = r.Python.Seconds / r.Mmrunner.Seconds
	}

	r.Batches = append(r.Batches, b)
	r.Found += b.Differences
	r.Differences = append(r.Differences, found[:min(len(found), max(0, kept-len(r.Differences)))]...)
	r.Ended = time.Now()
	r.Causes = causes(r.Differences, r.ChangedModules)
	r.Coverage.seen(&b, b.outcomes, b.commands, b.disabled)
	r.Recommendation = r.Recommend()
}
