package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// classify reads and classifies entries on all processors. An entry that cannot
// be read is dealt with here, and is nil in what is returned.
func (e *Engine) classify(bases []string) []*Entry {
	e.inMemory.Store(0)
	entries := make([]*Entry, len(bases))
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
func (e *Engine) load(base string) (en *Entry, err error) {
	it, m, err := e.readWhole(base)
	if err != nil {
		return nil, err
	}
	en = &Entry{Base: base, Data: it.Data, List: it.Data.Str("listname"), msg: m, Seen: e.Env.Now()}
	en.read = func() (*qfile.Item, error) {
		it, err := e.Queue.Read(base, qfile.Claimed)
		if errors.Is(err, fs.ErrNotExist) {
			return e.Queue.Read(base, qfile.Waiting)
		}
		return it, err
	}
	if en.List == "" {
		en.List = e.Env.Site.Str("MAILMAN_SITE_LIST")
	}
	if err := Guard(func() error { return e.Handler.Classify(en) }); err != nil {
		en.Work = err
	}
	if en.msg != nil && e.inMemory.Add(it.Size()) > messageBytes {
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

// Guard turns a panic into an error with the place it came from, as Runner.py's
// catch-all turns an exception into a log line.
func Guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(*message.PyError); ok {
				err = e // one of Python's, from below a function that returns none
				return
			}
			trace := make([]byte, 4096)
			trace = trace[:runtime.Stack(trace, false)]
			if e, ok := p.(error); ok {
				err = fmt.Errorf("%w\n%s", e, trace)
			} else {
				err = fmt.Errorf("%v\n%s", p, trace)
			}
		}
	}()
	return f()
}
