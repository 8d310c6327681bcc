package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/mmrunner/mmrunner/runner"
)

// Budgets, as multiples: how much memory a batch may take over that of
// config.pck (and 64 MB), and how long it may hold the lock over a copy of it.
const (
	memoryTimes = 3
	memoryMore  = 64 << 20
	lockTimes   = 5
)

// Print writes the rows as a table, budgets beside what was measured. Sizes are
// in units of a million bytes.
func Print(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "MEMBERS\tCONFIG.PCK\tBATCH\tTOOK\tEACH\tMAILMAN'S EACH\tTIMES AS FAST\tLOCK HELD\tCOPY + FSYNC\tPEAK MEMORY\tMAY HAVE\t")

	for _, r := range rows {
		mailman, faster := "-", "-"
		if r.Mailman > 0 {
			mailman = fmt.Sprintf("%.3f s", r.Mailman.Seconds())
			faster = fmt.Sprintf("%.0f", r.Mailman.Seconds()/r.Each().Seconds())
		}

		fmt.Fprintf(t, "%d\t%s\t%d %s\t%.2f s\t%.3f ms\t%s\t%s\t%s\t%s\t%s\t%s\t\n",
			r.Members, megabytes(r.Bytes), r.Stats.Entries, kind(r.Stats.Runner), r.Stats.Elapsed.Seconds(), milliseconds(r.Each()),
			mailman, faster, fmt.Sprintf("%.1f ms", milliseconds(r.Stats.Held)), fmt.Sprintf("%.1f ms", milliseconds(r.Copy)),
			megabytes(r.Peak), megabytes(memoryTimes*r.Bytes+memoryMore))
	}

	return t.Flush()
}

// Over returns a sentence for each figure over its budget.
func Over(rows []Row) []string {
	var over []string
	for _, r := range rows {
		what := fmt.Sprintf("%d %s on %d members", r.Stats.Entries, kind(r.Stats.Runner), r.Members)
		if limit := memoryTimes*r.Bytes + memoryMore; r.Peak > limit {
			over = append(over, fmt.Sprintf("%s: got a peak of %s, need at most %s", what, megabytes(r.Peak), megabytes(limit)))
		}

		// Commands are answered, and each answer is one more file to be put in its place.
		if limit := lockTimes * r.Copy; r.Stats.Runner == "BounceRunner" && r.Stats.Held > limit {
			over = append(over, fmt.Sprintf("%s: held the lock for %v, need at most %v", what, r.Stats.Held, limit))
		}

		if times := timesAsFast(r.Stats.Runner); r.Mailman > 0 && r.Mailman < times*r.Each() {
			over = append(over, fmt.Sprintf("%s: got %v an entry, need Mailman's %v divided by %d", what, r.Each(), r.Mailman, times))
		}
	}

	return over
}

// timesAsFast is how many times as fast as Mailman a runner has to be. OutgoingRunner
// waits for the mail server and for the disk, for each recipient.
func timesAsFast(name string) time.Duration {
	if name == runner.Outgoing.Name {
		return 200
	}
	return 1000
}

func kind(name string) string {
	switch name {
	case "BounceRunner":
		return "bounces"
	case "VirginRunner":
		return "notices"
	case runner.Outgoing.Name:
		return "messages"
	}

	return "commands"
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
