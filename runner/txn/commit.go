package txn

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// Commit is all that is left to do once a turn is staged, as plain data: what a
// journal has to hold for somebody else to finish it.
type Commit struct {
	Files  []stage.File `json:"files,omitempty"`  // list state, in the order to be renamed
	Outbox []stage.File `json:"outbox,omitempty"` // queue entries, in the order to be published
	Lines  []mlog.Line  `json:"-"`                // log lines
	Locks  []string     `json:"locks,omitempty"`  // names of the lists that are locked
	// From is the list state that the turn began with, by file name; one that was
	// not there has a zero Identity.
	From map[string]stage.Identity `json:"from,omitempty"`
}

// fewFiles is up to how many outbox entries are flushed one by one; more are
// flushed together with whatever else their file system holds back.
const fewFiles = 4

// Dirs are the directories in which Stage makes files.
func (t *Turn) Dirs() []string {
	var dirs []string
	had := map[string]bool{}
	add := func(dir string) {
		if !had[dir] {
			had[dir] = true
			dirs = append(dirs, dir)
		}
	}
	for _, b := range t.batches {
		if b.save || b.pend != nil {
			add(b.list.FullPath())
		}
	}
	for _, o := range t.outbox {
		add(o.dir)
	}
	return dirs
}

// Stage writes all changed list state and the outbox under temporary names,
// flushed to the disk, names and all. An error leaves nothing behind and the
// turn to be aborted.
func (t *Turn) Stage() (*Commit, error) {
	c := &Commit{Lines: t.lines, From: map[string]stage.Identity{}}
	if err := t.stage(c); err != nil {
		return nil, errors.Join(err, c.Discard())
	}
	if t.reading {
		return c, nil // what becomes of its lists makes no difference
	}
	for _, b := range t.batches {
		c.Locks = append(c.Locks, b.name)
		b.files.addTo(c.From, b.list.FullPath())
	}
	return c, nil
}

func (t *Turn) stage(c *Commit) error {
	for _, b := range t.batches {
		if err := b.stage(c); err != nil {
			return err
		}
	}
	for _, path := range t.removals {
		c.Files = append(c.Files, stage.File{Final: path})
	}
	made := map[string]bool{}
	for _, o := range t.outbox {
		if !made[o.dir] {
			if err := makeQueue(o.dir); err != nil {
				return err
			}
			made[o.dir] = true
		}
		final := filepath.Join(o.dir, o.base+qfile.Waiting)
		tmp := final + ".tmp." + t.temp
		if err := qfile.WriteFile(tmp, o.body, len(t.outbox) <= fewFiles); err != nil {
			return err
		}
		c.Outbox = append(c.Outbox, stage.File{Tmp: tmp, Final: final})
	}
	if len(t.outbox) > fewFiles {
		for dir := range made {
			if err := disk.SyncFS(dir); err != nil {
				return err
			}
		}
	}
	return SyncDirs(append(c.Files, c.Outbox...))
}

// stage writes what is to be saved of one list.
func (b *Batch) stage(c *Commit) error {
	add := func(files []stage.File, err error) error {
		c.Files = append(c.Files, files...)
		return err
	}
	if b.save {
		if err := add(b.list.Stage()); err != nil {
			return err
		}
	}
	if b.pend != nil {
		files, err := b.pend.Stage()
		b.pendStaged = len(files) > 0
		if err := add(files, err); err != nil {
			return err
		}
	}
	if b.save && b.keepReqs {
		return add(b.reqs.Stage())
	}
	return nil
}

// makeQueue makes a queue directory that is not there.
func makeQueue(dir string) error {
	if _, err := disk.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := qfile.Open(dir, 0, 1, qfile.Options{}); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(dir))
}

// SyncDirs flushes the directories of files, each once. One that is gone, as a list
// that was removed, has nothing left to be flushed.
func SyncDirs(files []stage.File) error {
	had := map[string]bool{}
	for _, f := range files {
		dir := filepath.Dir(f.Final)
		if had[dir] {
			continue
		}
		had[dir] = true
		if err := disk.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Discard removes what was staged.
func (c *Commit) Discard() error {
	var errs []error
	for _, f := range append(c.Files, c.Outbox...) {
		errs = append(errs, f.Discard())
	}
	return errors.Join(errs...)
}

// Publish puts the list state of a secured turn in its place and leaves the
// locks, the outbox and the log lines. After an error it returns
// how many files may be in their place: if there is one, the turn has taken
// effect and must be finished.
func (t *Turn) Publish(c *Commit) (done int, err error) {
	for i, f := range c.Files {
		if err := f.Publish(); err != nil {
			// It may have got its name before it failed.
			if published, why := f.Published(); published || why != nil {
				i++
			}
			return i, fmt.Errorf("publishing %s: %w", f.Final, err)
		}
	}
	// Who has the lock next builds upon these.
	if err := SyncDirs(c.Files); err != nil {
		return len(c.Files), err
	}
	if t.reading {
		return len(c.Files), nil // its lists are as their files have them
	}
	for _, b := range t.batches {
		var err error
		if b.save {
			err = b.list.Published()
		}
		if b.pendStaged {
			err = errors.Join(err, b.pend.Published())
		}
		if !b.save || err != nil {
			// Changes that Mailman would not have saved must not reach the next turn.
			t.env.Lists.Forget(b.name)
		}
	}
	return len(c.Files), nil
}

// Forget has the turn's lists read anew by whoever asks for them next.
func (t *Turn) Forget() {
	for _, b := range t.batches {
		t.env.Lists.Forget(b.name)
	}
}
