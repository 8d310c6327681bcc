package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/devtools/torture"
	"github.com/mmrunner/mmrunner/runner/engine"
)

type demoOptions struct {
	members  int
	bounces  int
	commands int
	mailman  int
	keep     bool
}

func newDemo(in *installation) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what mmrunner does, on a made-up site without a Mailman",
		Long: `demo makes a site in a temporary folder, without Mailman or Python: a list of 138,000 members, the
bounces of one mailing to it, and some commands. It brings them in by LMTP as a mail server does, drains the queues as
drain does, and gives the notices to a mail server of its own. It shows how long each step took beside what Mailman
takes, reads the list's state back with gopickle, and compares it with what it must be.

What Mailman takes is measured with a few messages where one is installed (--prefix), whose state is not touched; else
the figures are recorded ones.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner demo
  mmrunner demo --members 10000 --bounces 500 --keep`,
		Annotations: exits("0 the site is what it should be", "1 it is not", exitNotDone, exitStopped),
		RunE:        func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, in, o) },
	}

	cmd.Flags().IntVar(&o.members, "members", 138_000, "members of the list")
	cmd.Flags().IntVar(&o.bounces, "bounces", 5_000, "bounces that come in")
	cmd.Flags().IntVar(&o.commands, "commands", 200, "commands that come in")
	cmd.Flags().IntVar(&o.mailman, "mailman-entries", 2, "entries of each queue for an installed Mailman's own runners; 0 asks no Mailman")
	cmd.Flags().BoolVar(&o.keep, "keep", false, "leave the folder and say where it is")
	return cmd
}

func runDemo(cmd *cobra.Command, in *installation, o demoOptions) (err error) {
	if o.bounces+o.commands <= 0 {
		return fmt.Errorf("--bounces, --commands: got %d and %d, need some mail to show anything", o.bounces, o.commands)
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

	// Make the site.
	ctx := untilStopped(cmd)
	fmt.Fprintf(out, "Making a list of %d members, %d bounces and %d commands.\n", o.members, o.bounces, o.commands)
	s, mails, want, err := demo.Prepare(dir, demo.Options{
		Members: o.members, Bounces: o.bounces, Commands: o.commands, Now: time.Now(), Progress: demoProgress(ctx),
	})
	if err != nil {
		return err
	}

	// Take the whole way: in, through the queues, and out.
	box, err := torture.NewMailbox()
	if err != nil {
		return err
	}
	defer box.Close()
	s.Profile.Settings["SMTPHOST"] = site.Setting{Value: pickle.Str("127.0.0.1")}
	s.Profile.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(box.Port())}

	took, err := demo.Deliver(ctx, s, mails, progress("mail in by LMTP", false))
	if err != nil {
		return err
	}
	all, err := drainQueues(ctx, s, drainOptions{batchSize: engine.DefaultBatch}, append(runner.Names(), runner.Outgoing.Name))
	if err != nil {
		return err
	}
	if err := printStats(out, all); err != nil {
		return err
	}

	// Compare: the time with Mailman's, and the site with what it must be.
	mailman, err := mailmanFigures(ctx, cmd, in, o)
	if err != nil {
		return err
	}
	steps := demo.Steps(len(mails), took, all, mailman)
	fmt.Fprintln(out)
	if err := demo.Report(out, steps, mailman); err != nil {
		return err
	}
	fmt.Fprintln(out)
	sent := 0
	for _, copies := range box.Take() {
		sent += copies
	}
	got, err := demo.Check(s, sent)
	if err != nil {
		return err
	}

	err = demo.Compare(out, want, got, all, steps)
	if wrong := new(demo.WrongError); errors.As(err, &wrong) {
		return &exitError{statusFound, fmt.Errorf("verdict: %w; run it with --keep to see its logs", err)}
	}

	return err
}

// demoProgress shows how much of the site is made. It ends that where ctx has ended.
func demoProgress(ctx context.Context) func(what string, done, total int) error {
	show, last := (func(done, total int))(nil), ""
	return func(what string, done, total int) error {
		if what != last {
			show, last = progress("making "+what, false), what
		}

		if show != nil {
			show(done, total)
		}
		return ctx.Err()
	}
}
