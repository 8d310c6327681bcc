package runner

import (
	"io"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/requests"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// Batch is one list's part of a transaction, and the world as an entry of that
// list may see it: what handles an entry touches no file, clock or lock beside
// it. The same list of the same transaction is always the same Batch, and no
// other, so that it can be the key of a map.
type Batch interface {
	// List is the list's state as the transaction has it.
	List() *maillist.List
	// Pending is the list's pending.pck, read when first asked for. Errors are
	// pending.Open's.
	Pending() (*pending.DB, error)
	// Requests is the list's request.pck, read when first asked for. Errors are
	// requests.Open's.
	Requests() (*requests.DB, error)

	// Site is the installation.
	Site() *site.Site
	// Texts are the installation's texts.
	Texts() *i18n.Texts
	// Charsets is the installation's registry of mail charsets.
	Charsets() *message.Charsets
	// Now is the time, in the site's zone.
	Now() time.Time
	// Rand gives the bytes that cookies and passwords are made of.
	Rand() io.Reader

	// Enqueue adds a message to the outbox, for the queue of that usual name
	// ("out", "virgin", "in", ...). A message that cannot be pickled panics, as
	// pickling it would raise in Python: the entry at hand fails.
	Enqueue(queue string, m *message.Message, data *qfile.Data)
	// Log adds a line to one of Mailman's logs; it is written with the commit.
	Log(log, format string, a ...any)

	// Record adds a line to the site's events (package events); it is written with
	// the commit. The line is copied.
	Record(line []byte)

	// With takes another list into the transaction, which then locks and commits
	// both. Errors are a *LockError, ErrChanged, or maillist.Open's.
	With(name string) (Batch, error)
	// Peek returns another list's state without its lock, to be read only. Errors
	// are maillist.Open's.
	Peek(name string) (*maillist.List, error)
	// ListNames returns the names of all lists of the site. The error is the file
	// system's.
	ListNames() ([]string, error)
	// ListExists tells whether the site has a list of that name.
	ListExists(name string) bool

	// Save marks where Mailman would save the list: what was changed so far is kept
	// even if the entry fails later.
	Save()
	// Keep has what was changed so far stay with the list even if the entry fails,
	// though only a later Save writes it: what releases before 2.1.15 do, which
	// keep a list's object from entry to entry.
	Keep()
	// Undo takes back what was changed in the list and in its request.pck since
	// they were last saved, as Mailman forgets them with a list that it locked and
	// did not save.
	Undo()
	// UndoAll is Undo for all lists of the transaction. Mail and pending records
	// are kept, because Mailman has let them go by then.
	UndoAll()
}

// Outbox takes what leaves with a transaction that is about no list.
type Outbox interface {
	// Enqueue adds a message for the queue of that usual name. The error is for a
	// message that cannot be pickled.
	Enqueue(queue string, m *message.Message, data *qfile.Data) error
	// Preserve keeps bytes that cannot be read, for a human, as NAME.pck in the
	// directory of entries that are preserved.
	Preserve(name string, b []byte)
	// Printf adds a line to one of Mailman's logs.
	Printf(log, format string, a ...any)
}

// Lists is a look at lists without their locks.
type Lists interface {
	// Site is the installation.
	Site() *site.Site
	// LastRead returns a list as it was when it was last read: nil if it has not
	// been read and its config.pck has more than limit bytes, or if it cannot be
	// read.
	LastRead(name string, limit int64) *maillist.List
	// Pended returns the record of a cookie in a list's pending.pck, as the file is
	// now; ok is false if there is none, or none that can be read.
	Pended(name, cookie string) (record pickle.Value, ok bool)
}
