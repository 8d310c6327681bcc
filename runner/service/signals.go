package service

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mmrunner/mmrunner/runner/txn"
)

// handleSignals does what bin/qrunner's handlers do: SIGTERM and SIGINT stop, SIGHUP opens the logs anew. SIGHUP also
// looks for a new program at once. The returned function ends the handling.
func (p *Process) handleSignals(stop context.CancelFunc, watch *Replacement, env *txn.Env, name string) func() {
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
				// logrotate sends SIGHUP to mailmanctl, which passes it on.
				case syscall.SIGHUP:
					p.reopen(env, name)
					if !p.Once {
						watch.Look()
					}
				case syscall.SIGUSR1:
					die(syscall.SIGUSR1)
				// The number of the signal becomes the exit status, by which mailmanctl decides whether to restart.
				case syscall.SIGTERM:
					env.Log.Printf("qrunner", "%s qrunner caught SIGTERM.  Stopping.", name)
					p.stopBy(syscall.SIGTERM, stop)
				case syscall.SIGINT:
					env.Log.Printf("qrunner", "%s qrunner caught SIGINT.  Stopping.", name)
					p.stopBy(syscall.SIGINT, stop)
				}
			}
		}
	}()

	return func() {
		signal.Stop(caught)
		close(done)
	}
}

// stopBy notes the signal that ends the work. The last signal counts: otherwise mailmanctl would start a runner anew
// that it first told to restart and then to stop.
func (p *Process) stopBy(sig syscall.Signal, stop context.CancelFunc) {
	p.status.Store(int32(sig))
	stop()
}

// reopen opens the logs anew, as logrotate asks.
func (p *Process) reopen(env *txn.Env, name string) {
	env.Log.Reopen()
	env.Log.Printf("qrunner", "%s qrunner caught SIGHUP.  Reopening logs.", name)

	if err := env.Log.Touch("error"); err == nil && p.Subproc {
		if err := logCrashes(p.Site.LogDir()); err != nil {
			fmt.Fprintln(p.stderr(env), err)
		}
	}

	if p.Python != nil {
		p.Python.signal(syscall.SIGHUP)
	}
}
