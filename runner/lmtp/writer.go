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

	// The kernel flushes together what is asked for together.
	var g errgroup.Group
	g.SetLimit(together)
	for i, e := range entries {
		g.Go(func() error {
			results[i] = w.one(e)
			return nil
		})
	}

	_ = g.Wait()
	return results
}

// together is how many entries of one message are written at once.
const together = 16

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

// flusher shares the flushes of a directory: whoever asks while one is under way
// shares the next.
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
	f.handOn()
	return err
}

// handOn has those who came meanwhile get their flush, by a goroutine of its own:
// who has been served does not wait for others.
func (f *flusher) handOn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.next
	f.next = nil
	if now == nil {
		f.running = false
		return
	}

	go func() {
		now.err = f.sync()
		close(now.done)
		f.handOn()
	}()
}

// clean removes what processes of this host that are gone were writing when they
// died: no mail server was told that it is safe. It is for a process that alone has
// the host's lock, see lockHost.
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
