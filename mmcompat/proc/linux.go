//go:build linux

package proc

import (
	"time"

	"github.com/prometheus/procfs"
)

// FS is a proc file system.
type FS struct{ Mount string }

// Host is this host's.
var Host = FS{procfs.DefaultMountPoint}

// Find is the function of that name, for any proc file system.
func (f FS) Find(pid int) (p Process, alive bool) {
	p.PID = pid
	stat, err := f.stat(pid)
	if err != nil {
		// It is hidden, or has ended just now.
		return p, f == Host && exists(pid)
	}

	p.Parent, p.Start = stat.PPID, int64(stat.Starttime)
	switch stat.State {
	case "Z", "X", "x":
		return p, false
	}

	return p, true
}

func (f FS) stat(pid int) (procfs.ProcStat, error) {
	p, err := f.proc(pid)
	if err != nil {
		return procfs.ProcStat{}, err
	}
	return p.Stat()
}

// Boot is the function of that name, for any proc file system.
func (f FS) Boot() (time.Time, error) {
	fs, err := procfs.NewFS(f.Mount)
	if err != nil {
		return time.Time{}, err
	}
	stat, err := fs.Stat()
	return time.Unix(int64(stat.BootTime), 0), err
}
