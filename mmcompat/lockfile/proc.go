package lockfile

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// proc is what /proc says of a process, see proc(5).
type proc struct {
	state byte // Z and X are dead
	began time.Time
}

// ticksPerSecond is USER_HZ, the unit of /proc's times, the same on every Linux.
const ticksPerSecond = 100

// readProc's error wraps fs.ErrNotExist where there is no such process.
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
	boot, err := bootTime()
	return proc{fields[0][0], boot.Add(time.Duration(ticks) * time.Second / ticksPerSecond)}, err
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
