package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/metrics"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// Process is a process that runs runners until it is told to stop.
type Process struct {
	Site    *site.Site
	Runners []qrunner.Spec // all of them mmrunner's
	Once    bool           // one entry each
	Verbose bool           // log each iteration of several runners
	// Subproc is for a process that mailmanctl started: what it has to say goes
	// to the error log.
	Subproc bool
	// Wait has it wait for its slices while another mmrunner works on them: that
	// one is about to end. Otherwise it is an error.
	Wait      bool
	BatchSize int
	LockShare float64
	// Metrics is the address at which Prometheus may ask; "" for none.
	Metrics string
	Handler func(name string, s *site.Site) (runner.Handler, error)
	// Beside is what else runs until the end, and is told to end then: Python's
	// runners, when both kinds are asked for. It may be nil.
	Beside *Beside

	metrics *metrics.Metrics
	status  atomic.Int32 // the last signal that said to stop
}

// Run works until SIGTERM or SIGINT, whose number it returns for the process to
// exit with, so that mailmanctl knows what to do. Entries at hand are finished
// first, and bounces that wait are registered. The error says why the work could
// not begin.
func (s *Process) Run(ctx context.Context) (status int, err error) {
	// Files get the modes that Mailman's own would have.
	syscall.Umask(0o007)
	env := txn.NewEnv(s.Site)
	defer env.Log.Close()
	if err := env.Log.Touch("error"); err != nil {
		return 1, err
	}
	w := s.say(env)
	if s.Subproc {
		if err := crashes(s.Site.LogDir()); err != nil {
			fmt.Fprintln(w, err)
		}
	}
	s.custom(w)
	loop := &engine.Loop{Once: s.Once, Courtesy: engine.NewCourtesy(env, s.share())}
	for _, spec := range s.Runners {
		e, err := s.engine(env, spec)
		if err != nil {
			return 1, err
		}
		e.BatchSize = s.BatchSize
		defer func() {
			if err := e.Close(); err != nil {
				fmt.Fprintln(w, err)
			}
		}()
		loop.Engines = append(loop.Engines, e)
	}
	loop.Observe = s.observe(env, loop.Engines)
	name, started, exiting := s.names()
	if s.Verbose && (s.Once || len(s.Runners) > 1) {
		loop.Each = func(e *engine.Engine) {
			env.Log.Printf("qrunner", "Now doing a %s qrunner iteration", e.Handler.Name())
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.Metrics != "" {
		// Mail is not to wait for somebody who counts it.
		if _, err := s.metrics.Serve(ctx, s.Metrics); err != nil {
			fmt.Fprintf(w, "metrics: %v\n", err)
		}
	}
	defer s.signals(stop, env, name)()
	var slots held
	err = s.patiently(ctx, w, func() (err error) {
		slots, err = s.slots(ctx, env)
		return err
	})
	if err != nil {
		return int(s.status.Load()), err
	}
	defer slots.free()
	if s.Beside != nil {
		if err := s.Beside.start(); err != nil {
			return 1, err
		}
		defer func() {
			if err != nil {
				s.Beside.signal(syscall.SIGTERM)
			}
			err = errors.Join(err, s.Beside.end(int(s.status.Load())))
		}()
	}
	env.Log.Printf("qrunner", "%s", started)
	err = s.patiently(ctx, w, func() error { return loop.Run(ctx) })
	if err != nil && ctx.Err() == nil {
		return 1, err
	}
	env.Log.Printf("qrunner", "%s", exiting)
	return int(s.status.Load()), nil
}

// startAgain is how often it is tried to begin.
var startAgain = 5 * time.Second

// patiently does what has to be done before the work can begin. A full disk, or
// what else passes, is waited for under mailmanctl, which starts a runner that
// ends ten times and then never again.
func (s *Process) patiently(ctx context.Context, w io.Writer, do func() error) error {
	said := ""
	for {
		err := do()
		if !s.Wait || s.Once || !disk.Passing(err) {
			return err
		}
		if why := err.Error(); why != said {
			said = why
			fmt.Fprintf(w, "mmrunner begins when that can be done: %v\n", err)
		}
		select {
		case <-time.After(startAgain):
		case <-ctx.Done():
			return err
		}
	}
}

// Complain says why a process that mailmanctl started cannot do its work, where
// bin/qrunner would have its traceback.
func Complain(s *site.Site, err error) {
	logs := mlog.Open(s.LogDir())
	defer logs.Close()
	fmt.Fprintln(stderr{logs}, err)
}

// say is where the process says what no log of Mailman's is for.
func (s *Process) say(env *txn.Env) io.Writer {
	if s.Subproc {
		return stderr{env.Log}
	}
	return terminal.NewWriter(os.Stderr)
}

// names are those that the lines in the qrunner log have: one runner that runs
// for ever is called by its name.
func (s *Process) names() (name, started, exiting string) {
	if len(s.Runners) == 1 && !s.Once && s.Beside == nil {
		name = s.Runners[0].Name
		return name, name + " qrunner started.", name + " qrunner exiting."
	}
	return "Main loop", "Main qrunner loop started.", "Main qrunner loop exiting."
}

func (s *Process) share() float64 {
	if s.LockShare == 0 {
		return engine.DefaultLockShare
	}
	return s.LockShare
}

func (s *Process) engine(env *txn.Env, spec qrunner.Spec) (*engine.Engine, error) {
	h, err := s.Handler(spec.Name, s.Site)
	if err != nil {
		return nil, err
	}
	n := spec.Slice
	if spec.Slices == 1 {
		n = 0 // Switchboard does not ask for it then
	}
	return engine.New(env, h, n, spec.Slices)
}

// observe counts commits for Prometheus, and remembers the last for mmrunner status.
func (s *Process) observe(env *txn.Env, engines []*engine.Engine) func(*engine.Engine, history.Commit) {
	queues := map[string]string{}
	rings := map[*engine.Engine]*history.Ring{}
	for i, e := range engines {
		queues[e.Handler.Queue()] = e.Queue.Dir()
		rings[e] = history.Open(s.Site.DataDir(), e.Handler.Name(), s.Runners[i].Slice, s.Runners[i].Slices)
	}
	s.metrics = metrics.New(queues)
	failed := false
	return func(e *engine.Engine, c history.Commit) {
		s.metrics.Observe(c)
		err := rings[e].Add(c)
		if err != nil && !failed {
			env.Log.Printf("error", "%s: mmrunner status will not know of all commits: %v", e.Handler.Name(), err)
		}
		failed = err != nil
	}
}

// custom warns of modules that the site has changed and mmrunner does not follow.
// Commands and bounce modules are Python's business then.
func (s *Process) custom(w io.Writer) {
	var changed []string
	for _, name := range s.Site.Profile.Custom {
		if !strings.HasPrefix(name, "Commands/") && !strings.HasPrefix(name, "Bouncers/") {
			changed = append(changed, name+".py")
		}
	}
	if len(changed) > 0 {
		fmt.Fprintf(w, "mmrunner does what Mailman does, not what this site has changed in %s\n", strings.Join(changed, ", "))
	}
}

// stopped notes the signal that ends the work: the last one counts, as mailmanctl
// would start anew what it has told to stop, had it told it to begin anew before.
func (s *Process) stopped(sig syscall.Signal, stop context.CancelFunc) {
	s.status.Store(int32(sig))
	stop()
}

// signals has stop called, or the logs opened anew, when a signal says so. The
// returned function ends that.
func (s *Process) signals(stop context.CancelFunc, env *txn.Env, name string) func() {
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case sig := <-caught:
				switch sig {
				case syscall.SIGHUP:
					env.Log.Reopen()
					env.Log.Printf("qrunner", "%s qrunner caught SIGHUP.  Reopening logs.", name)
					if err := env.Log.Touch("error"); err == nil && s.Subproc {
						if err := crashes(s.Site.LogDir()); err != nil {
							fmt.Fprintln(s.say(env), err)
						}
					}
					if s.Beside != nil {
						s.Beside.signal(syscall.SIGHUP)
					}
				case syscall.SIGUSR1:
					die(syscall.SIGUSR1)
				case syscall.SIGTERM:
					env.Log.Printf("qrunner", "%s qrunner caught SIGTERM.  Stopping.", name)
					s.stopped(syscall.SIGTERM, stop)
				case syscall.SIGINT:
					env.Log.Printf("qrunner", "%s qrunner caught SIGINT.  Stopping.", name)
					s.stopped(syscall.SIGINT, stop)
				}
			}
		}
	}()
	return func() {
		signal.Stop(caught)
		close(done)
	}
}

// held are slices that nobody else works on.
type held []*engine.Slot

func (h held) free() {
	for _, slot := range h {
		// The kernel frees it with the process at the latest.
		_ = slot.Free()
	}
}

// slots takes the slices.
func (s *Process) slots(ctx context.Context, env *txn.Env) (held, error) {
	var all held
	for _, spec := range s.Runners {
		said := false
		for {
			slot, err := engine.TakeSlot(s.Site, spec.Name, spec.Slice, spec.Slices)
			if err == nil {
				all = append(all, slot)
				break
			}
			if s.Wait && errors.Is(err, engine.ErrTaken) {
				if !said {
					env.Log.Printf("qrunner", "mmrunner: %v; waiting until that ends", err)
					said = true
				}
				select {
				case <-time.After(200 * time.Millisecond):
					continue
				case <-ctx.Done():
				}
			}
			all.free()
			return nil, err
		}
	}
	return all, nil
}
