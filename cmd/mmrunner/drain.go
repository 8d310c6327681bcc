package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

type drainOptions struct {
	batchSize int
	asJSON    bool
}

func newDrain(in *installation) *cobra.Command {
	var o drainOptions
	cmd := &cobra.Command{
		Use:   "drain [RUNNER...]",
		Short: "Handle all that waits in the queues of bounces, commands and notices, then exit",
		Long: `drain handles every entry of the queues of the named runners (BounceRunner, CommandRunner, VirginRunner; all if
none is named), a batch at a time, saves the lists and exits. What cannot be handled stays in the queue or goes
where Mailman would put it, and Mailman's error log says why.`,
		RunE: func(cmd *cobra.Command, args []string) error { return drain(cmd, in, o, args) },
	}
	batchSizeFlag(cmd.Flags(), &o.batchSize, engine.DefaultBatch)
	jsonFlag(cmd.Flags(), &o.asJSON)
	return cmd
}

func drain(cmd *cobra.Command, in *installation, o drainOptions, names []string) error {
	if o.batchSize < 1 {
		return fmt.Errorf("had --batch-size %d, wanted at least 1", o.batchSize)
	}
	s, err := in.open(cmd)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = runner.Names()
	}
	all, err := drainQueues(untilStopped(cmd), s, o, names)
	if err != nil {
		return err
	}
	for _, stats := range all {
		if n := stats.Outcomes[runner.Kept]; n > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "mmrunner: %s: %d entries stay in the queue; %s says why\n",
				stats.Runner, n, filepath.Join(s.LogDir(), "error"))
		}
	}
	if o.asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
	}
	return printStats(cmd.OutOrStdout(), all)
}

// drainQueues has the named runners go through what waits for them on a site,
// one after the other, and returns what each did. An ended ctx ends it with
// an error after the commit in progress.
func drainQueues(ctx context.Context, s *site.Site, o drainOptions, names []string) (all []engine.Stats, err error) {
	env := txn.NewEnv(s)
	engine.NewCourtesy(env, engine.DefaultLockShare)
	defer env.Log.Close()
	if err := env.Log.Touch("error"); err != nil {
		return nil, err
	}
	for _, name := range names {
		h, err := handler(name, s)
		if err != nil {
			return all, err
		}
		e, err := engine.New(env, h, 0, 1)
		if err != nil {
			return all, err
		}
		e.BatchSize = o.batchSize
		e.Progress = progress(h.Name(), o.asJSON)
		stats, err := e.Drain(ctx)
		err = errors.Join(err, e.Close())
		all = append(all, stats)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// handler makes the handler of a runner that goes by its class name, or by that
// without the Runner.
func handler(name string, s *site.Site) (runner.Handler, error) {
	world := membership.NewWorld(s)
	switch strings.TrimSuffix(name, "Runner") {
	case "Bounce":
		d, err := detect.New(s.Profile)
		if err != nil {
			return nil, err
		}
		return bounce.New(d, world), nil
	case "Command":
		return command.New(world), nil
	case "Virgin":
		return virgin.New(s), nil
	}
	return nil, fmt.Errorf("had runner %q, wanted one of %s", name, strings.Join(runner.Names(), ", "))
}

// progress shows a bar where somebody is looking.
func progress(name string, quiet bool) func(done, total int) {
	if quiet || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total int) {
		if bar == nil {
			bar = progressbar.NewOptions(total, progressbar.OptionSetDescription(name),
				progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		bar.ChangeMax(total)
		// A bar that cannot be drawn is no reason to stop.
		_ = bar.Set(done)
	}
}

func printStats(w io.Writer, all []engine.Stats) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RUNNER\tENTRIES\tOUTCOMES\tCOMMITS\tSECONDS\tLOCK HELD\tLIST SIZE")
	for _, s := range all {
		var parts []string
		for o, n := range s.Outcomes {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
		sort.Strings(parts)
		if len(parts) == 0 {
			parts = []string{"-"}
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%.3f\t%.3f s\t%.1f MB\n", s.Runner, s.Entries, strings.Join(parts, ", "),
			s.Commits, s.Elapsed.Seconds(), s.Held.Seconds(), float64(s.ListBytes)/1e6)
	}
	return t.Flush()
}
