package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/devtools/bench"
	"github.com/mmrunner/mmrunner/runner/devtools/torture"
	"github.com/mmrunner/mmrunner/runner/engine"
)

type benchOptions struct {
	bench.Options
	mailman int
	loads   int
	whole   int
	piped   int
	lmtp    bool
	asJSON  bool
	child   string
}

func newBench(in *installation) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure batches on made-up lists, beside the installed Mailman",
		Long: `bench makes lists of several sizes in temporary folders, has a batch of bounces and one of commands,
the notices that these make, and their way to a mail server handled on each by a process of its own, and prints how long that took, for how long the list's lock was held beside
a copy and fsync of config.pck, and the peak of memory. Where a Mailman is installed (--prefix), its own runners handle
a few entries of a list of the middle size, for the ratio. The installation's state is not touched.

Then it measures the whole way on each list: bounces, three of five of which disable their member, and commands, from
the queues to a mail server, by all four runners at the same time, beside a page that takes the list's lock over and
over. Mailman's own four runners do the same for a few entries, on lists up to the middle size.

bench --lmtp measures the way in instead: messages a second and processor time of the LMTP server on one connection and
on eight, beside what the disk does alone, mmpost (where it lies beside mmrunner) and Mailman's script; then, as root on
a machine with Postfix, bounces by SMTP through a Postfix of its own, to the saved list, by LMTP and by the pipe.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner bench
  mmrunner bench --members 10000 --json
  mmrunner bench --lmtp --bounces 1000 --piped 50`,
		Annotations: exits(exitDone, exitNotDone, exitStopped),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("child") {
				return benchChild(cmd, o, args)
			}
			if o.lmtp {
				return benchIntake(cmd, in, o)
			}
			return runBench(cmd, in, o)
		},
	}

	cmd.Flags().IntSliceVar(&o.Members, "members", []int{10_000, 138_000, 1_000_000}, "sizes of the lists")
	cmd.Flags().IntVar(&o.Bounces, "bounces", 5_000, "bounces of a batch")
	cmd.Flags().IntVar(&o.Commands, "commands", 1_000, "commands of a batch")
	cmd.Flags().IntVar(&o.mailman, "mailman-entries", 10, "entries of each queue for Mailman's own runners; 0 asks no Mailman")
	cmd.Flags().IntVar(&o.loads, "loads", 1, "measure other loads too, made smaller by this factor; 0 leaves them out")
	cmd.Flags().IntVar(&o.whole, "whole", 1, "measure the whole way too, for bounces and commands divided by this; 0 leaves it out")
	cmd.Flags().BoolVar(&o.lmtp, "lmtp", false, "measure the way in instead: LMTP beside pipes")
	cmd.Flags().IntVar(&o.piped, "piped", 300, "with --lmtp: messages by pipe, each a program of its own")
	jsonFlag(cmd.Flags(), &o.asJSON)
	cmd.Flags().StringVar(&o.child, "child", "", "")
	if err := cmd.Flags().MarkHidden("child"); err != nil {
		panic(err)
	}

	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("child") {
			return cobra.ExactArgs(1)(cmd, args)
		}
		return cobra.NoArgs(cmd, args)
	}

	return cmd
}

// benchDocument is the document that --json prints.
type benchDocument struct {
	Rows  []bench.Row      `json:"rows"`
	Loads []bench.LoadRow  `json:"loads"`
	Whole []bench.WholeRow `json:"whole"`
}

func runBench(cmd *cobra.Command, in *installation, o benchOptions) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}

	o.Progress = func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), what+" ...") }
	ctx := untilStopped(cmd)
	o.Drain = drainChildren(ctx, self)

	rows, err := bench.Run(o.Options)
	if err != nil {
		return err
	}
	var installed *site.Site

	if o.mailman > 0 && len(rows) > 0 {
		s, err := in.site(site.Options{NoCache: true})
		if err == nil {
			err = s.Problem
		}

		if err == nil {
			installed = s
			err = benchMailman(s, rows, o)
		}

		if err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "no Mailman to compare with: %v\n", err)
		}
	}

	var loads []bench.LoadRow
	if o.loads > 0 {
		if loads, err = bench.Loads(o.Options, o.loads, installed); err != nil {
			return err
		}
	}

	var whole []bench.WholeRow
	if o.whole > 0 {
		if whole, err = benchWhole(ctx, self, installed, o); err != nil {
			return err
		}
	}

	if o.asJSON {
		return printJSON(cmd, benchDocument{rows, loads, whole})
	}
	if err := bench.Print(cmd.OutOrStdout(), rows); err != nil {
		return err
	}

	if len(loads) > 0 {
		fmt.Fprintln(cmd.OutOrStdout())
		if err := bench.PrintLoads(cmd.OutOrStdout(), loads); err != nil {
			return err
		}
	}

	if len(whole) > 0 {
		fmt.Fprintln(cmd.OutOrStdout())
		if err := bench.PrintWhole(cmd.OutOrStdout(), whole); err != nil {
			return err
		}
	}

	for _, line := range slices.Concat(bench.Over(rows), bench.OverLoads(loads), bench.OverWhole(whole)) {
		fmt.Fprintln(cmd.OutOrStdout(), "over budget: "+line)
	}
	return nil
}

// drainChildren has each runner drain its queue in a process of its own.
func drainChildren(ctx context.Context, self string) func(dir, name string) (bench.Drained, error) {
	return func(dir, name string) (d bench.Drained, err error) {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		child := exec.CommandContext(ctx, self, "bench", "--child", dir, name)
		child.Stderr = os.Stderr
		b, err := child.Output()
		if err != nil {
			return d, err
		}

		if err := json.Unmarshal(b, &d); err != nil {
			return d, err
		}
		d.CPU = child.ProcessState.UserTime() + child.ProcessState.SystemTime()
		return d, nil
	}
}

// benchMailman measures Mailman's own runners, with a mail server of ours.
func benchMailman(s *site.Site, rows []bench.Row, o benchOptions) error {
	box, err := torture.NewMailbox()
	if err != nil {
		return err
	}
	defer box.Close()
	return bench.Mailman(s, rows, o.Members[len(o.Members)/2], o.mailman, box.Port(), o.Progress)
}

// benchChild is one of the processes that bench starts, by the name of a runner or of another service.
func benchChild(cmd *cobra.Command, o benchOptions, args []string) error {
	switch args[0] {
	case lmtpChild:
		return serveChild(cmd, o.child)
	case postfixChild:
		return postfixOfChild(cmd)
	case mailmanChild:
		return measureMailman(cmd, o.child, o)
	}

	if kind, what, ok := strings.Cut(args[0], ":"); ok && kind == wholeChild {
		return runWhole(cmd, o.child, what)
	}
	return drainChild(cmd, o.child, args)
}

// drainChild drains one queue of a made-up site, and says what that took. The mail server is in the same process.
func drainChild(cmd *cobra.Command, dir string, args []string) error {
	box, err := torture.NewMailbox()
	if err != nil {
		return err
	}
	defer box.Close()
	p := site.Builtin()
	p.Settings["SMTPHOST"] = site.Setting{Value: pickle.Str("127.0.0.1")}
	p.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(box.Port())}
	s := site.FromProfile(dir, p)
	all, err := drainQueues(cmd.Context(), s, drainOptions{batchSize: engine.DefaultBatch, asJSON: true}, args)
	if err != nil {
		return err
	}

	peak, err := peakMemory()
	if err != nil {
		return err
	}

	return json.NewEncoder(cmd.OutOrStdout()).Encode(bench.Drained{Stats: all[0], Peak: peak})
}

// peakMemory is the most memory this process has had, in bytes. What wait4 says of a child would not do: a process
// begins with the peak of the one it was forked from.
func peakMemory() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}

	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kb int64
			_, err := fmt.Sscanf(rest, "%d kB", &kb)
			return kb << 10, err
		}
	}

	return 0, fmt.Errorf("got no VmHWM in /proc/self/status")
}
