package shadow

import (
	_ "embed"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/mmrunner/mmrunner/runner/page"
)

//go:embed report.html
var reportBody string

var reportPage = page.New(reportBody)

// refreshRunning is the number of seconds after which a browser reads the report of a running shadow again.
const refreshRunning = 10

// How much of a long report a page shows; the totals and causes count all of it.
const (
	shownOfBatches     = 200
	shownOfDifferences = 200
)

// HTML writes the report as one page without other files: the verdict and what to do, the causes of differences, what
// was covered, the times of the two sides, and differences side by side.
func (r *Report) HTML(w io.Writer) error {
	data := pageData{Report: r, Covered: r.covered(), Missing: r.notCovered()}
	data.MostSeconds = max(r.Python.Seconds, r.Mmrunner.Seconds)
	data.MostHeld = max(r.Python.Held, r.Mmrunner.Held)

	for _, c := range r.Causes {
		data.MostOfCause = max(data.MostOfCause, float64(c.Count))
		data.Grouped = append(data.Grouped, pageCause{c, float64(c.Count)})
	}

	data.LastBatches = r.Batches[max(0, len(r.Batches)-shownOfBatches):]
	for _, b := range data.LastBatches {
		data.MostOfBatch = max(data.MostOfBatch, b.Python.Seconds, b.Mmrunner.Seconds)
	}
	data.First = r.Differences[:min(len(r.Differences), shownOfDifferences)]
	data.More = r.Found - len(data.First)

	title, refresh := fmt.Sprintf("mmrunner shadow: %d differences in %d entries", r.Found, r.Entries), 0

	if r.Running {
		title, refresh = title+" so far", refreshRunning
	}

	return reportPage.Write(w, title, refresh, data)
}

// pageData is the input of the page's template. Bars are drawn in proportion to the Most figures.
type pageData struct {
	*Report
	Covered, Missing                                []string
	MostSeconds, MostHeld, MostOfCause, MostOfBatch float64
	Grouped                                         []pageCause
	LastBatches                                     []Batch
	First                                           []Difference
	More                                            int
}

type pageCause struct {
	Cause
	Part float64
}

// covered describes the replayed entries, in lines.
func (r *Report) covered() []string {
	var out []string
	for _, name := range r.Runners {
		if lines := outcomeLines(r.Coverage.Outcomes[name]); len(lines) > 0 {
			out = append(out, name+": "+strings.Join(lines, ", "))
		}
	}

	if n := r.Coverage.Disabled; n > 0 {
		out = append(out, fmt.Sprintf("members disabled by bounces: %d", n))
	}

	var commands []string
	for name, n := range r.Coverage.Commands {
		commands = append(commands, fmt.Sprintf("%s %d", name, n))
	}
	if sort.Strings(commands); len(commands) > 0 {
		out = append(out, "commands: "+strings.Join(commands, ", "))
	}

	return out
}
