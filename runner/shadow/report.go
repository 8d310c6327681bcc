package shadow

import "time"

// Batch is what came of one batch.
type Batch struct {
	N        int       `json:"n"`
	Runner   string    `json:"runner"`
	At       time.Time `json:"at"`
	Entries  int       `json:"entries"`
	Lists    int       `json:"lists"`
	Python   Side      `json:"python"`
	Mmrunner Side      `json:"mmrunner"`
	// Differences is how many were found; Error is why the batch could not be
	// replayed, which counts as one.
	Differences int    `json:"differences"`
	Error       string `json:"error,omitempty"`
}

// Side is what one side needed for a batch, in seconds: from the first entry to
// the last list saved, and for how long it held list locks.
type Side struct {
	Seconds float64 `json:"seconds"`
	Held    float64 `json:"lock_held_seconds"`
}

// Report is what a shadow has seen so far.
type Report struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Prefix  string    `json:"prefix"`
	Release string    `json:"release"`

	Entries  int `json:"entries"`   // replayed by both sides
	Agreed   int `json:"agreed"`    // of which nothing was done differently
	Vanished int `json:"vanished"`  // taken from the queue before they could be copied
	LeftOut  int `json:"left_out"`  // of lists with an extend.py, whose code is not run twice
	Overflow int `json:"overflows"` // times that the kernel had more names to tell than room for them

	Python   Side    `json:"python"`
	Mmrunner Side    `json:"mmrunner"`
	Ratio    float64 `json:"speed_ratio"` // Python's seconds for one of mmrunner's; 0 before there are any

	Batches     []Batch      `json:"batches"`
	Differences []Difference `json:"differences"`
	// Found counts all differences: Differences has the first of them.
	Found int `json:"found"`
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
	r.Ended = b.At
}
