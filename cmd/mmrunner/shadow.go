package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/metrics"
	"github.com/mmrunner/mmrunner/runner/shadow"
)

type shadowOptions struct {
	ignoreChanges bool
	once          bool
	report        string
	spool         string
	batchSize     int
	every         time.Duration
	asJSON        bool
	metrics       string
}

func newShadow(in *installation) *cobra.Command {
	var o shadowOptions
	cmd := &cobra.Command{
		Use:   "shadow [RUNNER...]",
		Short: "Try mmrunner beside the live Python runners, without touching anything",
		Long: `shadow keeps a copy of each entry as it appears in the queues of the named runners (BounceRunner,
CommandRunner, VirginRunner; all if none is named) and of the lists as they are then. It replays each batch of entries twice in
private copies: by Mailman's own runner in the site's Python, and by mmrunner. Then it compares list state, outgoing
messages and log lines by what they mean: folding, cookies, times and made-up passwords do not count.

Nothing below VAR_PREFIX changes, no lock is taken, and no mail leaves. Entries of lists with an extend.py are left
out and counted, as such code may reach further; entries that the live runners take before they can be copied are
counted too.

It goes on until it is stopped (with Ctrl-C, or as a supervisor does; it then replays what it has collected once
more), or with --once replays what is in the queues now.`,
		Example: `  mmrunner shadow
  mmrunner shadow --once --report shadow.html CommandRunner`,
		ValidArgsFunction: completeRunners,
		Annotations:       exits("0 both sides agreed", "1 something differed", "2 nothing was replayed, or it could not be done", "130 it was stopped before --once was through"),
		RunE:              func(cmd *cobra.Command, args []string) error { return runShadow(cmd, in, o, args) },
	}

	f := cmd.Flags()
	ignoreChangesFlag(f, &o.ignoreChanges)
	f.BoolVar(&o.once, "once", false, "replay what is in the queues now, then exit")
	f.StringVar(&o.report, "report", "", "write the results to this file as one HTML page")
	f.StringVar(&o.spool, "spool", "", "the directory for private copies (default: one for this user and site below the temporary directory)")
	f.IntVar(&o.batchSize, "batch-size", shadow.DefaultBatch, "entries that make a batch at once")
	f.DurationVar(&o.every, "every", shadow.DefaultEvery, "for how long entries are collected into a batch at most")
	jsonFlag(f, &o.asJSON)
	metricsFlag(f, &o.metrics)

	return cmd
}

func runShadow(cmd *cobra.Command, in *installation, o shadowOptions, names []string) error {
	if o.batchSize < 1 {
		return fmt.Errorf("--batch-size: got %d, need at least 1", o.batchSize)
	}
	if o.every <= 0 {
		return fmt.Errorf("--every: got %v, need more than 0", o.every)
	}

	// The page holds what members wrote. It is made now, as a run may be long and its file not writable.
	var page *os.File
	if o.report != "" {
		var err error
		if page, err = in.createReport(o.report); err != nil {
			return err
		}
		defer page.Close()
	}

	s, err := in.look(cmd)
	if err != nil {
		return err
	}
	byName := len(names) > 0
	if !byName {
		names = runner.Names()
	}

	for _, name := range names {
		if strings.TrimSuffix(name, "Runner")+"Runner" == runner.Outgoing.Name {
			return fmt.Errorf("got runner %q, need one that sends nothing to the mail server", name)
		}
	}

	if names, err = withoutChanged(cmd.ErrOrStderr(), s, names, byName, o.ignoreChanges); err != nil {
		return err
	}

	if o.spool == "" {
		o.spool = defaultSpool(s.Prefix)
	}

	ctx := untilStopped(cmd)
	live := newLive(o.asJSON)
	tell := live.tell

	if page != nil {
		// A long run that dies leaves what it has found so far.
		written := -1
		tell = func(r *shadow.Report, working bool) {
			live.tell(r, working)
			if len(r.Batches) != written {
				written = len(r.Batches)
				if err := rewrite(page, r.HTML); err != nil {
					live.say("%s: %v", o.report, err)
				}
			}
		}
	}

	if o.metrics != "" {
		m := metrics.New(runner.Queues(s.QueueDir), version())
		if _, err := m.Serve(ctx, o.metrics); err != nil {
			return err
		}

		showing := tell
		tell = func(r *shadow.Report, working bool) {
			showing(r, working)
			setTotals(m, r)
		}
	}

	r, err := shadow.Run(ctx, shadow.Options{
		Site: s, Runners: names, Handler: handler, Spool: o.spool, Once: o.once, Version: version(),
		BatchSize: o.batchSize, Every: o.every, Tell: tell,
	})

	live.end()
	if r == nil {
		return err
	}

	if page != nil {
		err = errors.Join(err, rewrite(page, r.HTML), page.Close())
	}

	if err != nil {
		return err
	}

	if o.asJSON {
		err = printJSON(cmd, r)
	} else {
		err = printShadow(cmd.OutOrStdout(), r)
	}

	switch {
	case err != nil:
		return err
	case !r.OK():
		return errFound
	case r.Entries == 0:
		return errors.New("no entry was replayed: nothing was compared")
	}

	return nil
}

// setTotals sets the totals that Prometheus may ask for.
func setTotals(m *metrics.Metrics, r *shadow.Report) {
	for total, v := range map[string]float64{
		"entries": float64(r.Entries), "agreed": float64(r.Agreed), "differences": float64(r.Found), "vanished": float64(r.Vanished),
		"left_out": float64(r.LeftOut), "not_replayed": float64(r.NotReplayed), "python_seconds": r.Python.Seconds, "mmrunner_seconds": r.Mmrunner.Seconds,
		"python_lock_held_seconds": r.Python.Held, "mmrunner_lock_held_seconds": r.Mmrunner.Held,
	} {
		m.Shadow(total, v)
	}
}

// defaultSpool is one directory for each user and site, so that a shadow that was killed leaves its copies where the
// next one clears them away.
func defaultSpool(prefix string) string {
	name := "mmrunner-shadow-" + strconv.Itoa(os.Geteuid()) + strings.ReplaceAll(prefix, "/", "-")
	return filepath.Join(os.TempDir(), name)
}

// shownDifferences is how many are printed; a report has more.
const shownDifferences = 20

func printShadow(w io.Writer, r *shadow.Report) error {
	for _, b := range r.Batches {
		if b.Error != "" {
			fmt.Fprintf(w, "batch %d could not be replayed: %s\n", b.N, terminal.Escape(b.Error))
		}
	}

	for i, d := range r.Differences {
		if i == shownDifferences {
			fmt.Fprintln(w, "...")
			break
		}
		fmt.Fprintf(w, "batch %d, %s: %s\n  Python   %s\n  mmrunner %s\n", d.Batch,
			terminal.Escape(d.Where), terminal.Escape(d.Path), indented(d.Python), indented(d.Mmrunner))
	}

	if len(r.Causes) > 0 {
		t := terminal.NewTable(terminal.Width, terminal.Column{Title: "TIMES", Right: true}, terminal.Column{Title: "CAUSE", Flex: true},
			terminal.Column{Title: "MAY COME FROM", Flex: true})
		for _, c := range r.Causes {
			t.Row(fmt.Sprint(c.Count), c.What, orNone(c.Modules))
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}

	fmt.Fprintln(w, terminal.Wrap(shadowLine(r), terminal.Width))
	if len(r.ChangedModules) > 0 {
		fmt.Fprintln(w, terminal.Wrap("These changes of this site's have no effect under mmrunner: "+terminal.Escape(strings.Join(r.ChangedModules, ", ")), terminal.Width))
	}

	_, err := fmt.Fprintln(w, terminal.Wrap(terminal.Escape(r.Recommendation), terminal.Width))
	return err
}

// indented is a text of several lines for the place after a label of 11 characters.
func indented(s string) string {
	return strings.ReplaceAll(terminal.Lines(s), "\n", "\n           ")
}

func shadowLine(r *shadow.Report) string {
	line := fmt.Sprintf("%s in %s, %d in agreement, %s, %d gone too soon",
		several(r.Entries, "entry", "entries"), several(len(r.Batches), "batch", "batches"), r.Agreed, several(r.Found, "difference", "differences"), r.Vanished)
	if r.LeftOut > 0 {
		line += fmt.Sprintf(", %d left out", r.LeftOut)
	}

	if r.NotReplayed > 0 {
		line += fmt.Sprintf(", %d not replayed", r.NotReplayed)
	}

	if r.Overflow > 0 {
		line += fmt.Sprintf(", %d overflows", r.Overflow)
	}

	if r.Entries > 0 {
		line += fmt.Sprintf("; Python %.2f s (locks %.2f), mmrunner %.3f s (locks %.3f)", r.Python.Seconds, r.Python.Held, r.Mmrunner.Seconds, r.Mmrunner.Held)
	}

	if r.Ratio > 0 {
		line += fmt.Sprintf(", %.0f times faster", r.Ratio)
	}

	return line
}

func several(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
