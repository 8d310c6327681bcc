package lockfile

import (
	"hash/fnv"
	"os"
	"sync"
	"sync/atomic"

	"github.com/mmrunner/mmrunner/mmcompat/proc"
)

// A claim's number tells claims of one process apart. LockFile.py counts from 0. mmrunner's numbers also say that
// they are mmrunner's and which process it was, for the time after that process: process ids are used again, clocks
// are set back and forth, and two containers may have one host name and the same ids.
//
//	bit  62      set: one of ours
//	bits 28-61   when the process began, in /proc's ticks since the boot; 0: unknown
//	bits 16-27   of which machine's and PID namespace's processes it is one
//	bits 0-15    a counter
const (
	oursBit     = 1 << 62
	startedBits = 34
	startedAt   = 28
	spaceBits   = 12
	spaceAt     = 16
	countBits   = 16
)

var counter atomic.Int64

// newNumber is the number of a new claim of a process of this host.
func newNumber(pid int) int64 {
	n := int64(oursBit) | space()<<spaceAt | (counter.Add(1)-1)&(1<<countBits-1)
	if p, alive := proc.Find(pid); alive {
		n |= p.Start & (1<<startedBits - 1) << startedAt
	}
	return n
}

// isOurs tells a number that newNumber made.
func isOurs(n int64) bool { return n&oursBit != 0 }

// started returns when the process of one of our claims began; 0 means unknown.
func started(n int64) int64 { return n >> startedAt & (1<<startedBits - 1) }

// sameSpace tells whether one of our claims belongs to a process that could be seen from here if it ran.
func sameSpace(n int64) bool { return n>>spaceAt&(1<<spaceBits-1) == space() }

// space identifies this machine and PID namespace.
var space = sync.OnceValue(func() int64 {
	h := fnv.New32a()
	if link, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		h.Write([]byte(link))
	}
	if id, err := os.ReadFile("/etc/machine-id"); err == nil {
		h.Write(id)
	}
	return int64(h.Sum32() & (1<<spaceBits - 1))
})
