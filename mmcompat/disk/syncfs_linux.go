package disk

import "golang.org/x/sys/unix"

// syncFS flushes the file system that the open directory is on (syncfs(2)).
func syncFS(fd int) error { return unix.Syncfs(fd) }

// wholeFS tells that one call of syncFS does for all directories of a file system.
const wholeFS = true
