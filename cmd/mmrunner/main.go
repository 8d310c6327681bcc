// Command mmrunner takes over BounceRunner and CommandRunner of a GNU Mailman 2.1 site.
//
// Each command lives in a file of its own, and newRoot lists them all; what a command does is in the packages below
// runner.
package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/zone"
	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// exitError ends the process with a status other than 1; it says nothing if it carries no error.
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
	limitGarbage()
	// Mailman's. What a process that dies has only just made has its mode already.
	syscall.Umask(0o007)
	if local := zone.Local(os.Getenv("TZ")); local != nil {
		time.Local = local
	}
	if script, args, ok := qrunner.Invocation(os.Args); ok {
		os.Exit(underMailmanctl(script, args))
	}
	os.Exit(run(os.Args[1:]))
}

// run is main without the exit, so that scripts can call it as a command of theirs.
func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	if s := err.Error(); s != "" {
		fmt.Fprintln(os.Stderr, "mmrunner: "+s)
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.status
	}
	return 1
}
