package enqueue

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// redoLog makes entries safe whose files are not flushed yet, and gives those files
// their names later. Its methods may be called on a nil log, which takes nothing.
type redoLog struct {
	complain func(error)
	names    map[string]string // of queues, by directory

	mu      sync.Mutex
	changed *sync.Cond // something below has changed
	current *segment   // takes records
	sealed  *segment   // is at its checkpoint; nil for none
	spare   *segment   // is neither; nil while sealed is not
	broken  error      // why the log takes no more records
	late    error      // why the last checkpoint failed

	wake    chan struct{} // an entry was acknowledged
	full    chan struct{} // a record waits for room
	closing chan struct{}
	ended   chan error // the last checkpoint's

	closeOnce sync.Once
}

// segmentNames are what the names of the log's files end in.
var segmentNames = [2]string{"redo1", "redo2"}

// segmentPaths are the log's files.
func segmentPaths(o Options) (paths [2]string) {
	for i, name := range segmentNames {
		paths[i] = filepath.Join(o.DataDir, o.prefix()+name)
	}
	return paths
}

// IsLog tells whether a file name is that of a part of a host's redo log.
func IsLog(name, host string) bool {
	end, ours := strings.CutPrefix(name, Options{Host: host}.prefix())
	return ours && slices.Contains(segmentNames[:], end)
}

// newLog makes a log whose segments are empty; a nil one where it would not help.
func newLog(o Options) (*redoLog, error) {
	if !disk.SyncsWholeFS || disk.OnNetwork(o.DataDir) {
		return nil, nil
	}

	l := &redoLog{
		complain: o.Complain, names: map[string]string{},
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan error, 1),
	}
	l.changed = sync.NewCond(&l.mu)
	for name, dir := range o.Queues {
		if disk.OnNetwork(dir) {
			return nil, nil
		}
		l.names[dir] = name
	}

	var segments []*segment
	generation := uint64(time.Now().UnixNano())
	for i, path := range segmentPaths(o) {
		s, err := createSegment(path)
		if err == nil {
			segments = append(segments, s)
			if err = s.begin(generation + uint64(i)); err == nil {
				err = s.f.Sync()
			}
		}
		if err != nil {
			for _, s := range segments {
				s.close()
			}
			return nil, err
		}
	}

	if err := disk.SyncDir(o.DataDir); err != nil {
		return nil, errors.Join(err, segments[0].close(), segments[1].close())
	}
	l.current, l.spare = segments[1], segments[0]
	return l, nil
}

// takes tells whether an entry can go through the log.
func (l *redoLog) takes(e intake.Entry) bool {
	if l == nil || len(e.Bytes) > largestRecord-4096 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken == nil && l.names[e.Dir] != ""
}

// put makes an entry safe. written returns when its file is written, or why it cannot be.
// After an error the entry gets no name, unless the process dies before the next
// checkpoint: its record may be there.
func (l *redoLog) put(e intake.Entry, tmp string, written func() error) error {
	it := item{e, tmp}
	s, err := l.add(it)
	if err != nil {
		return errors.Join(err, written())
	}

	flushed := s.flush()
	err = errors.Join(flushed, written())
	l.mu.Lock()
	if flushed != nil {
		l.breaks(flushed)
	}
	s.writing--
	if err == nil {
		s.acknowledged = append(s.acknowledged, it)
	}
	l.changed.Broadcast()
	l.mu.Unlock()

	notify(l.wake)
	return err
}

// add writes an entry's record. Where there is no room it waits for the checkpoint.
func (l *redoLog) add(it item) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.names[it.entry.Dir]
	for l.broken == nil && l.current.end+recordSize(it.entry, queue, it.tmp) > segmentSize {
		if l.late != nil {
			return nil, l.late
		}
		notify(l.full)
		l.changed.Wait()
	}

	if l.broken != nil {
		return nil, l.broken
	}
	if err := l.current.add(it, queue); err != nil {
		l.breaks(err)
		return nil, err
	}

	l.current.writing++
	return l.current, nil
}

// breaks has the log take no more records, since what its file holds is not known any
// longer. The caller holds the mutex.
func (l *redoLog) breaks(err error) {
	if l.broken == nil {
		l.broken = err
		l.complain(errors.New("the redo log for mail cannot be written; each message is flushed by itself until the next start: " + err.Error()))
	}
}

// close makes the last checkpoint, and removes the log's files if that was done. A
// second call does nothing.
func (l *redoLog) close() (err error) {
	l.closeOnce.Do(func() {
		close(l.closing)
		err = <-l.ended
		for _, s := range []*segment{l.current, l.other()} {
			if err == nil {
				err = disk.Remove(s.f.Name())
			}
			err = errors.Join(err, s.close())
		}
	})
	return err
}

// other is the segment that does not take records.
func (l *redoLog) other() *segment {
	if l.sealed != nil {
		return l.sealed
	}
	return l.spare
}

// notify tells a goroutine that waits, or will wait, on c.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
