package runner

import (
	"errors"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Handler is one of Mailman's runners: what it does with an entry.
type Handler interface {
	// Name is the runner's class name, e.g. "BounceRunner".
	Name() string
	// Queue is its queue's usual name, e.g. "bounces".
	Queue() string
	// Classify finds out what can be told of an entry without its list, with no
	// lock held and beside other calls of it. An error shunts the entry.
	Classify(e *Entry) error
	// Apply does to the list what the entry asks for. An error shunts the entry
	// and takes back what was not saved; so does a panic.
	Apply(b Batch, e *Entry) (Outcome, error)
	// Batched is called after the last of a batch's entries has been applied. An
	// error keeps all of them in the queue, except that Failed shunts those it
	// names.
	Batched(b Batch) error
}

// Orderer is a Handler whose lists are handled in another order than that in
// which their first entries came.
type Orderer interface {
	// Order puts the names of lists in order; entries are those of each.
	Order(lists Lists, names []string, entries map[string][]*Entry) []string
}

// Reacher is a Handler some of whose entries act on other lists than their own.
type Reacher interface {
	// Reaches returns those of some lists that an entry may act on beside its own: it
	// is applied after what came before it there, and before what came after it.
	Reaches(lists Lists, e *Entry, among []string) []string
}

// Deferrer is a Handler some of whose entries need not be handled at the next
// pass: Mailman only detects bounces then, and registers them every
// REGISTER_BOUNCES_EVERY.
type Deferrer interface {
	// Waits tells, of an entry that was classified, whether it may wait.
	Waits(*site.Site, *Entry) bool
	// Every is for how long at most.
	Every(*site.Site) time.Duration
}

// Successor is a Handler whose runner in Python keeps work in a file of its own,
// which Mailman does not look at again once that runner has died.
type Successor interface {
	// OwnerOf returns the id of the process that a file of the data directory belongs
	// to by its name; ok is false for any other file.
	OwnerOf(name string) (pid int, ok bool)
	// Every is how often a living runner writes or removes its file at least.
	Every(*site.Site) time.Duration
	// TakeOver adds what a file holds to an outbox, as entries for the handler's
	// own queue. After an error the file stays.
	TakeOver(o Outbox, f WorkFile) error
}

// WorkFile is a file that a runner in Python has left, as it was read.
type WorkFile struct {
	Path     string
	Content  []byte
	Modified time.Time
}

// Reader is a Handler that only reads list state: its transactions take no
// list's lock, save no list, and do not mind who saves one meanwhile. What they
// make is an outbox and log lines.
type Reader interface {
	Handler
	// OnlyReads marks the handler; it does nothing.
	OnlyReads()
}

// Limiter is a Handler whose batches are to be smaller than those of others.
type Limiter interface {
	// BatchLimit is how many entries a batch may have at most.
	BatchLimit() int
}

// Feeder is a Handler that fills a queue of its own, for another handler of the same
// runner.
type Feeder interface {
	// Feeds is the handler of that queue.
	Feeds() Handler
}

// Shunter is a Handler whose entries, when they are shunted, are to come back to the
// queue from which they were made.
type Shunter interface {
	// ShuntedFrom is that queue's usual name.
	ShuntedFrom() string
}

// Stopper is a Handler whose work may take long: Stop, from another goroutine, has
// it keep what it has not begun with.
type Stopper interface{ Stop() }

// ErrKept in a Failed says that an entry is not to be done now: it stays in the
// queue, and is tried again later.
var ErrKept = errors.New("kept for later")

// Failed is the error of some of a batch's entries, whose changes have been taken
// back; the others stand.
type Failed map[*Entry]error

func (f Failed) Error() string { return fmt.Sprintf("%d entries failed", len(f)) }

// ErrChanged says that a list is no longer as it was when the transaction read
// it, or that it takes the lock to tell. A handler that sees it passes it on: the
// batch is done again.
var ErrChanged = errors.New("the list has changed since it was read")

// LockError says that a list's lock could not be had: in the time given
// (lockfile.ErrTimeout), or for what a system call said. A handler that sees it
// passes it on: the entries stay in the queue.
type LockError struct{ Err error }

func (e *LockError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *LockError) Unwrap() error { return e.Err }
