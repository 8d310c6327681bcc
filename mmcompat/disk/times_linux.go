package disk

import (
	"syscall"
	"time"
)

// Times returns when a file's contents and when its inode last changed, by the result of a stat(2) call.
func Times(st *syscall.Stat_t) (modified, changed time.Time) {
	return time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())
}
