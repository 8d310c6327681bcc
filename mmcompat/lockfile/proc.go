package lockfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// proc is what /proc says of a process, see proc(5).
type proc struct {
	state byte  // Z and X are dead
	ticks int64 // when it began, counted from the boot; 0: unknown
}

// ticksPerSecond is USER_HZ, the unit of /proc's times, the same on every Linux.
const ticksPerSecond = 100

// began is the time at which the process began, by the clock as it is now.
func (p proc) began(boot time.Time) time.Time {
	return boot.Add(time.Duration(p.ticks) * time.Second / ticksPerSecond)
}

// process looks for a process and says whether there is one that is not dead.
// Where /proc does not show it (it may hide others' processes) all else is
// unknown.
func process(pid int) (p proc, alive bool) {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return proc{}, false
	}
	p, err := readProc(pid)
	if err != nil {
		// It may have ended just now.
		return proc{}, !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	return p, p.state != 'Z' && p.state != 'X'
}

func readProc(pid int) (proc, error) {
	file := "/proc/" + strconv.Itoa(pid) + "/stat"
	stat, err := os.ReadFile(file)
	if err != nil {
		return proc{}, err
	}
	// The command, in parentheses, may itself hold blanks and parentheses.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const starttime = 22 - 3 // the first of these is the state, field 3
	if len(fields) <= starttime {
		return proc{}, fmt.Errorf("%s: had %d fields after the command, wanted more than %d", file, len(fields), starttime)
	}
	ticks, err := strconv.ParseInt(string(fields[starttime]), 10, 64)
	if err != nil {
		return proc{}, fmt.Errorf("%s: start time: %w", file, err)
	}
	return proc{fields[0][0], ticks}, nil
}

func bootTime() (time.Time, error) {
	const file = "/proc/stat"
	stat, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	for line := range bytes.Lines(stat) {
		if rest, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			s, err := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64)
			return time.Unix(s, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("%s: no btime", file)
}
