package disk

import "golang.org/x/sys/unix"

// syncFS flushes the file system that the open directory is on (syncfs(2)).
func syncFS(fd int) error { return unix.Syncfs(fd) }
