package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
)

// stoppedError is why a command's context ends: a signal told the process to stop.
type stoppedError struct{ signal syscall.Signal }

func (e *stoppedError) Error() string { return "stopped" }

// status is the exit status that a shell reports of a process that the signal has ended: 130 for Ctrl-C.
func (e *stoppedError) status() int { return 128 + int(e.signal) }

// stopSignals turns SIGINT, SIGTERM and SIGHUP into the end of a command's context. SIGHUP that was ignored from the
// start (nohup) stays ignored.
type stopSignals struct {
	caught chan os.Signal
	cancel context.CancelCauseFunc
	// watched tells that the command looks at its context, and cleans up when that ends. Any other command has
	// nothing to clean up.
	watched atomic.Bool
}

// signalsKey is where a context has its *stopSignals.
type signalsKey struct{}

// newStopSignals returns a context that ends with a *stoppedError as its cause. exit ends the process of a command
// that does not look at it.
func newStopSignals(parent context.Context, exit func(*stoppedError)) (context.Context, *stopSignals) {
	s := &stopSignals{caught: make(chan os.Signal, 1)}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, signalsKey{}, s))
	s.cancel = cancel
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}

	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}

	signal.Notify(s.caught, signals...)
	go func() {
		sig, ok := <-s.caught
		if !ok {
			return
		}

		stopped := &stoppedError{sig.(syscall.Signal)}
		if !s.watched.Load() {
			exit(stopped)
		}

		cancel(stopped)
		signal.Stop(s.caught) // a further signal ends the process at once
	}()

	return ctx, s
}

// release gives the signals back to the rest of the program.
func (s *stopSignals) release() {
	signal.Stop(s.caught)
	s.cancel(nil)
}

// untilStopped is the context of a command that looks at it, and cleans up when it ends.
func untilStopped(cmd *cobra.Command) context.Context {
	ctx := cmd.Context()
	if s, ok := ctx.Value(signalsKey{}).(*stopSignals); ok {
		s.watched.Store(true)
	}
	return ctx
}

// ownSignals leaves all signals to a command that has its own way with them.
func ownSignals(cmd *cobra.Command) {
	if s, ok := cmd.Context().Value(signalsKey{}).(*stopSignals); ok {
		signal.Stop(s.caught)
	}
}

// stoppedBy is the signal that has made a command return err, nil if it was something else.
func stoppedBy(ctx context.Context, err error) *stoppedError {
	var stopped *stoppedError
	if errors.As(err, &stopped) || errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &stopped) {
		return stopped
	}
	return nil
}
