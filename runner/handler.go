package runner

import (
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner/batch"
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
	Apply(b *batch.Batch, e *Entry) (Outcome, error)
	// Batched is told when the last of a turn's entries has been applied. An error
	// keeps all of them in the queue, except that Failed shunts those it names.
	Batched(b *batch.Batch) error
}

// Orderer is a Handler that has its lists' turns in another order than that in
// which their first entries came.
type Orderer interface {
	// Order puts the names of lists in order; entries is what they have.
	Order(env *batch.Env, names []string, entries map[string][]*Entry) []string
}

// Reader is a Handler that only reads list state: its transactions take no
// list's lock, save no list, and do not mind who saves one meanwhile. What they
// make is an outbox and log lines.
type Reader interface {
	Handler
	// OnlyReads marks the handler; it does nothing.
	OnlyReads()
}

// Failed is the error of some of a turn's entries, whose changes have been taken
// back; the others stand.
type Failed map[*Entry]error

func (f Failed) Error() string { return fmt.Sprintf("%d entries failed", len(f)) }

// Exception is an error that Mailman would have had as an exception: the error
// log then has what Runner._log writes of it.
type Exception interface {
	error
	Str() string       // what Python's str() makes of it
	Traceback() string // what traceback.print_exc() writes
}

// Outcome is what became of an entry.
type Outcome string

// The outcomes that a table, a metric or a test may see.
const (
	Registered Outcome = "registered" // a bounce was counted against a member
	Applied    Outcome = "applied"    // a command was carried out or answered
	Forwarded  Outcome = "forwarded"  // sent on to an owner
	Discarded  Outcome = "discarded"  // nothing to do
	Shunted    Outcome = "shunted"    // to the shunt queue, for a human
	Preserved  Outcome = "preserved"  // to the bad queue, for a human
	Delegated  Outcome = "delegated"  // handled by the installation's own Python
	Kept       Outcome = "kept"       // left in the queue
)

// Entry is a queue entry on its way.
type Entry struct {
	Base string
	Data *qfile.Data
	List string    // the list it is for
	Work any       // what Classify found out, for Apply
	Seen time.Time // when it was classified

	msg     *message.Message
	head    *message.Message // msg's header fields, if it was shrunk
	applied bool             // Apply has worked on it, perhaps in vain
	read    func() (*qfile.Item, error)
}

// Message is the entry's message. It is read again if Drop has let it go.
func (e *Entry) Message() (*message.Message, error) {
	if e.msg == nil {
		it, err := e.read()
		if err != nil {
			return nil, err
		}
		if e.msg, err = it.Parse(); err != nil {
			return nil, err
		}
	}
	return e.msg, nil
}

// Head is the entry's message with at least its header fields.
func (e *Entry) Head() (*message.Message, error) {
	if e.head != nil {
		return e.head, nil
	}
	return e.Message()
}

// Drop lets the parsed message go, for what is seldom needed again: thousands of
// them wait together in a batch.
func (e *Entry) Drop() { e.msg = nil }

// Shrink is Drop for a message whose header fields are still needed.
func (e *Entry) Shrink() {
	if e.msg != nil {
		e.head, e.msg = e.msg.Head(), nil
	}
}

// refresh makes the entry what it was before Apply worked on it.
func (e *Entry) refresh() error {
	it, err := e.read()
	if err != nil {
		return err
	}
	e.Data, e.msg = it.Data, nil
	return nil
}
