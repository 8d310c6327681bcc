//go:build !linux

package disk

import "golang.org/x/sys/unix"

// OnNetwork tells whether other hosts may change a directory without this kernel's knowledge: its file system is not
// local (statfs(2), MNT_LOCAL). A directory counts as local where statfs fails.
func OnNetwork(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	return st.Flags&unix.MNT_LOCAL == 0
}
