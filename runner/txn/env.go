package txn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/events"
)

// Env is shared by all transactions of a process.
type Env struct {
	Site     *site.Site
	Texts    *i18n.Texts
	Charsets *message.Charsets
	Log      *mlog.Set
	Now      func() time.Time
	Rand     io.Reader
	// Lists keeps lists loaded from one transaction to the next.
	Lists *Lists
	// LockTimeout is how long to wait for a list's lock: LIST_LOCK_TIMEOUT.
	LockTimeout time.Duration
	// Lock takes a list's lock, and waits for it for up to wait; nil means LockFile's protocol in the site's
	// LOCK_DIR.
	Lock func(ctx context.Context, name string, wait time.Duration) (Lock, error)

	mu    sync.Mutex
	stuck []Lock // locks that could not be given back
}

// NewEnv makes what transactions on a site share: its texts, logs, clock and lists.
func NewEnv(s *site.Site) *Env {
	logs := mlog.Open(s.LogDir())
	logs.Limit(events.Log, events.File(s.DataDir()))

	env := &Env{
		Site:        s,
		Texts:       i18n.New(s, func(format string, a ...any) { logs.Printf("error", "%s", fmt.Sprintf(format, a...)) }),
		Charsets:    message.SiteCharsets(s.Profile.Charsets),
		Log:         logs,
		Now:         time.Now,
		Rand:        rand.Reader,
		LockTimeout: s.Duration("LIST_LOCK_TIMEOUT"),
	}

	env.Lists = newLists(env)
	return env
}

// Fork returns an Env of the same site for another goroutine, with a list cache of its own.
func (env *Env) Fork() *Env {
	fork := &Env{
		Site: env.Site, Texts: env.Texts, Charsets: env.Charsets, Log: env.Log, Now: env.Now, Rand: env.Rand,
		LockTimeout: env.LockTimeout, Lock: env.Lock,
	}
	fork.Lists = newLists(fork)
	return fork
}

// Take takes a list's lock. The error is lockfile.ErrTimeout, or that of ctx or of the file system.
func (env *Env) Take(ctx context.Context, name string, wait time.Duration) (Lock, error) {
	if env.Lock != nil {
		return env.Lock(ctx, name, wait)
	}
	return env.LockFile(ctx, name, wait)
}

// LockFile takes a list's lock as MailList.Lock does.
func (env *Env) LockFile(ctx context.Context, name string, wait time.Duration) (*lockfile.Lock, error) {
	l, err := lockfile.New(maillist.LockPath(env.Site, name), lockfile.Options{
		Lifetime: env.Site.Duration("LIST_LOCK_LIFETIME"),
		Log:      func(line string) { env.Log.Printf("locks", "%s", line) },
	})
	if err != nil {
		return nil, err
	}
	if err := l.Lock(ctx, wait); err != nil {
		return nil, err
	}
	return l, nil
}

// AnInstant as the time to wait means a single attempt.
const AnInstant = time.Nanosecond

// unlock gives a list's lock back, now or as soon as possible: as long as this process lives, no other process may
// break the lock.
func (env *Env) unlock(l *list) {
	if l.lock == nil {
		return
	}

	if err := l.lock.Unlock(true); err != nil {
		env.Log.Printf("error", "list %s: %v", l.name, err)
		env.mu.Lock()
		env.stuck = append(env.stuck, l.lock)
		env.mu.Unlock()
	}

	l.lock = nil
}

// Unlock gives back locks that could not be given back before. The error says which of them still cannot.
func (env *Env) Unlock() error {
	var errs []error
	env.stuck = slices.DeleteFunc(env.stuck, func(l Lock) bool {
		err := l.Unlock(true)
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(errs...)
}

// Host is the name of this host in the names of locks and temporary files, as socket.gethostname() gives it.
func (env *Env) Host() string {
	// Without a name all works as well, on one host.
	host, _ := os.Hostname()
	return host
}

// Lock is a list's lock that is held.
type Lock interface {
	// Renew dates the lock anew, and tells whether it is still ours.
	Renew() (bool, error)
	// Unlock gives the lock back; with unconditionally it does so even where another process has broken it.
	Unlock(unconditionally bool) error
}

// Lists keeps loaded lists. It is for one goroutine at a time, except for Forget.
type Lists struct {
	env    *Env
	mu     sync.Mutex
	loaded listCache
	pended *pended
	// published are the inodes of the config.pck files that this process has made.
	published map[string]uint64
}

// newLists returns an empty store for env.
func newLists(env *Env) *Lists { return &Lists{env: env, published: map[string]uint64{}} }

// Site is the installation.
func (s *Lists) Site() *site.Site { return s.env.Site }

// Get returns a list as its file is now. The file is read again only if it has changed. Errors are those of
// maillist.Open.
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

// Prepare reads a list before its lock is taken, so that the lock need not be held while megabytes are read: Get then
// finds the list unchanged. Get reports and logs what is wrong with the list.
func (s *Lists) Prepare(name string) {
	if s.loaded.get(name) != nil || !maillist.Exists(s.env.Site, name, silent{}) {
		return
	}
	if l, err := maillist.Open(s.env.Site, name, maillist.Options{Log: silent{}, Now: s.env.Now, Rand: s.env.Rand}); err == nil {
		s.loaded.put(name, l)
	}
}

// LastRead returns a list for a look at its settings, as it was when it was last read. It returns nil if the list has
// not been read and its config.pck has more than limit bytes, or if it cannot be read.
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

// Pended returns the record of a cookie in a list's pending.pck, as the file is now. ok is false where there is no such
// record, or none that can be read.
func (s *Lists) Pended(name, cookie string) (record pickle.Value, ok bool) {
	file := filepath.Join(maillist.ListPath(s.env.Site, name), "pending.pck")
	id, err := stage.Identify(file)
	if err != nil {
		return nil, false
	}

	// The database is kept from one question to the next as long as the file is the same.
	if s.pended == nil || s.pended.list != name || s.pended.id != id {
		s.pended = nil
		l := s.LastRead(name, math.MaxInt64)
		if l == nil {
			return nil, false
		}

		db, err := pending.Open(l, pending.Options{Now: s.env.Now, Rand: s.env.Rand})
		if err != nil {
			return nil, false
		}
		s.pended = &pended{name, id, db}
	}

	// A record that cannot be decoded panics.
	if runner.Guard(func() error { record, ok = s.pended.db.Peek(cookie); return nil }) != nil {
		return nil, false
	}

	return record, ok
}

// ForgetPended frees what Pended keeps in memory.
func (s *Lists) ForgetPended() { s.pended = nil }

// pended is the pending.pck of the last question.
type pended struct {
	list string
	id   stage.Identity
	db   *pending.DB
}

// FileSize returns the size of a list's config.pck, 0 if the file cannot be seen.
func (s *Lists) FileSize(name string) int64 {
	if l := s.loaded.get(name); l != nil {
		return l.Size()
	}
	info, err := disk.Stat(filepath.Join(maillist.ListPath(s.env.Site, name), "config.pck"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// SavedElsewhere tells whether another process has saved a list less than ago ago.
func (s *Lists) SavedElsewhere(name string, ago time.Duration) bool {
	id, err := stage.Identify(filepath.Join(maillist.ListPath(s.env.Site, name), "config.pck"))
	if err != nil || time.Since(time.Unix(0, id.Mtime)) > ago {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.published[name] != id.Ino
}

// notePublished remembers that this process has written a list's config.pck.
func (s *Lists) notePublished(name string, id stage.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published[name] = id.Ino
}

// silent is the log of an attempt that will be repeated, and logged then.
type silent struct{}

func (silent) Printf(string, string, ...any) {}

// Forget drops a list, so that its memory is free and its state read anew.
func (s *Lists) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded.drop(name)
}
