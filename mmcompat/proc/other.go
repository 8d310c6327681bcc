//go:build !linux

package proc

import (
	"time"

	"golang.org/x/sys/unix"
)

// FS is a proc file system, which only Linux has.
type FS struct{ Mount string }

// Host is this host's.
var Host FS

// Find tells whether there is a process; when it began is unknown.
func (f FS) Find(pid int) (p Process, alive bool) {
	p.PID = pid
	return p, f == Host && exists(pid)
}

// Boot is when the host was started.
func (f FS) Boot() (time.Time, error) {
	tv, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(tv.Unix()), nil
}
