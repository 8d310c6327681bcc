package engine

import (
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
)

// classify reads and classifies entries on all processors. An entry that cannot
// be read is dealt with here, and is nil in what is returned.
func (e *Engine) classify(bases []string) []*runner.Entry {
	e.inMemory.Store(0)
	entries := make([]*runner.Entry, len(bases))
	failed := make([]error, len(bases))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				entries[i], failed[i] = e.load(bases[i])
			}
		}()
	}
	for i := range bases {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, err := range failed {
		if err == nil {
			continue
		}
		entries[i] = nil
		if !errors.Is(err, fs.ErrNotExist) {
			e.unparseable(bases[i], err)
		}
	}
	return entries
}

// load reads one entry where it lies and has it classified.
func (e *Engine) load(base string) (en *runner.Entry, err error) {
	it, m, err := e.readWhole(base)
	if err != nil {
		return nil, err
	}
	en = runner.NewEntry(it, m, e.Env.Now(), func() (*qfile.Item, error) {
		it, err := e.Queue.Read(base, qfile.Claimed)
		if errors.Is(err, fs.ErrNotExist) {
			return e.Queue.Read(base, qfile.Waiting)
		}
		return it, err
	})
	if en.List == "" {
		en.List = e.Env.Site.Str("MAILMAN_SITE_LIST")
	}
	if err := runner.Guard(func() error { return e.Handler.Classify(en) }); err != nil {
		en.Work = err
	}
	if en.InMemory() && e.inMemory.Add(it.Size()) > messageBytes {
		en.Drop()
	}
	return en, nil
}

// messageBytes is how much mail is kept in memory from one reading to the next:
// a batch of 5,000 may be any size.
const messageBytes = 16 << 20

// An entry that was written to less than settled ago may not be whole: Mailman
// renames its entries into the queue, but others write them there, and whoever
// is told of new files sees them sooner than a runner that looks once a second.
const (
	settled = 2 * time.Second
	reread  = 20 * time.Millisecond
)

// readWhole reads an entry. One that cannot be read is given the time to become
// whole.
func (e *Engine) readWhole(base string) (it *qfile.Item, m *message.Message, err error) {
	for {
		if it, err = e.Queue.Read(base, qfile.Waiting); err == nil {
			if m, err = it.Parse(); err == nil {
				return it, m, nil
			}
		}
		info, serr := disk.Stat(e.Queue.Path(base, qfile.Waiting))
		if serr != nil {
			return nil, nil, err
		}
		if age := time.Since(info.ModTime()); age < 0 || age >= settled {
			return nil, nil, err
		}
		time.Sleep(reread)
	}
}
