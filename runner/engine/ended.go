package engine

import (
	"io/fs"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/proc"
)

// ended tells whether the process of this host that had the id pid when it last changed a file has ended. Another
// process may have the id since.
func ended(pid int, file fs.FileInfo) bool { return proc.HadEnded(pid, changed(file)) }

// changed returns when a file was last written or renamed.
func changed(file fs.FileInfo) time.Time {
	if st, ok := file.Sys().(*syscall.Stat_t); ok {
		_, changed := disk.Times(st)
		return changed
	}
	return file.ModTime()
}
