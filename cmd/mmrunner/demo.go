package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/engine"
)

type demoOptions struct {
	members  int
	bounces  int
	commands int
	keep     bool
}

func newDemo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what mmrunner does, on a made-up site without a Mailman",
		Long: `demo makes a site in a temporary folder, without Mailman or Python: a list of 138,000 members, the
bounces of one mailing to it, and some commands. It drains both queues as drain does, shows how long that took beside
what Mailman takes, reads the list's state back with gopickle, and compares it with what it must be.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner demo
  mmrunner demo --members 10000 --bounces 500 --keep`,
		Annotations: exits("0 the site is what it should be", "1 it is not", exitNotDone, exitStopped),
		RunE:        func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, o) },
	}

	cmd.Flags().IntVar(&o.members, "members", 138_000, "members of the list")
	cmd.Flags().IntVar(&o.bounces, "bounces", 5_000, "bounces in the queue")
	cmd.Flags().IntVar(&o.commands, "commands", 200, "commands in the queue")
	cmd.Flags().BoolVar(&o.keep, "keep", false, "leave the folder and say where it is")
	return cmd
}

func runDemo(cmd *cobra.Command, o demoOptions) (err error) {
	if o.bounces+o.commands <= 0 {
		return fmt.Errorf("--bounces, --commands: got %d and %d, need some entries to show anything", o.bounces, o.commands)
	}
	dir, err := os.MkdirTemp("", "mmrunner-demo-")
	if err != nil {
		return err
	}

	out := cmd.OutOrStdout()
	defer func() {
		if o.keep {
			fmt.Fprintf(out, "\nThe site is in %s.\n", dir)
		} else if e := os.RemoveAll(dir); err == nil {
			err = e
		}
	}()

	ctx := untilStopped(cmd)
	fmt.Fprintf(out, "Making a list of %d members, %d bounces and %d commands.\n", o.members, o.bounces, o.commands)
	show, last := (func(done, total int))(nil), ""
	s, want, err := demo.Make(dir, demo.Options{
		Members: o.members, Bounces: o.bounces, Commands: o.commands, Now: time.Now(),
		Progress: func(what string, done, total int) error {
			if what != last {
				show, last = progress("making "+what, false), what
			}

			if show != nil {
				show(done, total)
			}
			return ctx.Err()
		},
	})
	if err != nil {
		return err
	}
	all, err := drainQueues(ctx, s, drainOptions{batchSize: engine.DefaultBatch}, []string{"BounceRunner", "CommandRunner"})
	if err != nil {
		return err
	}
	if err := printStats(out, all); err != nil {
		return err
	}

	fmt.Fprintln(out)
	if err := demo.Report(out, all); err != nil {
		return err
	}
	fmt.Fprintln(out)
	got, err := demo.Check(s)
	if err != nil {
		return err
	}

	err = demo.Compare(out, want, got, all)
	if wrong := new(demo.WrongError); errors.As(err, &wrong) {
		return &exitError{statusFound, fmt.Errorf("verdict: %w; run it with --keep to see its logs", err)}
	}

	return err
}
