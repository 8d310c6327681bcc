//go:build !linux

package service

import (
	"os"
	"syscall"
)

// die ends the process by a signal. The signal is not SIGUSR1, which Go's runtime drops: mailmanctl starts a runner
// anew after either.
func die(syscall.Signal) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
