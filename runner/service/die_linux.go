package service

import (
	"os"
	"syscall"
	"unsafe"
)

// die ends the process like a signal without a handler, as SIGUSR1 ends bin/qrunner. Go's runtime would drop that
// signal.
func die(sig syscall.Signal) {
	// The kernel's struct sigaction with only zeros in it is SIG_DFL.
	var unhandled [8]uint64
	const sizeofMask = 8
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&unhandled)), 0, sizeofMask, 0, 0)
	// The process ends before this returns, or as soon as the signal is delivered.
	_ = syscall.Kill(os.Getpid(), sig)
}
