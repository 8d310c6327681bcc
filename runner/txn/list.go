package txn

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
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner"
)

// list is one list of a transaction: the [runner.Batch] that a handler sees.
type list struct {
	tx        *Tx
	name      string
	list      *maillist.List
	lock      Lock       // nil while it is not locked
	files     identities // the files it was read from
	pend      *pending.DB
	reqs      *requests.DB
	save      bool               // the list will be saved
	saved     maillist.Savepoint // the state that Mailman's last Save of this list would have kept
	savedReqs requests.Savepoint // the same for reqs
	keepReqs  bool               // reqs was open at that save
}

// List is the list.
func (l *list) List() *maillist.List { return l.list }

// Pending is the list's pending.pck, read when first asked for.
func (l *list) Pending() (*pending.DB, error) {
	if l.pend == nil {
		db, err := pending.Open(l.list, pending.Options{Now: l.tx.env.Now, Rand: l.tx.env.Rand, Temp: l.tx.group.temp})
		if err != nil {
			return nil, err
		}
		l.pend = db
	}
	return l.pend, nil
}

// Requests is the list's request.pck, read when first asked for.
func (l *list) Requests() (*requests.DB, error) {
	if l.reqs == nil {
		db, err := requests.Open(l.list, requests.Options{Now: l.tx.env.Now, Temp: l.tx.group.temp, Removals: l.tx})
		if err != nil {
			return nil, err
		}
		l.reqs = db
	}
	return l.reqs, nil
}

// Site is the installation.
func (l *list) Site() *site.Site { return l.tx.env.Site }

// Texts are the installation's texts.
func (l *list) Texts() *i18n.Texts { return l.tx.env.Texts }

// Charsets is the installation's registry of mail charsets.
func (l *list) Charsets() *message.Charsets { return l.tx.env.Charsets }

// Now is the time, in the site's zone.
func (l *list) Now() time.Time { return l.tx.env.Now() }

// Rand gives the bytes that cookies and passwords are made of.
func (l *list) Rand() io.Reader { return l.tx.env.Rand }

// Enqueue adds a message to the outbox.
func (l *list) Enqueue(queue string, m *message.Message, data *qfile.Data) {
	if _, err := l.tx.enqueue(queue, m, data); err != nil {
		panic(err)
	}
}

// Log adds a line to one of Mailman's logs.
func (l *list) Log(log, format string, a ...any) { l.tx.Printf(log, format, a...) }

// Record adds a line to the site's events.
func (l *list) Record(line []byte) { l.tx.record(line) }

// With takes another list into the transaction.
func (l *list) With(name string) (runner.Batch, error) {
	other, err := l.tx.open(name)
	if err != nil {
		return nil, err
	}
	return other, nil
}

// Peek returns another list's state without its lock.
func (l *list) Peek(name string) (*maillist.List, error) { return l.tx.peek(name) }

// ListNames returns the names of all lists of the site.
func (l *list) ListNames() ([]string, error) { return maillist.ListNames(l.tx.env.Site, l.tx) }

// ListExists tells whether the site has a list of that name.
func (l *list) ListExists(name string) bool { return maillist.Exists(l.tx.env.Site, name, l.tx) }

// Save marks a point at which Mailman would save the list.
func (l *list) Save() {
	l.save = true
	l.Keep()
}

// Keep makes the changes so far stay with the list.
func (l *list) Keep() {
	l.saved = l.list.Savepoint()
	if l.keepReqs = l.reqs != nil; l.keepReqs {
		l.savedReqs = l.reqs.Savepoint()
	}
}

// Undo takes back what was changed since the list was last saved.
func (l *list) Undo() {
	l.list.Rollback(l.saved)
	if !l.keepReqs {
		l.reqs = nil
	} else {
		l.reqs.Rollback(l.savedReqs)
	}
}

// UndoAll is the transaction's Undo, for one of several steps that a batch makes at its end.
func (l *list) UndoAll() { l.tx.Undo() }

// stage writes the changed files of the list under temporary names.
func (l *list) stage() (files []stage.File, err error) {
	add := func(more []stage.File, err error) error {
		files = append(files, more...)
		return err
	}

	if l.save {
		if err := add(l.list.Stage()); err != nil {
			return files, err
		}
	}

	if l.pend != nil {
		if err := add(l.pend.Stage()); err != nil {
			return files, err
		}
	}

	if l.save && l.keepReqs {
		return files, add(l.reqs.Stage())
	}

	return files, nil
}

// published makes the list in memory stand for the config.pck that was renamed, while the list's lock is still held.
// It returns false if the list must be read again instead: changes that Mailman would not have saved must not reach
// the next transaction.
func (l *list) published() bool { return l.save && l.list.Published() == nil }
