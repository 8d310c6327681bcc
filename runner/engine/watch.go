package engine

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// idleScan is how often a queue is looked at without news of an entry.
const idleScan = time.Minute

// watcher waits for entries to come to queue directories.
type watcher struct {
	notify *fsnotify.Watcher // nil where the system offers no watch
	dirs   []string
	every  time.Duration // between two looks at the directories
}

// newWatcher watches dirs. Where the kernel cannot tell of all new files, the directories are looked at each sleep,
// which is Mailman's QRUNNER_SLEEP_TIME.
func newWatcher(dirs []string, sleep time.Duration) *watcher {
	w := &watcher{dirs: dirs, every: idleScan}
	var err error
	if w.notify, err = fsnotify.NewWatcher(); err != nil {
		w.notify = nil
	}

	for _, dir := range dirs {
		if w.notify == nil || w.notify.Add(dir) != nil || disk.OnNetwork(dir) {
			// Mailman would be busy all the time with a setting of 0.
			w.every = max(sleep, 100*time.Millisecond)
		}
	}

	return w
}

// Close lets the kernel forget the directories.
func (w *watcher) Close() error {
	if w.notify == nil {
		return nil
	}
	return w.notify.Close()
}

// wait returns when an entry comes, at the given time, when the directories are due for a look, or when ctx ends.
func (w *watcher) wait(ctx context.Context, d time.Duration) {
	// The directories are looked at now and then even with a watch, since a network file system may not tell.
	d = min(d, w.every)
	t := time.NewTimer(d)
	defer t.Stop()
	var events chan fsnotify.Event
	var errs chan error

	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}

	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			// A directory that was removed and made again is another one: watch it anew.
			for _, dir := range w.dirs {
				if w.notify != nil && w.notify.Add(dir) != nil {
					w.every = max(100*time.Millisecond, min(w.every, time.Second))
				}
			}
			return
		case ev, ok := <-events:
			if !ok {
				events = nil
				// One event of many: the pass will see the rest, so their events are dropped.
			} else if ev.Has(fsnotify.Create) && filepath.Ext(ev.Name) == qfile.Waiting {
				w.flush()
				return
			}
		case _, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}

			// The kernel has dropped events: a look at the directories finds what came.
			return
		}
	}
}

// flush drops further events: the look that follows sees their files.
func (w *watcher) flush() {
	for {
		select {
		case _, ok := <-w.notify.Events:
			if !ok {
				return
			}
		default:
			return
		}
	}
}
