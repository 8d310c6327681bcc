package txn

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/text"
)

// Env is what turns share.
type Env struct {
	Site     *site.Site
	Texts    *text.Texts
	Charsets *message.Charsets
	Log      *mlog.Set
	Now      func() time.Time
	Rand     io.Reader
	// Lists keeps lists loaded from one turn to the next.
	Lists *Lists
	// LockTimeout is how long a list's lock is waited for.
	LockTimeout time.Duration
	// Lock takes a list's lock; nil means the site's own, by LockFile's protocol.
	Lock func(ctx context.Context, name string) (Lock, error)
}

// Host is the name by which this host's locks and temporary files go, as
// socket.gethostname() gives it.
func (env *Env) Host() string {
	// A name that cannot be had makes no difference on one host.
	host, _ := os.Hostname()
	return host
}

// Lock is a list's lock in hand.
type Lock interface {
	// Held tells whether the lock is still ours, and refreshes it.
	Held() (bool, error)
	// Unlock gives it back; unconditionally even if somebody broke it.
	Unlock(unconditionally bool) error
}

// Lists keeps loaded lists. It is for one goroutine at a time.
type Lists struct {
	env    *Env
	loaded shelf
}

// NewLists returns an empty store for env.
func NewLists(env *Env) *Lists { return &Lists{env: env} }

// Site is the installation.
func (s *Lists) Site() *site.Site { return s.env.Site }

// Get returns a list as its file has it now, read again only if that has
// changed. Errors are maillist.Open's.
func (s *Lists) Get(name string, o maillist.Options) (*maillist.List, error) {
	if l := s.loaded.get(name); l != nil {
		l.SetOptions(o)
		if _, err := l.Reload(); err != nil {
			s.Forget(name)
			return nil, err
		}
		return l, nil
	}
	l, err := maillist.Open(s.env.Site, name, o)
	if err != nil {
		return nil, err
	}
	s.loaded.put(name, l)
	return l, nil
}

// Prepare reads a list before its lock is taken, so that the lock need not be
// held while megabytes are read: Get then finds it unchanged. What is wrong with
// the list shows, and is logged, when Get comes to it.
func (s *Lists) Prepare(name string) {
	if s.loaded.get(name) != nil || !maillist.Exists(s.env.Site, name, silent{}) {
		return
	}
	if l, err := maillist.Open(s.env.Site, name, maillist.Options{Log: silent{}, Now: s.env.Now, Rand: s.env.Rand}); err == nil {
		s.loaded.put(name, l)
	}
}

// LastRead returns a list for a look at its settings, as it was when it was last
// read: nil if it has not been read and its config.pck has more than limit bytes,
// or if it cannot be read.
func (s *Lists) LastRead(name string, limit int64) *maillist.List {
	if l := s.loaded.get(name); l != nil {
		return l
	}
	st, err := disk.Stat(filepath.Join(maillist.ListPath(s.env.Site, name), "config.pck"))
	if err != nil || st.Size() > limit {
		return nil
	}
	s.Prepare(name)
	return s.loaded.get(name)
}

// silent is a log for what will be done again, and logged then.
type silent struct{}

func (silent) Printf(string, string, ...any) {}

// Forget drops a list, so that its memory is free and its state read anew.
func (s *Lists) Forget(name string) { s.loaded.drop(name) }
