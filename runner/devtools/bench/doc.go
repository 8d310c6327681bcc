// Package bench measures batches on made-up lists of several
// sizes, beside a copy of their config.pck and, where a Mailman is installed,
// beside its own runners on the same lists. What is compared is always measured
// in one run, since machines differ and are noisy.
package bench

import (
	"encoding/json"
	"time"

	"github.com/mmrunner/mmrunner/runner/engine"
)

// Options choose the sizes and loads.
type Options struct {
	Members  []int // sizes of the lists
	Bounces  int   // entries of the bounce batches
	Commands int   // entries of the command batches
	// Drain runs one runner over all that waits on the site in dir, in a process
	// of its own, so that its peak memory is that of the batch.
	Drain func(dir, runner string) (Drained, error)
	// Progress is told what goes on; it may be nil.
	Progress func(what string)
}

// Drained is the report of a process that drained a queue.
type Drained struct {
	Stats engine.Stats `json:"stats"`
	Peak  int64        `json:"peak_bytes"` // resident set
	// CPU is the processor time of the process.
	CPU time.Duration `json:"cpu_ns"`
}

// Row is one batch.
type Row struct {
	Members int
	Bytes   int64 // of config.pck, after it
	Drained
	// Copy is the median time of a copy and fsync of config.pck, before and
	// after the batch.
	Copy time.Duration
	// Mailman is the time that Mailman's own runner takes for one entry of this list; 0
	// where it was not asked.
	Mailman time.Duration
}

// MarshalJSON has times in seconds.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Members     int     `json:"members"`
		Bytes       int64   `json:"config_bytes"`
		Runner      string  `json:"runner"`
		Entries     int     `json:"entries"`
		Elapsed     float64 `json:"elapsed_seconds"`
		Each        float64 `json:"each_seconds"`
		MailmanEach float64 `json:"mailman_each_seconds,omitempty"`
		Held        float64 `json:"lock_held_seconds"`
		Copy        float64 `json:"copy_seconds"`
		Peak        int64   `json:"peak_bytes"`
	}{
		r.Members, r.Bytes, r.Stats.Runner, r.Stats.Entries, r.Stats.Elapsed.Seconds(), r.Each().Seconds(), r.Mailman.Seconds(),
		r.Stats.Held.Seconds(), r.Copy.Seconds(), r.Peak,
	})
}

// Each is mmrunner's time for one entry.
func (r *Row) Each() time.Duration {
	return r.Stats.Elapsed / time.Duration(max(r.Stats.Entries, 1))
}
