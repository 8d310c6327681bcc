package enqueue

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

// Options say where a Writer writes.
type Options struct {
	DataDir  string            // the redo log's files are there
	Host     string            // this host's name, which is in the names of all files but entries
	Queues   map[string]string // queue directories by their usual names, which exist
	Complain func(error)       // is told what goes wrong beside the results
}

// temporary names are "mmrunner-lmtp-HOST-PID-N.tmp", which no runner takes for an
// entry's.
const temporarySuffix = ".tmp"

func (o Options) prefix() string { return "mmrunner-lmtp-" + o.Host + "-" }

// Writer puts entries into queues. It may be used by many goroutines.
type Writer struct {
	prefix string // of temporary names: this host's and this process's
	serial atomic.Int64
	log    *redoLog // nil where all entries take the direct way

	mu   sync.Mutex
	dirs map[string]*flusher
}

// Open finishes what a process of this host that died has acknowledged, removes what it
// had not, and makes a Writer. The caller must hold a lock against others that do so
// on this host. The error is the file system's.
func Open(o Options) (*Writer, error) {
	if err := recoverSegments(o); err != nil {
		return nil, err
	}
	if err := clean(o); err != nil {
		return nil, err
	}

	w := &Writer{prefix: fmt.Sprintf("%s%d-", o.prefix(), os.Getpid()), dirs: map[string]*flusher{}}
	log, err := newLog(o)
	if err != nil {
		// Mail is taken all the same, with more flushes.
		o.Complain(fmt.Errorf("no redo log for mail: %w", err))
		return w, nil
	}
	if log != nil {
		w.log = log
		go log.run()
	}

	return w, nil
}

// Close gives all entries their names. The error says that some have none; they get
// it at the next Open.
func (w *Writer) Close() error {
	if w.log == nil {
		return nil
	}
	return w.log.close()
}

// parallelWrites is how many entries of one message are written at once.
const parallelWrites = 16

// Put writes the entries of one message. Each has its own result: nil says that the
// entry would be in its queue after a power failure and the next Open, an error that
// nothing of it is.
func (w *Writer) Put(entries []intake.Entry) []error {
	results := make([]error, len(entries))
	if len(entries) == 1 {
		results[0] = w.one(entries[0])
		return results
	}

	// Those that are written together are flushed together.
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

func (w *Writer) one(e intake.Entry) error {
	tmp := fmt.Sprintf("%s%d%s", w.prefix, w.serial.Add(1), temporarySuffix)
	if w.log.takes(e) {
		return w.logged(e, tmp)
	}
	return w.direct(e, tmp)
}

// logged has the redo log make an entry safe, and writes its file meanwhile: most of a
// flush is waiting.
func (w *Writer) logged(e intake.Entry, tmp string) error {
	written := make(chan error, 1)
	go func() { written <- e.Write(tmp) }()

	err := w.log.put(e, tmp, func() error { return <-written })
	if err != nil {
		if gone := disk.Remove(filepath.Join(e.Dir, tmp)); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// direct writes an entry under a temporary name, flushed; then it gets its name; then
// its directory is flushed. So no runner finds an entry of which a power failure may
// take a part.
func (w *Writer) direct(e intake.Entry, tmp string) error {
	if err := e.Prepare(tmp); err != nil {
		return err
	}
	if err := e.Publish(tmp); err != nil {
		return err
	}

	err := w.flusher(e.Dir).flush()
	if err != nil && errors.Is(disk.Remove(e.Path()), fs.ErrNotExist) {
		// A runner has it already.
		return nil
	}

	return err
}

func (w *Writer) flusher(dir string) *flusher {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.dirs[dir]
	if f == nil {
		f = &flusher{sync: func() error { return disk.SyncDir(dir) }}
		w.dirs[dir] = f
	}
	return f
}

// clean removes the temporary files of this host's processes that have died: those
// that are left were not acknowledged.
func clean(o Options) error {
	var errs []error
	for _, dir := range o.Queues {
		names, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}

		for _, n := range names {
			if o.isTemporary(n.Name()) {
				if err := disk.Remove(filepath.Join(dir, n.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
					errs = append(errs, err)
				}
			}
		}
	}

	return errors.Join(errs...)
}

// isTemporary tells whether a file name is that of an entry that this host's
// processes write.
func (o Options) isTemporary(name string) bool {
	return strings.HasPrefix(name, o.prefix()) && strings.HasSuffix(name, temporarySuffix) && filepath.Base(name) == name
}
