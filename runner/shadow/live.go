package shadow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// tick is the time between two looks for batches that are due.
const tick = 250 * time.Millisecond

// live collects entries as they come, and replays batches meanwhile.
func (s *shadow) live(ctx context.Context) error {
	w, err := s.watch()
	if err != nil {
		return err
	}
	defer w.Close()

	// What is in the queues already, now that nothing new can be missed.
	if err := s.scan(); err != nil {
		return err
	}
	// The end of ctx leaves the replays some time, but not the minutes or hours that Mailman may need.
	replays, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.o.Grace, end) })()

	finished := make(chan done, 1)
	busy := false
	ticker := time.NewTicker(tick)
	defer ticker.Stop()

	for ctx.Err() == nil {
		select {
		// Mailman renames an entry into the queue; other programs may write it there.
		case e, ok := <-w.Events:
			if !ok {
				return errors.New("the queues are no longer watched")
			}
			base, isEntry := strings.CutSuffix(filepath.Base(e.Name), qfile.Waiting)
			if e.Has(fsnotify.Create|fsnotify.Write) && isEntry {
				if err := s.keep(filepath.Dir(e.Name), base); err != nil {
					return err
				}
			}

		// The kernel has dropped events: look at the directories instead.
		case err := <-w.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return err
			}
			s.report.Overflow++
			if err := s.scan(); err != nil {
				return err
			}

		case d := <-finished:
			busy = false
			s.report.add(d.batch, d.found)
			s.o.Tell(&s.report, false)

		// Entries that were not whole are read again, and batches become due by their age.
		case <-ticker.C:
			if err := s.retry(); err != nil {
				return err
			}
			if len(s.seen) > manySeen {
				s.forget()
			}
			s.o.Tell(&s.report, busy)

		case <-ctx.Done():
		}

		// One batch at a time: the replay would compete with itself, and with Mailman, for the processors.
		if queue := s.due(); !busy && queue != "" {
			g, err := s.collect.take(queue)
			if err != nil {
				return err
			}

			busy = true
			go func() {
				b, found := s.replay.run(replays, g, s.runners[queue])
				finished <- done{b, found}
			}()
		}
	}

	if busy {
		d := <-finished
		if replays.Err() != nil {
			s.report.NotReplayed += d.batch.Entries
		} else {
			s.report.add(d.batch, d.found)
		}
	}

	return s.finish(replays)
}

// watch asks the kernel to report new files in the queues.
func (s *shadow) watch() (w *fsnotify.Watcher, err error) {
	if w, err = fsnotify.NewWatcher(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()

	for dir := range s.queues {
		// A queue's directory is made by the first runner that needs it.
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: there is no such queue yet; start Mailman once, which makes it", dir)
		}
		if err := w.Add(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}

	return w, nil
}

// finish replays what was collected before the shadow was told to end, until replays ends.
func (s *shadow) finish(replays context.Context) error {
	// Entries that were not whole yet get no more time.
	for path := range s.partial {
		s.partial[path] = time.Time{}
	}
	if err := s.retry(); err != nil {
		return err
	}

	for _, queue := range s.order {
		waiting := 0
		if g := s.collect.batches[queue]; g != nil {
			waiting = len(g.entries)
		}

		err := s.work(replays, queue)
		if replays.Err() != nil {
			s.report.NotReplayed += waiting
		} else if err != nil {
			return err
		}
	}

	return nil
}

// scan keeps the entries in the queues that were not seen before.
func (s *shadow) scan() error {
	for dir := range s.queues {
		bases, err := waiting(dir)
		if err != nil {
			return err
		}

		for _, base := range bases {
			if err := s.keep(dir, base); err != nil {
				return err
			}
		}
	}

	return nil
}

// due returns a queue whose batch is due, or "".
func (s *shadow) due() string {
	oldest := ""
	for queue, g := range s.collect.batches {
		if len(g.entries) == 0 || len(g.entries) < s.o.BatchSize && time.Since(g.began) < s.o.Every {
			continue
		}
		if oldest == "" || g.began.Before(s.collect.batches[oldest].began) {
			oldest = queue
		}
	}

	return oldest
}

// manySeen is how many names are remembered before the names of entries that have left the queues are forgotten.
const manySeen = 100_000

func (s *shadow) forget() {
	for path := range s.seen {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			delete(s.seen, path)
		}
	}
}
