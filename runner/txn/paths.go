package txn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner/events"
)

// Every member of Mailman's group may write to DATA_DIR, so a journal is only a claim. It counts if Mailman's user or
// root wrote it, and if each path in it lies in one of the site's own directories, without a symbolic link below the
// directory that a setting names. (The settings' directories themselves may be links, as in distributions.)

// errNotOurs says that a file of a journal belongs to another user, or is not a plain file.
var errNotOurs = errors.New("it is not Mailman's")

// readOurs reads a file of a journal. It follows no symbolic link and waits for no pipe. The error wraps errNotOurs
// where the owner is neither root nor this process's user.
func readOurs(name string) ([]byte, error) {
	// Package disk counts this as a look at a file, so that tests can make it fail.
	if _, err := disk.Lstat(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s: got a symbolic link, need a file of Mailman's user: %w", name, errNotOurs)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkOurs(name, info); err != nil {
		return nil, err
	}

	return io.ReadAll(f)
}

// checkOurs returns an error that wraps errNotOurs unless a file is plain and belongs to root or this process's user.
func checkOurs(name string, info fs.FileInfo) error {
	owner := info.Sys().(*syscall.Stat_t).Uid
	if !info.Mode().IsRegular() || owner != 0 && int(owner) != os.Geteuid() {
		return fmt.Errorf("%s: got mode %v and owner %d, need a file of user %d: %w", name, info.Mode(), owner, os.Geteuid(), errNotOurs)
	}
	return nil
}

// queues are the queues of Mailman's settings, by their usual names.
var queues = []string{"in", "out", "virgin", "shunt", "bad", "bounces", "commands", "archive", "news", "retry", "mmrunner-refused"}

// isQueue tells whether a directory is one of the site's queues.
func isQueue(s *site.Site, dir string) bool {
	return slices.ContainsFunc(queues, func(q string) bool { return filepath.Clean(s.QueueDir(q)) == filepath.Clean(dir) })
}

// isBase tells whether a name stays in the directory that it is put in.
func isBase(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// checkDir returns an error unless a journal may name files in dir: a queue, DATA_DIR, or the directory of a list
// that exists. A list that is gone by now is no error.
func checkDir(s *site.Site, dir string) error {
	if dir == filepath.Clean(dir) && (isQueue(s, dir) || dir == filepath.Clean(s.DataDir())) {
		return nil
	}
	lists, list := filepath.Dir(dir), filepath.Base(dir)
	if dir != filepath.Clean(dir) || lists != filepath.Clean(s.ListDataDir()) || !isBase(list) {
		return fmt.Errorf("got directory %q, need one of the site's queues, lists or its DATA_DIR", dir)
	}

	info, err := lstatBelow(lists, list)
	if info == nil || err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: got mode %v, need the directory of a list", dir, info.Mode())
	}

	return nil
}

// checkFile returns an error unless a journal may name that file. An existing file must be a plain one.
func checkFile(s *site.Site, file string) error {
	dir, base := filepath.Split(file)
	if file != filepath.Clean(file) || !isBase(base) {
		return fmt.Errorf("got file %q, need one in the site's directories", file)
	}

	dir = filepath.Clean(dir)
	if err := checkDir(s, dir); err != nil {
		return fmt.Errorf("file %q: %w", file, err)
	}
	info, err := lstatBelow(dir, base)
	if info == nil || err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: got mode %v, need a plain file", file, info.Mode())
	}

	return nil
}

// checkLog returns an error unless a journal may name that log: the site's events, or a file in LOG_DIR that is no
// link to another place.
func checkLog(s *site.Site, log string) error {
	if log == events.Log {
		return checkFile(s, events.File(filepath.Clean(s.DataDir())).Path)
	}
	if !isBase(log) {
		return fmt.Errorf("got log %q, need the name of one", log)
	}

	root, err := os.OpenRoot(s.LogDir())
	if err != nil {
		return ignoreMissing(err)
	}
	defer root.Close()
	info, err := root.Stat(log)
	if err := ignoreMissing(err); err != nil {
		return fmt.Errorf("log %q: %w", log, err)
	}
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("log %q: got mode %v, need a plain file", log, info.Mode())
	}

	return nil
}

// lstatBelow looks at a name in a directory. It returns nil where the name or the directory does not exist.
func lstatBelow(dir, name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	return info, nil
}

// check returns an error unless all names in a record are names of this site's own files.
func (r *Record) check(s *site.Site) error {
	if !isQueue(s, r.Queue) || !isQueue(s, r.Bad) {
		return fmt.Errorf("got queues %q and %q, need two of the site", r.Queue, r.Bad)
	}

	for _, c := range r.Commits {
		if err := c.check(s); err != nil {
			return err
		}
	}

	return nil
}

// check returns an error unless all names in a transaction are names of this site's own files. A record is a claim: all
// of Mailman's group can write to DATA_DIR.
func (c *Commit) check(s *site.Site) error {
	for _, base := range slices.Concat(c.Entries, c.Preserved) {
		if !isBase(base) {
			return fmt.Errorf("got entry %q, need a base name", base)
		}
	}

	for _, list := range c.Locks {
		if !isBase(list) {
			return fmt.Errorf("got list %q, need the name of one", list)
		}
	}

	for _, f := range slices.Concat(c.Files, c.Outbox) {
		if err := c.checkFile(s, f); err != nil {
			return err
		}
	}

	for log := range c.Logs {
		if err := checkLog(s, log); err != nil {
			return err
		}
	}

	return nil
}

// checkFile returns an error unless a file and its other names lie in one of the site's directories. A list's file
// must belong to a list of the transaction.
func (c *Commit) checkFile(s *site.Site, f stage.File) error {
	dir := filepath.Dir(f.Final)
	if filepath.Dir(dir) == filepath.Clean(s.ListDataDir()) && !isQueue(s, dir) && !slices.Contains(c.Locks, filepath.Base(dir)) {
		return fmt.Errorf("got file %q, need the lock of its list to be the transaction's too", f.Final)
	}

	for _, file := range []string{f.Final, f.Tmp, f.LinkLast} {
		if file == "" && file != f.Final {
			continue
		}
		if err := checkFile(s, file); err != nil {
			return err
		}
		if filepath.Dir(file) != dir {
			return fmt.Errorf("got file %q for %q, need them in one directory", file, f.Final)
		}
	}

	return nil
}

// isOurs tells whether a transaction may have temporary files in a directory.
func isOurs(s *site.Site, dir string) bool {
	return dir != filepath.Clean(s.DataDir()) && checkDir(s, dir) == nil
}
