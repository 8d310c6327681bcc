package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/service"
)

func newQrunner(in *installation) *cobra.Command {
	var o qrunner.Options
	var specs []string
	cmd := &cobra.Command{
		Use:   "qrunner [options]",
		Short: "Run queue runners as Mailman's bin/qrunner does",
		Long: `qrunner takes bin/qrunner's options and does what it does, with mmrunner in the place of BounceRunner,
CommandRunner and VirginRunner. Runners that are not mmrunner's are run by the installation's own bin/qrunner.

MMRUNNER_BATCH_SIZE, MMRUNNER_LOCK_SHARE and MMRUNNER_METRICS_ADDR in mm_cfg.py are what --batch-size, --lock-share and
--metrics-addr are to mmrunner run. Each runner is a process with an address of its own to answer Prometheus at, so the
last is a string for one runner, or a dictionary with one for each runner's name.

mailmanctl starts its runners through mmrunner where mm_cfg.py sets PYTHON to it (see mmrunner install), as
"mmrunner BIN_DIR/qrunner --runner=NAME:SLICE:COUNT -s". This command is the same by hand.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner qrunner --runner=Bounce:0:1 --once
  mmrunner qrunner --list`,
		Annotations: exits("0 it came to its end", "1 it could not begin; 15 and 2: it was told to stop by that signal, which mailmanctl goes by", exitNotDone),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, arg := range specs {
				spec, err := qrunner.ParseSpec(arg)
				if err != nil {
					return err
				}

				// bin/qrunner, which gets what is not ours, prints it as it is.
				if terminal.Escape(spec.Name) != spec.Name {
					return fmt.Errorf("--runner: got %q, need the name of a class", arg)
				}
				o.Runners = append(o.Runners, spec)
			}

			if len(o.Runners) == 0 && !o.List {
				return errors.New("got no runner, need --runner NAME[:SLICE:COUNT]; --list shows the names")
			}
			return byHand(cmd, in, o)
		},
	}

	f := cmd.Flags()
	f.StringArrayVarP(&specs, "runner", "r", nil, "the runner `NAME[:SLICE:COUNT]`, SLICE from 0; may be repeated; All is all of them")
	completeFlag(cmd, "runner", completeRunners)
	f.BoolVarP(&o.Once, "once", "o", false, "one entry for each runner, then end")
	f.BoolVarP(&o.List, "list", "l", false, "show the names of the runners")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "log each turn of several runners in the qrunner log")
	f.BoolVarP(&o.Subproc, "subproc", "s", false, "started by mailmanctl: say what there is to say in the error log")

	return cmd
}

// byHand is the qrunner command.
func byHand(cmd *cobra.Command, in *installation, o qrunner.Options) error {
	prefix, err := site.Find(in.prefix)
	if err != nil {
		return err
	}
	if err := in.leaveRoot(); err != nil {
		return err
	}

	script := filepath.Join(prefix, "bin", "qrunner")
	if ours, others := qrunner.Split(o.Runners, true); o.List || len(ours) == 0 && !asksForAll(others) {
		return qrunner.Exec(script, o.Args(o.Runners))
	}
	ownSignals(cmd)
	s, err := in.open(cmd)
	if err != nil {
		return err
	}

	status, err := serve(cmd.Context(), s, script, o)
	if err != nil && o.Subproc {
		service.Complain(s, err)
	}

	if err != nil || status != 0 {
		return &exitError{status, err}
	}

	return nil
}

func asksForAll(specs []qrunner.Spec) bool {
	for _, spec := range specs {
		if spec.Name == qrunner.All {
			return true
		}
	}
	return false
}

// serve runs what o asks for on a site.
func serve(ctx context.Context, s *site.Site, script string, o qrunner.Options) (status int, err error) {
	ours, others := qrunner.Split(qrunner.Expand(o.Runners, s), qrunner.Outgoing(s))
	ours, others = leaveChanged(s, ours, others, func(text string) {
		if o.Subproc {
			service.Complain(s, errors.New(text))
		} else {
			complain(terminal.NewWriter(os.Stderr), errors.New(text))
		}
	})

	if len(ours) == 0 {
		return 1, qrunner.Exec(script, o.Args(others))
	}
	process := &service.Process{
		Site: s, Runners: ours, Once: o.Once, Verbose: o.Verbose, Subproc: o.Subproc, Wait: true, Handler: configuredHandler(beyondOptions{}), Version: version(),
	}
	if err := tune(process); err != nil {
		return 1, err
	}

	if len(others) > 0 {
		process.Python = &service.PythonRunners{Script: script, Args: o.Args(others)}
	}

	return process.Run(ctx)
}

// tune sets what mm_cfg.py may say of mmrunner, since mailmanctl passes no options on.
func tune(process *service.Process) error {
	process.BatchSize, process.LockShare = engine.DefaultBatch, engine.DefaultLockShare
	if _, ok := process.Site.Value("MMRUNNER_BATCH_SIZE"); ok {
		process.BatchSize = process.Site.Int("MMRUNNER_BATCH_SIZE")
	}

	if _, ok := process.Site.Value("MMRUNNER_LOCK_SHARE"); ok {
		process.LockShare = process.Site.Float("MMRUNNER_LOCK_SHARE")
	}

	process.Metrics = process.Site.Str("MMRUNNER_METRICS_ADDR")
	if v, _ := process.Site.Value("MMRUNNER_METRICS_ADDR"); process.Metrics == "" && len(process.Runners) == 1 {
		if d, ok := v.(*pickle.Dict); ok {
			addr, _ := d.GetStr(process.Runners[0].Name)
			text, _ := addr.(pickle.Str)
			process.Metrics = string(text)
		}
	}

	return sane(process.BatchSize, "MMRUNNER_BATCH_SIZE in mm_cfg.py", process.LockShare, "MMRUNNER_LOCK_SHARE in mm_cfg.py")
}

// sane refuses what no runner can work with.
func sane(batchSize int, batchName string, lockShare float64, shareName string) error {
	if batchSize < 1 {
		return fmt.Errorf("%s: got %d, need at least 1", batchName, batchSize)
	}
	if lockShare <= 0 || lockShare > 1 {
		return fmt.Errorf("%s: got %g, need more than 0 and at most 1", shareName, lockShare)
	}
	return nil
}

// underMailmanctl is a process that mailmanctl started in the place of a Python interpreter running its script. What
// is not ours, and whatever cannot be told to be, becomes that interpreter; it returns where that fails.
func underMailmanctl(script string, args []string) (status int) {
	o, err := qrunner.Parse(args)
	in := &installation{prefix: filepath.Dir(filepath.Dir(script))}
	if err := in.leaveRoot(); err != nil {
		complain(terminal.NewWriter(os.Stderr), err)
		return notAgain(o)
	}
	if err == nil && len(o.Runners) == 1 && o.Runners[0].Name == qrunner.LMTP {
		return mailUnderMailmanctl(in, o)
	}

	ours, others := qrunner.Split(o.Runners, true)
	if err != nil || o.Help || o.List || len(ours) == 0 && !asksForAll(others) {
		return python(script, args, o, nil)
	}
	var warnings []error
	s, err := in.site(site.Options{Warn: func(m string) { warnings = append(warnings, errors.New(m)) }})
	if err != nil {
		return python(script, args, o, nil)
	}

	for _, w := range warnings {
		service.Complain(s, w)
	}
	if s.Problem != nil {
		// With Mailman's defaults for settings, entries would be answered as another site's.
		return python(script, args, o, s)
	}
	status, err = serve(context.Background(), s, script, o)
	if err != nil {
		service.Complain(s, err)
	}

	return status
}

// python becomes the real interpreter. Where it cannot, the status tells mailmanctl not to try again.
func python(script string, args []string, o qrunner.Options, s *site.Site) int {
	err := qrunner.Exec(script, args)
	complain(terminal.NewWriter(os.Stderr), err)
	if s != nil {
		service.Complain(s, err)
	}
	return notAgain(o)
}

// notAgain is the exit status for what another start would not mend either: mailmanctl starts no runner again that ends
// with SIGTERM's number.
func notAgain(o qrunner.Options) int {
	if o.Subproc {
		return int(syscall.SIGTERM)
	}
	return 1
}
