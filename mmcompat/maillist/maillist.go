// Package maillist is the state of one list ([List]): config.pck as Mailman's MailList object has it. It has
// settings, members, addresses, URLs and bans, loading with all of Mailman's fallbacks and repairs, and saving.
//
// Methods are named after those of Mailman/MailList.py and Mailman/OldStyleMemberships.py, and behave like them, in
// releases 2.1.14 to 2.1.39. runner/membership has what Mailman decides on top of state (policies, notices, mail).
//
// A list of 138,000 members has 20 MB of state, of which one batch changes little: the state stays pickled, and
// members are looked up in an index of it. A List is not safe for concurrent use.
package maillist

import (
	"crypto/rand"
	"io"
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// Options are a List's clock, log and other services.
type Options struct {
	Log  mlog.Logger      // Mailman's log lines ("error", "vette", "mischief"); nil discards them
	Now  func() time.Time // nil means time.Now
	Rand io.Reader        // for made-up passwords; nil means crypto/rand

	// Held tells that the caller holds the list's lock. A damaged config.pck is repaired only under the lock.
	Held bool
	// Lock takes the lock for a repair where it is not Held, and returns the function that gives it back. Where Lock
	// is nil too, config.pck.last is used, and the repair is left to the next process with the lock.
	Lock func() (unlock func() error, err error)
	// Other opens another list without its lock, for @listname references.
	// nil means Open with the same options.
	Other func(name string) (*List, error)

	Hostname string // for the temporary file's name; "" means os.Hostname
	PID      int    // the same; 0 means os.Getpid
	// Temp stands for both, where one process may write several such files at a time; "" means Mailman's name.
	Temp string
}

// List is the state of one mailing list.
type List struct {
	site  *site.Site
	name  string
	path  string
	o     Options
	doc   *pickle.Document
	views map[string]*pickle.DictView
	id    stage.Identity // the identity of the config.pck that doc was read from

	patterns map[string]*pyre.Regexp // compiled, of ban_list and the like
}

// Open loads a list. The error is ErrUnknownList, ErrCorruptList, an ErrNeedsPython, an AttributeError or the file
// system's. Repairs and log lines for a damaged config.pck are those of Mailman.
func Open(s *site.Site, name string, o Options) (*List, error) {
	l := &List{
		site:     s,
		name:     name,
		path:     ListPath(s, name),
		views:    map[string]*pickle.DictView{},
		patterns: map[string]*pyre.Regexp{},
	}

	l.SetOptions(o)
	if err := l.load(); err != nil {
		return nil, err
	}
	return l, nil
}

// SetOptions replaces the options, for example when the list's lock is taken or the log lines of the next batch go
// elsewhere.
func (l *List) SetOptions(o Options) {
	if o.Log == nil {
		o.Log = discard{}
	}

	if o.Now == nil {
		o.Now = time.Now
	}

	if o.Rand == nil {
		o.Rand = rand.Reader
	}

	if o.PID == 0 {
		o.PID = os.Getpid()
	}

	l.o = o
}

type discard struct{}

func (discard) Printf(string, string, ...any) {}

// Seconds is a moment as Python's time.time() gives it: seconds since 1970, to
// the microsecond.
func Seconds(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond()/1000)*1e-6
}

// Savepoint marks the present state, for Rollback.
type Savepoint = pickle.Savepoint

// Savepoint marks the present state. Savepoints nest.
func (l *List) Savepoint() Savepoint { return l.doc.Savepoint() }

// Rollback takes back all changes since sp: so does Mailman when it drops a list object that was not saved.
func (l *List) Rollback(sp Savepoint) {
	l.doc.Rollback(sp)
	clear(l.views)
}

// Changed tells whether the state differs from the file.
func (l *List) Changed() bool { return l.doc.Changed() }

func (l *List) now() time.Time { return l.o.Now() }
