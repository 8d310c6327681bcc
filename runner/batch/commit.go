package batch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// Commit is all that is left to do once a turn is staged, as plain data: what a
// journal has to hold for somebody else to finish it.
type Commit struct {
	Files  []stage.File `json:"files"`  // list state, in the order to be renamed
	Outbox []stage.File `json:"outbox"` // queue entries, in the order to be published
	Lines  []mlog.Line  `json:"lines"`  // log lines
	Locks  []string     `json:"locks"`  // names of the lists that are locked
}

// fewFiles is up to how many outbox entries are flushed one by one; more are
// flushed together with whatever else their file system holds back.
const fewFiles = 4

// Stage writes all changed list state and the outbox under temporary names,
// flushed to the disk. An error leaves nothing behind and the turn to be aborted.
func (t *Turn) Stage() (*Commit, error) {
	c := &Commit{Lines: t.lines}
	if err := t.stage(c); err != nil {
		return nil, errors.Join(err, c.Discard())
	}
	for _, b := range t.batches {
		c.Locks = append(c.Locks, b.name)
	}
	return c, nil
}

func (t *Turn) stage(c *Commit) error {
	add := func(files []stage.File, err error) error {
		c.Files = append(c.Files, files...)
		return err
	}
	for _, b := range t.batches {
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
			if err := add(b.reqs.Stage()); err != nil {
				return err
			}
		}
	}
	dirs := map[string]bool{}
	for _, o := range t.outbox {
		final := filepath.Join(o.dir, o.base+qfile.Waiting)
		tmp := final + ".tmp"
		if !dirs[o.dir] {
			if err := os.MkdirAll(o.dir, 0o770); err != nil {
				return err
			}
			dirs[o.dir] = true
		}
		if err := qfile.WriteFile(tmp, o.body, len(t.outbox) <= fewFiles); err != nil {
			return err
		}
		id, err := stage.Identify(tmp)
		c.Outbox = append(c.Outbox, stage.File{Tmp: tmp, Final: final, ID: id})
		if err != nil {
			return err
		}
	}
	if len(t.outbox) > fewFiles {
		for dir := range dirs {
			if err := syncFS(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// syncFS flushes the file system that a directory is on.
func syncFS(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: dir, Err: err}
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

// Publish puts the staged files of a secured turn in their places, lets the outbox and the log
// lines go, and gives the locks back. An error says what could not be done; what
// comes after it is still tried, except that no mail leaves if a list could not
// be saved.
func (t *Turn) Publish(c *Commit) error {
	defer t.unlock()
	for _, f := range c.Files {
		if err := f.Publish(); err != nil {
			for _, b := range t.batches {
				t.env.Lists.Forget(b.name)
			}
			return errors.Join(fmt.Errorf("publishing %s: %w", f.Final, err), (&Commit{Outbox: c.Outbox}).Discard())
		}
	}
	var errs []error
	for _, f := range c.Outbox {
		if err := f.Publish(); err != nil {
			errs = append(errs, fmt.Errorf("publishing %s: %w", f.Final, err))
		}
	}
	for _, b := range t.batches {
		if b.save {
			errs = append(errs, b.list.Published())
		}
		if b.pendStaged {
			errs = append(errs, b.pend.Published())
		}
		if !b.save {
			// Changes that Mailman would not have saved must not reach the next turn.
			t.env.Lists.Forget(b.name)
		}
	}
	t.env.Log.PrintLines(c.Lines)
	return errors.Join(errs...)
}
