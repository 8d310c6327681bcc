package lmtp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// temporary names are "mmrunner-lmtp-HOST-PID-N.tmp", which no runner takes for an
// entry's.
const (
	temporaryPrefix = "mmrunner-lmtp-"
	temporarySuffix = ".tmp"
)

// writer puts entries into queues. It may be used by many goroutines.
type writer struct {
	prefix string // of temporary names: this host's and this process's
	serial atomic.Int64

	mu   sync.Mutex
	dirs map[string]*flusher
}

func newWriter(host string) *writer {
	return &writer{prefix: fmt.Sprintf("%s%s-%d-", temporaryPrefix, host, os.Getpid()), dirs: map[string]*flusher{}}
}

// put writes the entries of one message. Each has its own result: nil says that the
// entry is in its queue and would be there after a power failure, an error that
// nothing of it is.
func (w *writer) put(entries []intake.Entry) []error {
	results := make([]error, len(entries))
	if len(entries) == 1 {
		results[0] = w.one(entries[0])
		return results
	}

	// The kernel flushes together those that are written together.
	var g errgroup.Group
	g.SetLimit(parallelWrites)
	for i, e := range entries {
		g.Go(func() error {
			results[i] = w.one(e)
			return nil
		})
	}

	_ = g.Wait()
	return results
}

// parallelWrites is how many entries of one message are written at once.
const parallelWrites = 16

// one writes an entry: under a temporary name, flushed; then its own name; then its
// directory is flushed. So no runner finds an entry of which a power failure may take a
// part. The disk alone needs as many flushes (mmrunner bench --lmtp measures it).
func (w *writer) one(e intake.Entry) error {
	tmp := fmt.Sprintf("%s%d%s", w.prefix, w.serial.Add(1), temporarySuffix)
	err := e.Prepare(tmp)
	if errors.Is(err, fs.ErrNotExist) && intake.MakeQueue(e.Dir) == nil {
		err = e.Prepare(tmp)
	}

	if err != nil {
		return err
	}
	if err := e.Publish(tmp); err != nil {
		return err
	}

	err = w.flusher(e.Dir).flush()
	if err != nil && errors.Is(disk.Remove(e.Path()), fs.ErrNotExist) {
		// A runner has it already.
		return nil
	}

	return err
}

func (w *writer) flusher(dir string) *flusher {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.dirs[dir]
	if f == nil {
		f = &flusher{sync: func() error { return disk.SyncDir(dir) }}
		w.dirs[dir] = f
	}
	return f
}

// flusher shares the flushes of a directory: all that ask while one is under way share
// the next.
type flusher struct {
	sync func() error

	mu      sync.Mutex
	running bool
	next    *flush
}

// flush is one that has not begun.
type flush struct {
	done chan struct{}
	err  error
}

// flush returns after a flush that began after it was called.
func (f *flusher) flush() error {
	f.mu.Lock()
	if f.running {
		if f.next == nil {
			f.next = &flush{done: make(chan struct{})}
		}

		mine := f.next
		f.mu.Unlock()
		<-mine.done
		return mine.err
	}

	f.running = true
	f.mu.Unlock()

	err := f.sync()
	f.startNext()
	return err
}

// startNext begins the flush that was asked for meanwhile, if there is one, on a
// goroutine of its own: the caller, whose flush is done, does not wait for it.
func (f *flusher) startNext() {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.next
	f.next = nil
	if next == nil {
		f.running = false
		return
	}

	go func() {
		next.err = f.sync()
		close(next.done)
		f.startNext()
	}()
}

// clean removes the temporary files of this host's processes that have died: none of
// them was acknowledged. The caller must have the host's lock, see New.
func clean(dirs []string, host string) error {
	var errs []error
	for _, dir := range dirs {
		names, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}

		for _, n := range names {
			if strings.HasPrefix(n.Name(), temporaryPrefix+host+"-") && strings.HasSuffix(n.Name(), temporarySuffix) {
				if err := disk.Remove(filepath.Join(dir, n.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
					errs = append(errs, err)
				}
			}
		}
	}

	return errors.Join(errs...)
}
