package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/metrics"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Process runs runners until it is told to stop.
type Process struct {
	Site    *site.Site
	Runners []qrunner.Spec // mmrunner's runners
	Handler func(name string, s *site.Site) (runner.Handler, error)
	// Version is written to the qrunner log at the start.
	Version string

	Once    bool // one entry for each runner
	Verbose bool // log each iteration of several runners
	// Subproc is set in a process that mailmanctl has started: its standard error is Mailman's error log.
	Subproc bool
	// Wait makes it wait for slices that another mmrunner has, since that one is about to end. Without Wait that is
	// an error.
	Wait bool

	BatchSize int     // in entries
	LockShare float64 // 0 means engine.DefaultLockShare
	// Metrics is the address that Prometheus asks; "" for no address.
	Metrics string
	// Python are the runners that are not mmrunner's, where a command line names both kinds; it may be nil.
	Python *PythonRunners
	// StartMail, if not nil, starts what takes mail in the same process, once signals
	// are handled. The returned function ends it, after the runners, or has a program
	// that takes this process over go on with the same sockets.
	StartMail func(ctx context.Context) (end func(takenOver bool) error, err error)

	metrics *metrics.Metrics
	status  atomic.Int32 // the last signal that said to stop
}

// Run works until SIGTERM or SIGINT. It returns the signal's number as the exit status, by which mailmanctl decides
// what to do. Before that it finishes the entries at hand, and registers the bounces that wait. A program that was
// replaced on the disk is then executed in the place of this one; if that fails, the status makes mailmanctl start the
// process anew, without counting it. The error says why the work could not begin.
func (p *Process) Run(ctx context.Context) (status int, err error) {
	// Files get the modes that Mailman's have.
	syscall.Umask(0o007)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watch := NewReplacement(stop, nil)

	status, err = p.run(ctx, stop, watch)
	if err == nil && p.takenOver(watch) {
		return int(syscall.SIGINT), watch.Exec()
	}
	return status, err
}

// run is Run without its end, in which the slices, the journals and the logs are given back.
func (p *Process) run(ctx context.Context, stop context.CancelFunc, watch *Replacement) (status int, err error) {
	// The logs come first, since all later steps report their problems there.
	env := txn.NewEnv(p.Site)
	defer env.Log.Close()
	if err := env.Log.Touch("error"); err != nil {
		return 1, err
	}

	w := p.stderr(env)
	if p.Subproc {
		if err := logCrashes(p.Site.LogDir()); err != nil {
			fmt.Fprintln(w, err)
		}
	}

	p.warnOfChanges(w)

	loops, err := p.loops(env)
	defer func() {
		if err := loops.close(); err != nil {
			fmt.Fprintln(w, err)
		}
	}()

	if err != nil {
		return 1, err
	}
	name, started, exiting := p.logNames()

	// From here on signals end the process, whatever it waits for.
	outer := context.WithoutCancel(ctx) // for what ends after the runners
	watch.log = func(line string) { env.Log.Printf("qrunner", "%s", line) }
	defer p.handleSignals(stop, watch, env, name)()

	if p.StartMail != nil {
		end, err := p.StartMail(outer)
		if err != nil {
			return 1, err
		}
		defer func() {
			if err := end(p.takenOver(watch)); err != nil {
				fmt.Fprintln(w, err)
			}
		}()
	}

	if !p.Once {
		go watch.Run(ctx)
	}

	if p.Metrics != "" {
		// Metrics are no condition for mail: without the address the runner works on.
		if _, err := p.metrics.Serve(ctx, p.Metrics); err != nil {
			fmt.Fprintf(w, "metrics: %v\n", err)
		}
	}

	// Mailman's qrunners and other mmrunners share the queues by slices: no entry is looked at before they are ours.
	var slices slots
	err = p.untilPossible(ctx, w, func() (err error) {
		slices, err = p.takeSlices(ctx, env)
		return err
	})
	if err != nil {
		return int(p.status.Load()), err
	}
	defer slices.free()

	// Python's runners live and end with this process.
	if p.Python != nil {
		if err := p.Python.start(); err != nil {
			return 1, err
		}
		defer func() {
			if err != nil || watch.Replaced() {
				p.Python.signal(syscall.SIGTERM)
			}
			err = errors.Join(err, p.Python.wait(int(p.status.Load()), watch.Replaced()))
		}()
	}

	// The line that bin/qrunner writes, so that a log shows when a runner has started.
	env.Log.Printf("qrunner", "%s", started)
	if p.Version != "" {
		env.Log.Printf("qrunner", "mmrunner %s works as %s", p.Version, p.specs())
	}

	// The engines work until ctx ends. A fault at their start that may pass, like a full disk, is waited for.
	err = p.untilPossible(ctx, w, func() error { return loops.run(ctx) })
	if err != nil && ctx.Err() == nil {
		return 1, err
	}

	env.Log.Printf("qrunner", "%s", exiting)
	return int(p.status.Load()), nil
}

// takenOver tells whether a program that was replaced on the disk is to be executed in the place of this one: not if a
// signal said to stop.
func (p *Process) takenOver(watch *Replacement) bool { return watch.Replaced() && p.status.Load() == 0 }

// Complain writes to the error log why a process that mailmanctl started cannot work, where bin/qrunner would have
// its traceback.
func Complain(s *site.Site, err error) {
	logs := mlog.Open(s.LogDir())
	defer logs.Close()
	fmt.Fprintln(stderr{logs}, err)
}

// stderr gets messages that belong in none of Mailman's logs.
func (p *Process) stderr(env *txn.Env) io.Writer {
	if p.Subproc {
		return stderr{env.Log}
	}
	return terminal.NewWriter(os.Stderr)
}

// logNames returns the process's name, and its first and last line in the qrunner log. bin/qrunner names a single
// runner that runs for ever.
func (p *Process) logNames() (name, started, exiting string) {
	if len(p.Runners) == 1 && !p.Once && p.Python == nil {
		name = p.Runners[0].Name
		return name, name + " qrunner started.", name + " qrunner exiting."
	}
	return "Main loop", "Main qrunner loop started.", "Main qrunner loop exiting."
}

func (p *Process) lockShare() float64 {
	if p.LockShare == 0 {
		return engine.DefaultLockShare
	}
	return p.LockShare
}
