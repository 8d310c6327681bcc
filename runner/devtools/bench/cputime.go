package bench

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// ticks is how often a second the kernel counts in /proc/PID/stat (USER_HZ).
const ticks = 100

// treeTime is the processor time of a process and of all that descend from it: those
// that live, and those that their parents have waited for.
func treeTime(root int) (time.Duration, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return 0, err
	}

	children := map[int][]procfs.ProcStat{}
	found := false
	total := 0
	add := func(st procfs.ProcStat) { total += int(st.UTime+st.STime) + st.CUTime + st.CSTime }

	for _, p := range all {
		st, err := p.Stat()
		if err != nil {
			continue // it has ended meanwhile
		}

		if st.PID == root {
			add(st)
			found = true
		}
		children[st.PPID] = append(children[st.PPID], st)
	}

	if !found {
		return 0, fmt.Errorf("process %d has ended, need its processor time", root)
	}

	for next := []int{root}; len(next) > 0; next = next[1:] {
		for _, st := range children[next[0]] {
			add(st)
			next = append(next, st.PID)
		}
	}

	return time.Duration(total) * time.Second / ticks, nil
}

// ownTime is the processor time of this process.
func ownTime() (time.Duration, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}
