// Command mmrunner does the work of BounceRunner, CommandRunner, VirginRunner and OutgoingRunner of a GNU Mailman 2.1
// site, and takes mail from the mail server into Mailman's queues.
//
// Each command lives in a file of its own, and newRoot lists them all; what a command does is in the packages below
// runner.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/mmcompat/zone"
	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// The exit statuses of all commands but status, which has those of a monitoring plugin, and the runners, which have
// those that mailmanctl or a supervisor expects.
const (
	statusFound   = 1 // done, and there is something to look at: a difference, an entry that stays in its queue
	statusNotDone = 2 // not done, or not all of what was asked for
)

// exitError ends the process with a status other than statusNotDone. It says nothing if it carries no error.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() {
	defer runtime.KeepAlive(limitGarbage())

	// Mailman's umask, so that a file has its mode from the moment it is made, even if we die before it is complete.
	syscall.Umask(0o007)

	if local := zone.Local(os.Getenv("TZ")); local != nil {
		time.Local = local
	}

	if script, args, ok := qrunner.Invocation(os.Args); ok {
		os.Exit(underMailmanctl(script, args))
	}

	os.Exit(run(os.Args[1:]))
}

// run does what a command line says, and returns the exit status.
func run(args []string) int {
	// What commands print comes out of other people's mail and names.
	stdout, stderr := terminal.NewWriter(os.Stdout), terminal.NewWriter(os.Stderr)
	cobra.EnableCommandSorting = false
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)

	ctx, signals := newStopSignals(context.Background(), func(e *stoppedError) {
		complain(stderr, e)
		os.Exit(e.status())
	})
	defer signals.release()

	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if stopped := stoppedBy(ctx, err); stopped != nil {
		complain(stderr, stopped)
		return stopped.status()
	}

	complain(stderr, advised(root, args, err))
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.status
	}

	return statusNotDone
}

// complain prints an error, if it says anything. Only its first line begins as ours do, whatever a file's name holds.
func complain(w io.Writer, err error) {
	if s := err.Error(); s != "" {
		fmt.Fprintln(w, "mmrunner: "+strings.ReplaceAll(s, "\n", "\n  "))
	}
}
