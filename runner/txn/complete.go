package txn

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner/events"
)

// complete finishes transactions whose list files are in their places: the outbox, the log lines, the entries. After
// an error it may be called again, and then does what is left.
func (j *Journal) complete(commits []*Commit) error {
	// Mail must not leave for a change that a loss of power could take back.
	var files, outbox []stage.File
	for _, c := range commits {
		files = append(files, c.Files...)
		outbox = append(outbox, c.Outbox...)
	}

	if err := syncDirs(dirsOf(files)); err != nil {
		return err
	}
	if err := publishOutbox(outbox); err != nil {
		return err
	}

	var lines []mlog.Line
	var happened [][]byte
	for _, c := range commits {
		lines = append(lines, c.lines...)
		happened = append(happened, c.events)
		c.lines, c.events, c.Logs = nil, nil, nil // written once only
	}

	j.env.Log.PrintLines(lines)
	// One write for all, since each is flushed.
	if all := slices.Concat(happened...); len(all) > 0 {
		j.env.Log.Append(events.Log, all)
	}

	return letGo(j.queue, j.bad, commits)
}

// publishOutbox renames the outbox files that still have their temporary names. An entry without one was renamed
// before, and may be handled and gone by now.
func publishOutbox(outbox []stage.File) error {
	for _, f := range outbox {
		if err := ignoreMissing(disk.Rename(f.Tmp, f.Final)); err != nil {
			return err
		}
	}
	return syncDirs(dirsOf(outbox))
}

// letGo removes the entries, and moves those to be preserved into the queue bad.
func letGo(queue, bad string, commits []*Commit) error {
	var entries, preserved []string
	for _, c := range commits {
		entries = append(entries, c.Entries...)
		preserved = append(preserved, c.Preserved...)
	}

	if len(entries)+len(preserved) == 0 {
		return nil
	}

	// Renames and removals of thousands of files are slow one by one.
	for _, err := range disk.InParallel(len(entries), func(i int) error {
		return withEntry(queue, entries[i], disk.Remove)
	}) {
		if err != nil {
			return err
		}
	}

	for _, base := range preserved {
		if err := withEntry(queue, base, func(file string) error {
			return preserve(file, filepath.Join(bad, base+qfile.Preserved))
		}); err != nil {
			return err
		}
	}

	// A preserved entry must be in its new place before the old directory is flushed.
	if len(preserved) > 0 {
		if err := disk.SyncDir(bad); err != nil {
			return err
		}
	}

	return disk.SyncDir(queue)
}

// withEntry does something to an entry's file. A missing file is no error. After a loss of power the file may have
// the name that it had before it was claimed.
func withEntry(queue, base string, do func(file string) error) error {
	file := filepath.Join(queue, base)
	err := do(file + qfile.Claimed)
	if errors.Is(err, fs.ErrNotExist) {
		return ignoreMissing(do(file + qfile.Waiting))
	}
	return err
}

func preserve(from, to string) error {
	if _, err := disk.Stat(from); err != nil {
		return err
	}
	if err := makeQueue(filepath.Dir(to)); err != nil {
		return err
	}
	return disk.Rename(from, to)
}

// finishLogs writes those lines of a dead process that are not in the logs yet. The lines of a group were written in
// the order of its transactions.
func finishLogs(logs *mlog.Set, commits []*Commit) error {
	all := map[string]*Log{}
	for _, c := range commits {
		for name, g := range c.Logs {
			if all[name] == nil {
				all[name] = &Log{Was: g.Was}
			}
			all[name].Text = append(all[name].Text, g.Text...)
		}
	}

	for name, g := range all {
		written, err := g.since(logs.Path(name))
		if err != nil {
			return err
		}

		if rest := unwritten(g.Text, written); len(rest) > 0 {
			logs.Append(name, rest)
		}
	}

	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
