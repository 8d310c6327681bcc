package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// ended tells whether the process of this host that had an id when it last
// changed a file has ended; another may have the id since.
func ended(pid int, file fs.FileInfo) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	// The command, in parentheses, may itself hold blanks and parentheses; field 3 of proc(5) comes after it.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const state, starttime, hertz = 0, 22 - 3, 100
	if len(fields) <= starttime {
		return false
	}
	ticks, err := strconv.ParseInt(string(fields[starttime]), 10, 64)
	var up syscall.Sysinfo_t
	if err != nil || syscall.Sysinfo(&up) != nil {
		return false
	}
	age := time.Duration(up.Uptime)*time.Second - time.Duration(ticks)*time.Second/hertz
	// The uptime is in whole seconds.
	return fields[state][0] == 'Z' || time.Since(changed(file)) > age+2*time.Second
}

// changed is when a file was last written or renamed.
func changed(file fs.FileInfo) time.Time {
	if st, ok := file.Sys().(*syscall.Stat_t); ok {
		_, changed := disk.Times(st)
		return changed
	}
	return file.ModTime()
}
