// Package proc tells whether a process of this host lives, and since when: Mailman
// leaves process ids in its pid file, in the names of lock claims and of files in
// data/, and another process may have the id by the time it is looked up.
package proc

import (
	"errors"
	"syscall"
	"time"
)

// Process has the system's facts of a process. Where it hides another user's
// processes (mount option hidepid of proc(5)) all but PID is unknown.
type Process struct {
	PID    int
	Parent int
	// Start is when the process began, in ticks since the host's boot, which no
	// change of the clock touches; 0 is unknown.
	Start int64
}

// ticksPerSecond is USER_HZ, the unit of Process.Start, the same on every Linux.
const ticksPerSecond = 100

// Alive tells whether there is a process with that id. One that has ended is not
// alive, even if its parent has not asked for its status yet.
func Alive(pid int) bool {
	_, alive := Find(pid)
	return alive
}

// Find looks for a process and tells whether it is alive.
func Find(pid int) (p Process, alive bool) { return Host.Find(pid) }

// Boot is when the host was started, by the clock as it is now.
func Boot() (time.Time, error) { return Host.Boot() }

// Began is when the process began, by the clock as it is now; ok is false if that is
// unknown.
func (p Process) Began() (at time.Time, ok bool) {
	if p.Start == 0 {
		return time.Time{}, false
	}
	boot, err := Boot()
	return p.After(boot), err == nil
}

// After is when the process began, of a host that was started at boot.
func (p Process) After(boot time.Time) time.Time {
	return boot.Add(time.Duration(p.Start) * time.Second / ticksPerSecond)
}

// HadEnded tells whether the process that had an id at some time has ended since:
// no process has the id, or one that began later. Times of files are those of when
// a process still ran.
func HadEnded(pid int, at time.Time) bool {
	p, alive := Find(pid)
	if !alive {
		return true
	}
	began, ok := p.Began()
	// The boot is known in whole seconds.
	return ok && began.After(at.Add(2*time.Second))
}

// exists asks the system whether there is a process with that id, even if it hides
// what it is.
func exists(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
