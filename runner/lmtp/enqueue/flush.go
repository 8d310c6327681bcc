package enqueue

import "sync"

// flusher shares flushes: all that ask while one is under way share the next.
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

// failingForGood is sync until that fails, and then its error: the kernel drops what it
// could not write and tells it once, to those whose bytes they were or to others.
func failingForGood(sync func() error) func() error {
	var failed error // a flusher makes one flush after another
	return func() error {
		if failed == nil {
			failed = sync()
		}
		return failed
	}
}
