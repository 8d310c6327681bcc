package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/lmtp"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/service"
)

type runOptions struct {
	lmtp          string
	socketmap     string
	ignoreChanges bool
	slice         string
	batchSize     int
	lockShare     float64
	metrics       string
	asUser        bool
	beyond        beyondOptions
}

func newRun(in *installation) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [RUNNER...]",
		Short: "Handle the queues until told to stop, for a supervisor",
		Long: `run handles the queues of the named runners (BounceRunner, CommandRunner, VirginRunner; all if none is named) in the
foreground, until SIGTERM or SIGINT. It finishes what is at hand first, and registers bounces that wait. SIGHUP has it
open its log files anew. Only one mmrunner works on a slice of a queue. OutgoingRunner, which gives mail to
the mail server, is run only where it is named.

mailmanctl must not start the same runners: take them out of QRUNNERS in mm_cfg.py, or let mailmanctl start mmrunner
itself (see mmrunner install).

As root it becomes Mailman's user first, as every command does; any other user than Mailman's is refused.`,
		Example: `  mmrunner run
  mmrunner run --slice 0/2 --metrics-addr :9112 BounceRunner`,
		Annotations:       exits("0 it was told to stop", exitNotDone),
		ValidArgsFunction: completeRunners,
		RunE:              func(cmd *cobra.Command, args []string) error { return runForeground(cmd, in, o, args) },
	}

	f := cmd.Flags()
	ignoreChangesFlag(f, &o.ignoreChanges)
	f.StringVar(&o.slice, "slice", "0/1", "work on slice `N/M` of the queues only, N from 0")
	batchSizeFlag(f, &o.batchSize, engine.DefaultBatch)
	f.Float64Var(&o.lockShare, "lock-share", engine.DefaultLockShare, "share of the time for which a list's lock is held at most")
	metricsFlag(f, &o.metrics)
	o.beyond.flags(cmd)
	f.StringVar(&o.lmtp, "lmtp", "", "take mail from the mail server too, on `ADDRESS`; see mmrunner lmtp")
	f.Lookup("lmtp").NoOptDefVal = lmtp.UsualAddress
	f.StringVar(&o.socketmap, "socketmap", lmtp.UsualSocketmap, "with --lmtp: answer Postfix's socketmap on `ADDRESS`, or none")
	f.BoolVarP(&o.asUser, "run-as-user", "u", false, "run as whoever started it, if not as root")

	return cmd
}

func runForeground(cmd *cobra.Command, in *installation, o runOptions, names []string) error {
	ownSignals(cmd)
	if err := sane(o.batchSize, "--batch-size", o.lockShare, "--lock-share"); err != nil {
		return err
	}

	n, slices, err := qrunner.ParseSlice(o.slice)
	if err != nil {
		return err
	}
	s, err := in.open(cmd)
	if err != nil {
		return err
	}
	if err := privilege.Show(); err != nil {
		return err
	}

	if !o.asUser {
		if err := qrunner.CheckUser(s); err != nil {
			return err
		}
	}

	byName := len(names) > 0
	if !byName {
		names = runner.Names()
	}

	if names, err = withoutChanged(cmd.ErrOrStderr(), s, names, byName, o.ignoreChanges); err != nil {
		return err
	}
	process := &service.Process{Site: s, Version: version(), BatchSize: o.batchSize, LockShare: o.lockShare, Metrics: o.metrics, Handler: configuredHandler(o.beyond)}
	for _, name := range names {
		spec := qrunner.Spec{Name: strings.TrimSuffix(name, "Runner") + "Runner", Slice: n, Slices: slices}
		if !runner.Known(spec.Name) {
			return fmt.Errorf("got runner %q, need one of %s", name, strings.Join(append(runner.Names(), runner.Outgoing.Name), ", "))
		}

		process.Runners = append(process.Runners, spec)
		if qrunner.Configured(s, spec.Name) {
			fmt.Fprintf(cmd.ErrOrStderr(), "mmrunner: mailmanctl starts %s too; take it out of QRUNNERS in mm_cfg.py\n", spec.Name)
		}
	}

	// Relative names in settings are below it for Mailman's own runners.
	if err := os.Chdir(s.Prefix); err != nil {
		return err
	}

	if o.lmtp != "" {
		// Mail is taken until the runners have ended; what comes late waits in the queues.
		process.StartMail = func(ctx context.Context) (func(bool) error, error) {
			return besideRunners(ctx, s, lmtpOptions{listen: []string{o.lmtp}, maps: []string{o.socketmap}})
		}
	}

	// To have been told to stop is no failure to a supervisor.
	_, err = process.Run(cmd.Context())
	return err
}
