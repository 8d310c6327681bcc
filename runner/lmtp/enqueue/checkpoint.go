package enqueue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

const (
	checkpointEvery = 100 * time.Millisecond // at most, unless a segment is full
	retryAfter      = time.Second            // a checkpoint that failed
)

// run makes checkpoints until the log is closed.
func (l *redoLog) run() {
	for pause := time.Duration(0); ; {
		select {
		case <-l.wake:
		case <-l.closing:
			l.ended <- l.checkpoint()
			return
		}

		// What comes together shares a checkpoint.
		select {
		case <-time.After(pause):
		case <-l.full:
		case <-l.closing:
		}

		pause = checkpointEvery
		if err := l.checkpoint(); err != nil {
			l.complain(fmt.Errorf("mail was acknowledged and is not in its queue yet: %w", err))
			pause = retryAfter
			notify(l.wake)
		}
	}
}

// checkpoint gives the acknowledged entries of the current segment their names, and
// before these those of a checkpoint that failed.
func (l *redoLog) checkpoint() error {
	err := l.finishSealed()
	if err == nil && l.seal() {
		err = l.finishSealed()
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = err
	l.changed.Broadcast()
	return err
}

// seal has the other segment take records, and tells whether there is something to be
// done for this one.
func (l *redoLog) seal() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.current.acknowledged) == 0 {
		return false
	}

	if err := l.spare.begin(l.current.generation + 1); err != nil {
		l.breaks(err)
	}
	l.sealed, l.current, l.spare = l.current, l.spare, nil
	l.changed.Broadcast()

	for l.sealed.writing > 0 {
		l.changed.Wait()
	}
	return true
}

// finishSealed does what is left to do for the sealed segment, if there is one.
func (l *redoLog) finishSealed() error {
	s := l.sealed // only this goroutine changes it
	if s == nil {
		return nil
	}

	if err := s.publish(again); err != nil {
		return err
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed, l.spare = nil, s
	return nil
}

// publish gives the segment's entries their names. gone is called for one whose
// temporary file is missing. After an error it may be called again.
func (s *segment) publish(gone func(item) error) error {
	// All files are on the disk, and the log knows it.
	if !s.marked {
		if s.doubtful {
			if err := rewrite(s.acknowledged); err != nil {
				return err
			}
		}

		// The kernel tells of a write that failed only once.
		if err := disk.SyncTrees(directories(s.acknowledged)); err != nil {
			s.doubtful = true
			return err
		}
		if err := s.mark(); err != nil {
			s.marked = false
			return err
		}
	}

	// They get their names, in the order in which they came.
	for _, dir := range directories(s.acknowledged) {
		s.changed[dir] = true
	}
	var errs []error
	s.acknowledged = slices.DeleteFunc(s.acknowledged, func(it item) bool {
		err := disk.Rename(filepath.Join(it.entry.Dir, it.tmp), it.entry.Path())
		if errors.Is(err, fs.ErrNotExist) {
			err = gone(it)
		}
		if err != nil {
			errs = append(errs, err)
		}
		return err == nil
	})

	// And keep them.
	for dir := range s.changed {
		if err := disk.SyncDir(dir); err != nil {
			errs = append(errs, err)
		} else {
			delete(s.changed, dir)
		}
	}

	return errors.Join(errs...)
}

// again writes an entry once more whose file was removed, perhaps with its queue's
// directory.
func again(it item) error {
	if err := it.entry.Prepare(it.tmp); err != nil {
		return err
	}
	return it.entry.Publish(it.tmp)
}

// directories returns the directories of entries, each once.
func directories(items []item) (dirs []string) {
	for _, it := range items {
		if !slices.Contains(dirs, it.entry.Dir) {
			dirs = append(dirs, it.entry.Dir)
		}
	}
	return dirs
}

// entryOf makes a record an entry again.
func (o Options) entryOf(r record) (item, error) {
	dir := o.Queues[r.queue]
	if dir == "" || !o.isTemporary(r.tmp) || r.base == "" || r.base[0] == '.' || filepath.Base(r.base) != r.base {
		return item{}, fmt.Errorf("the redo log for mail names queue %q, file %q and entry %q, need those of this site", r.queue, r.tmp, r.base)
	}
	return item{intake.Entry{Dir: dir, Base: r.base, Bytes: r.entry}, r.tmp}, nil
}
