package txn

import (
	"io"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/requests"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/text"
	"github.com/mmrunner/mmrunner/runner"
)

// Batch is one list of a turn, and the world as an entry of that list may
// see it.
type Batch struct {
	turn  *Turn
	name  string
	list  *maillist.List
	lock  Lock  // nil until the turn is secured, unless it is eager
	files state // what the list was read from
	pend  *pending.DB
	// pendStaged tells that pend has a file to be published.
	pendStaged bool
	reqs       *requests.DB
	save       bool               // the list is to be saved
	saved      maillist.Savepoint // what Mailman's last Save of this list would have kept
	savedReqs  requests.Savepoint // the same for reqs
	keepReqs   bool               // reqs was open at that save
}

// List is the list.
func (b *Batch) List() *maillist.List { return b.list }

// Pending is the list's pending.pck, read when first asked for. Errors are
// pending.Open's.
func (b *Batch) Pending() (*pending.DB, error) {
	if b.pend == nil {
		db, err := pending.Open(b.list, pending.Options{Now: b.turn.env.Now, Rand: b.turn.env.Rand, Temp: b.turn.temp})
		if err != nil {
			return nil, err
		}
		b.pend = db
	}
	return b.pend, nil
}

// Requests is the list's request.pck, read when first asked for. Errors are
// requests.Open's.
func (b *Batch) Requests() (*requests.DB, error) {
	if b.reqs == nil {
		db, err := requests.Open(b.list, requests.Options{Now: b.turn.env.Now, Temp: b.turn.temp, Removals: b.turn})
		if err != nil {
			return nil, err
		}
		b.reqs = db
	}
	return b.reqs, nil
}

// Site is the installation.
func (b *Batch) Site() *site.Site { return b.turn.env.Site }

// Texts are the installation's texts.
func (b *Batch) Texts() *text.Texts { return b.turn.env.Texts }

// Charsets is the installation's registry of mail charsets.
func (b *Batch) Charsets() *message.Charsets { return b.turn.env.Charsets }

// Now is the time, in the site's zone.
func (b *Batch) Now() time.Time { return b.turn.env.Now() }

// Rand gives the bytes that cookies and passwords are made of.
func (b *Batch) Rand() io.Reader { return b.turn.env.Rand }

// Enqueue adds a message to the outbox, for the queue of that usual name ("out",
// "virgin", "in", ...). A message that cannot be pickled panics, as pickling it
// would raise in Python: the entry at hand fails.
func (b *Batch) Enqueue(queue string, m *message.Message, data *qfile.Data) {
	if _, err := b.turn.enqueue(queue, m, data); err != nil {
		panic(err)
	}
}

// Log adds a line to one of Mailman's logs; it is written with the commit.
func (b *Batch) Log(log, format string, a ...any) { b.turn.Printf(log, format, a...) }

// Record adds a line to the site's events; it is written with the commit.
func (b *Batch) Record(line string) { b.turn.record(line) }

// With takes another list into this turn, which then commits, and locks, both. The same list twice is the same
// Batch. Errors are Begin's.
func (b *Batch) With(name string) (runner.Batch, error) {
	other, err := b.turn.open(name)
	if err != nil {
		return nil, err
	}
	return other, nil
}

// Peek returns another list's state without its lock, to be read only. Errors
// are maillist.Open's.
func (b *Batch) Peek(name string) (*maillist.List, error) { return b.turn.peek(name) }

// ListNames returns the names of all lists of the site.
func (b *Batch) ListNames() ([]string, error) {
	return maillist.ListNames(b.turn.env.Site, b.turn)
}

// ListExists tells whether the site has a list of that name.
func (b *Batch) ListExists(name string) bool {
	return maillist.Exists(b.turn.env.Site, name, b.turn)
}

// Save marks where Mailman would save the list: what was changed so far is kept
// even if the entry fails later.
func (b *Batch) Save() {
	b.save = true
	b.Keep()
}

// Keep has what was changed so far stay with the list even if the entry fails,
// though only a later Save writes it: what releases before 2.1.15 do, which
// keep a list's object from entry to entry.
func (b *Batch) Keep() {
	b.saved = b.list.Savepoint()
	if b.keepReqs = b.reqs != nil; b.keepReqs {
		b.savedReqs = b.reqs.Savepoint()
	}
}

// Undo takes back what was changed in the list and in its request.pck since
// they were last saved, as Mailman forgets them with a list that it locked and
// did not save.
func (b *Batch) Undo() {
	b.list.Rollback(b.saved)
	if !b.keepReqs {
		b.reqs = nil
	} else {
		b.reqs.Rollback(b.savedReqs)
	}
}

// UndoAll is the turn's Undo, for one of several things that a batch does at its
// end.
func (b *Batch) UndoAll() { b.turn.Undo() }

// Undo takes back what was changed in all lists of the turn since they were last
// saved. It is what happens to the list objects of an entry that fails; mail and
// pending records that it made before are kept, because Mailman has let them go
// by then.
func (t *Turn) Undo() {
	for _, b := range t.batches {
		b.Undo()
	}
}
