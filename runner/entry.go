package runner

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// Outcome says what was done with an entry.
type Outcome string

// The outcomes that a table, a metric or a test may see.
const (
	Registered Outcome = "registered" // a bounce was counted against a member
	Applied    Outcome = "applied"    // a command was carried out or answered
	Forwarded  Outcome = "forwarded"  // sent on to an owner
	Delivered  Outcome = "delivered"  // given to the mail server
	Discarded  Outcome = "discarded"  // nothing to do
	Shunted    Outcome = "shunted"    // to the shunt queue, for a human
	Preserved  Outcome = "preserved"  // to the bad queue, for a human
	Delegated  Outcome = "delegated"  // handled by the installation's own Python
	Kept       Outcome = "kept"       // left in the queue
)

// Entry is a queue entry on its way.
type Entry struct {
	Base string      // its file's name without the extension
	Data *qfile.Data // its metadata
	List string      // the list it is for
	Size int64       // of the message in its file, in bytes
	Work any         // what Classify found out, for Apply
	Seen time.Time   // when it was classified

	msg     *message.Message
	head    *message.Message // msg's header fields, if it was shrunk
	applied bool             // Apply has worked on it, perhaps in vain
	read    func() (*qfile.Item, error)
}

// NewEntry returns the entry of a file that was read and whose message is m. read
// reads the file again.
func NewEntry(it *qfile.Item, m *message.Message, seen time.Time, read func() (*qfile.Item, error)) *Entry {
	return &Entry{Base: it.Base, Data: it.Data, List: it.Data.Str("listname"), Size: it.Size(), Seen: seen, msg: m, read: read}
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

// InMemory tells whether the whole message is in memory.
func (e *Entry) InMemory() bool { return e.msg != nil }

// Drop lets the parsed message go, which is seldom needed again: thousands of
// them wait together in a batch.
func (e *Entry) Drop() { e.msg = nil }

// Shrink is Drop for a message whose header fields are still needed.
func (e *Entry) Shrink() {
	if e.msg != nil {
		e.head, e.msg = e.msg.Head(), nil
	}
}

// Begin makes the entry what it was before an earlier attempt applied it; it is
// called before each. The error is that of reading its file.
func (e *Entry) Begin() error {
	if !e.applied {
		e.applied = true
		return nil
	}

	it, err := e.read()
	if err != nil {
		return err
	}

	e.Data, e.msg = it.Data, nil
	return nil
}
