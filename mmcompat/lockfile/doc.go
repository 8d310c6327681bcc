// Package lockfile is in charge of Mailman's LockFile protocol, which works
// across hosts that share a directory: who may change a list is whoever made a
// hard link from his claim file to the lock file.
//
// A claim file is LOCKFILE.HOST.PID.N and holds its own name; the lock file is a
// second name of the holder's claim file, so it tells who holds it, and has a
// link count of 2. Its mtime is when the lock expires. It follows
// Mailman/LockFile.py.
package lockfile
