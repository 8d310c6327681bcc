package txn

import (
	"path/filepath"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// Record is a group of transactions, as its journal has it.
type Record struct {
	Version int       `json:"mmrunner_journal"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Runner  string    `json:"runner"` // e.g. "BounceRunner"
	Queue   string    `json:"queue"`  // the directory that the entries are in
	Bad     string    `json:"bad"`    // the directory for preserved entries
	Commits []*Commit `json:"commits"`
}

// Commit is what is left to do once a transaction is prepared, as plain data.
type Commit struct {
	// Entries are the base names of the transaction's entries, Preserved of those that are kept for a human.
	Entries   []string     `json:"entries,omitempty"`
	Preserved []string     `json:"preserved,omitempty"`
	Files     []stage.File `json:"files,omitempty"`  // list state, in the order to be renamed
	Outbox    []stage.File `json:"outbox,omitempty"` // queue entries, in the order to be published
	Locks     []string     `json:"locks,omitempty"`  // names of the lists that are locked
	// From is the list state from which the transaction began, by file name; a missing file has a zero Identity.
	From map[string]stage.Identity `json:"from,omitempty"`
	// Logs are the log lines, by log.
	Logs map[string]*Log `json:"logs,omitempty"`

	lines  []mlog.Line // the same lines; nil once they are written
	events []byte      // lines of the site's events
	marked bool        // the work file says that it is committed
}

// replaces tells whether there is a list file to be renamed. The first of them is
// the commit point.
func (c *Commit) replaces() bool {
	for _, f := range c.Files {
		if f.Tmp != "" {
			return true
		}
	}
	return false
}

// begun tells whether a list file has been renamed: its temporary name is gone. A list directory that was removed or
// renamed does not count, though all its files are gone too.
func (c *Commit) begun() (bool, error) {
	for _, f := range c.Files {
		if f.Tmp == "" {
			continue
		}
		if done, err := renamed(f); done || err != nil {
			return done, err
		}
	}

	return c.leaving()
}

// leaving tells whether a file of the outbox has been renamed.
func (c *Commit) leaving() (bool, error) {
	for _, f := range c.Outbox {
		if there, err := exists(f.Tmp); !there || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// left returns the list files that have not been renamed yet, and the removals, which may be repeated.
func (c *Commit) left() (files []stage.File, err error) {
	for _, f := range c.Files {
		if f.Tmp != "" {
			if done, err := renamed(f); err != nil {
				return nil, err
			} else if done {
				continue
			}
		}

		files = append(files, f)
	}

	return files, nil
}

// renamed tells whether a file has its final name.
func renamed(f stage.File) (bool, error) {
	if there, err := exists(f.Tmp); there || err != nil {
		return false, err
	}
	return exists(filepath.Dir(f.Tmp))
}

func exists(file string) (bool, error) {
	_, err := disk.Lstat(file)
	return err == nil, ignoreMissing(err)
}

// unchanged tells whether the file that f replaces is still the one from which the transaction began.
func (c *Commit) unchanged(f stage.File) (bool, error) {
	was, ok := c.From[f.Final]
	if !ok {
		return true, nil
	}
	return isStill(f.Final, was)
}

// isStill tells whether a file is the same file as before.
func isStill(file string, was stage.Identity) (bool, error) {
	now, err := stage.Identify(file)
	if err := ignoreMissing(err); err != nil {
		return false, err
	}
	return was.SameFile(now), nil
}

// finishFiles renames the list files that were not renamed yet, under the locks of the lists. It returns false,
// and has done nothing, where no file was renamed before and a list has changed since: the transaction is then
// to be undone.
func (c *Commit) finishFiles(env *Env) (ok bool, err error) {
	// What is left to do, and whether the transaction was committed: the first rename is the commit point.
	left, err := c.left()
	if err != nil {
		return false, err
	}

	begun, err := c.begun()
	if err != nil {
		return false, err
	}

	// Nothing is visible yet, so another process's save may have come between. It must not be overwritten.
	if !begun && c.replaces() {
		for file, was := range c.From {
			if same, err := isStill(file, was); !same || err != nil {
				return false, err
			}
		}
	}

	// Rename what is left. Where some files are in place already, the others follow one by one.
	for _, f := range left {
		if begun && f.Tmp != "" {
			if there, err := exists(f.Tmp); err != nil {
				return false, err
			} else if !there {
				continue // it went with its list's directory
			}

			same, err := c.unchanged(f)
			if err != nil {
				return false, err
			}

			if !same {
				// The lock was broken between two of our renames, and another process saved.
				env.Log.Printf("error", "%s was changed by another process while its list was being saved; that change stands", f.Final)
				continue
			}
		}

		if err := f.Publish(nil); err != nil {
			return false, err
		}
	}

	for _, f := range c.Files {
		// The dead process may have renamed a file and not dated it. MailList.Load ignores a config.pck whose mtime is
		// older than its last load, so the time must be that of now.
		if f.Tmp == "" {
			continue
		}
		if err := f.Date(); err != nil {
			return false, err
		}
	}

	return true, syncDirs(dirsOf(c.Files))
}
