package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/outgoing"
	"github.com/mmrunner/mmrunner/runner/status"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

type drainOptions struct {
	ignoreChanges bool
	batchSize     int
	asJSON        bool
	besidePython  bool
	beyond        beyondOptions
}

func newDrain(in *installation) *cobra.Command {
	var o drainOptions
	cmd := &cobra.Command{
		Use:   "drain [RUNNER...]",
		Short: "Handle all that waits in the queues, then exit",
		Long: `drain handles every entry of the queues of the named runners (BounceRunner, CommandRunner, VirginRunner; all if
none is named), a batch at a time, saves the lists and exits. What cannot be handled stays in the queue or goes
where Mailman would put it, and Mailman's error log says why. OutgoingRunner, which gives mail to the mail
server, is drained only where it is named.

It stops where one of Mailman's own Python runners works on such a queue: neither would know of the entries that the
other has in hand. Another mmrunner does know.`,
		Example: `  mmrunner drain
  mmrunner drain --json BounceRunner`,
		ValidArgsFunction: completeRunners,
		Annotations:       exits("0 all entries were handled", "1 some entries stay in the queue", exitNotDone, "130 it was stopped by Ctrl-C; what it had begun is done"),
		RunE:              func(cmd *cobra.Command, args []string) error { return drain(cmd, in, o, args) },
	}

	ignoreChangesFlag(cmd.Flags(), &o.ignoreChanges)
	cmd.Flags().BoolVar(&o.besidePython, "beside-python", false, "go on though a Python runner works on the queue")
	batchSizeFlag(cmd.Flags(), &o.batchSize, engine.DefaultBatch)
	o.beyond.flags(cmd)
	jsonFlag(cmd.Flags(), &o.asJSON)

	return cmd
}

func drain(cmd *cobra.Command, in *installation, o drainOptions, names []string) error {
	if o.batchSize < 1 {
		return fmt.Errorf("--batch-size: got %d, need at least 1", o.batchSize)
	}
	s, err := in.open(cmd)
	if err != nil {
		return err
	}

	byName := len(names) > 0
	if !byName {
		names = runner.Names()
	}

	if names, err = withoutChanged(cmd.ErrOrStderr(), s, names, byName, o.ignoreChanges); err != nil {
		return err
	}

	if !o.besidePython {
		if err := aloneWith(cmd, s, names); err != nil {
			return err
		}
	}

	all, err := drainQueues(untilStopped(cmd), s, o, names)
	if e := remember(s, all); e != nil {
		complain(cmd.ErrOrStderr(), fmt.Errorf("mmrunner status will not know of this: %w", e))
	}

	if err != nil {
		return err
	}

	kept := 0
	for _, stats := range all {
		if n := stats.Outcomes[runner.Kept]; n > 0 {
			kept += n
			complain(cmd.ErrOrStderr(), fmt.Errorf("%s: %s in the queue; %s says why", stats.Runner,
				several(n, "entry stays", "entries stay"), filepath.Join(s.LogDir(), "error")))
		}
	}

	if o.asJSON {
		err = printJSON(cmd, drainDocument{drainedRunners(all)})
	} else {
		err = printStats(cmd.OutOrStdout(), all)
	}

	if err == nil && kept > 0 {
		return errFound
	}

	return err
}

// aloneWith refuses to work beside a Python runner of the same queues. That one does not know which entries mmrunner
// has in hand, and the other way round: both rename them to .bak files.
func aloneWith(cmd *cobra.Command, s *site.Site, names []string) error {
	working, unseen := status.Runners(s, status.Options{})
	for _, what := range unseen {
		complain(cmd.ErrOrStderr(), fmt.Errorf("whether Python runners work there cannot be seen for certain: %s", what))
	}
	var found []string
	for _, p := range working {
		for _, name := range names {
			if !p.Mmrunner && strings.TrimSuffix(name, "Runner") == strings.TrimSuffix(p.Runner, "Runner") {
				found = append(found, fmt.Sprintf("%s (Python), slice %s, process %d since %s", p.Runner, p.Slice, p.PID, at(p.Since)))
			}
		}
	}

	if found == nil {
		return nil
	}

	return fmt.Errorf("%s on the same queue:\n%s\nstop mailmanctl first (%s stop), or say --beside-python; nothing was done",
		several(len(found), "other runner works", "other runners work"), strings.Join(found, "\n"), filepath.Join(s.Str("BIN_DIR"), "mailmanctl"))
}

// remember has mmrunner status show what was done.
func remember(s *site.Site, all []engine.Stats) error {
	var errs []error
	for _, stats := range all {
		if stats.Entries == 0 {
			continue
		}

		c := history.Commit{
			At: time.Now(), Runner: stats.Runner, Entries: stats.Entries, Outcomes: map[string]int{},
			Seconds: stats.Elapsed.Seconds(), Held: stats.Held.Seconds(), Bytes: stats.Written,
		}

		for outcome, n := range stats.Outcomes {
			c.Outcomes[string(outcome)] = n
		}
		errs = append(errs, history.Open(s.DataDir(), stats.Runner+"-drain", 0, 1).Add(c))
	}

	return errors.Join(errs...)
}

// drainDocument is the document that --json prints.
type drainDocument struct {
	Runners []drainedRunner `json:"runners"`
}

// drainedRunner counts what a runner has done.
type drainedRunner struct {
	Runner          string                 `json:"runner"`
	Entries         int                    `json:"entries"`
	Outcomes        map[runner.Outcome]int `json:"outcomes"`
	Commits         int                    `json:"commits"`
	ElapsedSeconds  float64                `json:"elapsed_seconds"`
	LockHeldSeconds float64                `json:"lock_held_seconds"`
	ListBytes       int64                  `json:"list_bytes"`    // of the largest config.pck that was written
	WrittenBytes    int64                  `json:"written_bytes"` // of list state, in all
}

func drainedRunners(all []engine.Stats) []drainedRunner {
	out := []drainedRunner{}
	for _, s := range all {
		out = append(out, drainedRunner{
			s.Runner, s.Entries, s.Outcomes, s.Commits, s.Elapsed.Seconds(), s.Held.Seconds(), s.ListBytes, s.Written,
		})
	}
	return out
}

// drainQueues has the named runners go through what waits for them on a site,
// one after the other, and returns what each did. An ended ctx ends it with
// an error after the commit in progress.
func drainQueues(ctx context.Context, s *site.Site, o drainOptions, names []string) (all []engine.Stats, err error) {
	env := txn.NewEnv(s)
	engine.NewFairLocks(env, engine.DefaultLockShare)
	defer env.Log.Close()
	if err := env.Log.Touch("error"); err != nil {
		return nil, err
	}

	for _, name := range names {
		h, err := configuredHandler(o.beyond)(name, s)
		if err != nil {
			return all, err
		}

		engines, err := engine.Open(env, h, 0, 1)
		if err != nil {
			return all, err
		}

		for i, e := range engines {
			e.BatchSize = o.batchSize
			e.Progress = progress(h.Name(), o.asJSON)
			stats, err := e.Drain(ctx)
			err = errors.Join(err, e.Close())

			if i == 0 || stats.Entries > 0 {
				all = append(all, stats)
			}

			if err != nil {
				return all, err
			}
		}
	}

	return all, nil
}

// handler makes the handler of a runner that goes by its class name, or by that
// without the Runner.
func handler(name string, s *site.Site) (runner.Handler, error) {
	return handlerOf(name, s, membership.NewServices(s), bounce.Options{})
}

// handlerOf is handler with what a site has switched on beyond what Mailman does.
func handlerOf(name string, s *site.Site, services membership.Services, o bounce.Options) (runner.Handler, error) {
	switch strings.TrimSuffix(name, "Runner") {
	case "Bounce":
		d, err := detect.New(s.Profile)
		if err != nil {
			return nil, err
		}
		return bounce.New(d, services).With(o), nil
	case "Command":
		return command.New(services), nil
	case "Virgin":
		return virgin.New(s), nil
	case "Outgoing":
		d, err := detect.New(s.Profile)
		if err != nil {
			return nil, err
		}
		return outgoing.New(s, bounce.NewRefusals(bounce.New(d, services).With(o)), outgoing.Options{Sessions: s.Int("MMRUNNER_OUTGOING_SESSIONS")}), nil
	}

	return nil, fmt.Errorf("got runner %q, need one of %s", name, strings.Join(append(runner.Names(), runner.Outgoing.Name), ", "))
}

// progress shows a bar that counts things, where standard error is a terminal.
func progress(name string, quiet bool) func(done, total int) {
	return bar(name, quiet, progressbar.OptionShowCount())
}

// progressBytes shows a bar that counts bytes.
func progressBytes(name string, quiet bool) func(done, total int) {
	return bar(name, quiet, progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true))
}

// bar shows a bar that fits the terminal and goes at the end.
func bar(name string, quiet bool, counting ...progressbar.Option) func(done, total int) {
	if quiet || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total int) {
		if bar == nil {
			bar = progressbar.NewOptions(total, append(counting, progressbar.OptionSetDescription(name), progressbar.OptionFullWidth(),
				progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))...)
			_ = bar.RenderBlank()
		}

		bar.ChangeMax(total)
		// A bar that cannot be drawn is no reason to stop.
		_ = bar.Set(done)
	}
}

// printStats prints what each runner has done.
func printStats(w io.Writer, all []engine.Stats) error {
	right := func(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "RUNNER"}, right("ENTRIES"), terminal.Column{Title: "OUTCOMES", Flex: true},
		right("COMMITS"), right("TOOK"), right("LOCKED"), right("LIST"))
	for _, s := range all {
		var parts []string
		for o, n := range s.Outcomes {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
		sort.Strings(parts)
		t.Row(s.Runner, fmt.Sprint(s.Entries), orNone(parts), fmt.Sprint(s.Commits), fmt.Sprintf("%.2f s", s.Elapsed.Seconds()),
			fmt.Sprintf("%.0f ms", 1e3*s.Held.Seconds()), fmt.Sprintf("%.1f MB", float64(s.ListBytes)/1e6))
	}

	return t.Write(w)
}
