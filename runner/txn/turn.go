package txn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/events"
)

// Turn is one commit in the making. It is for one goroutine.
type Turn struct {
	ctx     context.Context
	env     *Env
	batches []*Batch // in the order in which their lists were locked
	outbox  []outgoing
	// removals are files that go with the commit.
	removals []string
	lines    []mlog.Line
	peeked   shelf
	locked   time.Time // when the first lock was had
	dated    time.Time // when its locks were refreshed, since
	stuck    []Lock    // those that could not be given back
	temp     string    // what the names of its temporary files end in

	reading bool // lists are only read, and never locked or saved
	eager   bool // locks are taken before lists are read
	loading bool // a list is being read without its lock
	doubt   bool // something shows that only the lock would tell
}

// outgoing is one entry for another queue.
type outgoing struct {
	dir  string
	base string
	body []byte
}

// Begin starts a turn for a list. Its lock is not taken before [Turn.Secure]:
// everything up to then is done with the list as it was read, and is done again
// if it has changed, so that nobody waits while a batch is worked out. A list
// that cannot be read so is locked at once. The error is a *LockError or
// maillist.Open's; the turn is over then, but for [Turn.Unlock] if there is one.
func Begin(ctx context.Context, env *Env, name string) (*Turn, *Batch, error) {
	t := Outside(ctx, env)
	b, err := t.open(name)
	if err == nil && !t.doubt {
		return t, b, nil
	}
	t.Abort()
	if errors.Is(err, maillist.ErrUnknownList) {
		// There is nothing to be locked, and such a name may not even do for a lock's.
		return nil, nil, err
	}
	t = Outside(ctx, env)
	t.eager = true
	if b, err = t.open(name); err != nil {
		return t, nil, err
	}
	return t, b, nil
}

// BeginReading starts a turn that only reads its lists, as they are when it looks:
// it takes no lock and saves nothing, whatever others save meanwhile. Only a list
// whose damaged config.pck has to be repaired is locked, as by [Begin]. Errors are
// Begin's.
func BeginReading(ctx context.Context, env *Env, name string) (*Turn, *Batch, error) {
	t := Outside(ctx, env)
	t.reading = true
	b, err := t.open(name)
	var needs *maillist.ErrNeedsPython
	switch {
	case err == nil && !t.doubt:
		return t, b, nil
	case errors.Is(err, maillist.ErrUnknownList), errors.As(err, &needs):
		return nil, nil, err
	}
	t.Forget()
	return Begin(ctx, env, name)
}

// Outside starts a turn for what belongs to no list, which only has an outbox and
// log lines.
func Outside(ctx context.Context, env *Env) *Turn {
	return &Turn{ctx: ctx, env: env, temp: fmt.Sprintf("%s.%d.%d", env.Host(), os.Getpid(), turns.Add(1))}
}

// Look opens a list as Mailman does for each entry, for what it logs of one that
// cannot be opened. The error is maillist.Open's.
func (t *Turn) Look(name string) error {
	_, err := maillist.Open(t.env.Site, name, t.listOptions(false))
	return err
}

// turns counts this process's turns, from a number on that no process had which
// had the same id before.
var turns atomic.Int64

func init() { turns.Store(time.Now().UnixMicro()) }

// Temp is what the names of this turn's temporary files end in, and no others.
func (t *Turn) Temp() string { return t.temp }

// open reads a list, or returns it if this turn has it already.
func (t *Turn) open(name string) (*Batch, error) {
	for _, b := range t.batches {
		if b.list.Name() == name {
			return b, nil
		}
	}
	b := &Batch{turn: t, name: name}
	if t.eager {
		if err := t.take(b); err != nil {
			return nil, err
		}
	}
	if err := t.load(b); err != nil {
		t.giveBack(b)
		return nil, err
	}
	t.batches = append(t.batches, b)
	return b, nil
}

// load reads a batch's list. Without its lock, what has to be logged or repaired
// is left to those who hold it.
func (t *Turn) load(b *Batch) error {
	t.loading = !t.eager
	if !t.eager {
		// Before it is read: what changes from now on shows.
		b.files = identify(t.env.Site, b.name)
	}
	l, err := t.env.Lists.Get(b.name, t.listOptions(t.eager))
	t.loading = false
	if err != nil {
		if !t.eager && !errors.Is(err, maillist.ErrUnknownList) {
			t.doubt = true
		}
		return err
	}
	if t.eager {
		// After it was repaired, if it had to be.
		b.files = identify(t.env.Site, b.name)
	}
	b.list = l
	b.saved = l.Savepoint()
	return nil
}

// take takes a batch's lock.
func (t *Turn) take(b *Batch) error {
	lock, err := t.env.Take(t.ctx, b.name)
	if err != nil {
		return &runner.LockError{Err: err}
	}
	if t.locked.IsZero() {
		t.locked = time.Now()
		t.dated = t.locked
	}
	b.lock = lock
	return nil
}

// longWait is how long a lock may be waited for by what was worked out before:
// its dates are to be those of its commit.
const longWait = 10 * time.Second

// Secure takes the locks of all lists of the turn that it does not have yet, and
// makes sure that the lists are as they were when they were read. It refreshes
// the locks, and notices one that was broken. runner.ErrChanged asks for [Turn.Again];
// lockfile.ErrTimeout and other errors for [Turn.Abort].
func (t *Turn) Secure() error {
	if t.reading {
		return nil
	}
	start := time.Now()
	for i, b := range t.batches {
		if b.lock == nil {
			if err := t.take(b); err != nil {
				if i > 0 && t.ctx.Err() == nil {
					// Not having another list's lock is the business of the entry that asks for it.
					return runner.ErrChanged
				}
				return err
			}
			if b.files != identify(t.env.Site, b.name) {
				return runner.ErrChanged
			}
		}
	}
	if err := t.Held(); err != nil {
		return err
	}
	if t.doubt || !t.eager && time.Since(start) > longWait {
		return runner.ErrChanged
	}
	return nil
}

// Held makes sure that all locks of the turn are still its own, and refreshes
// them. One that somebody has broken is ErrChanged.
func (t *Turn) Held() error {
	if t.reading {
		return nil
	}
	for _, b := range t.batches {
		held, err := b.lock.Held()
		if err == nil && !held {
			err = fmt.Errorf("%w: its lock was broken", runner.ErrChanged)
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", b.name, err)
		}
	}
	return nil
}

// Refresh dates the locks that the turn has anew when a quarter of
// LIST_LOCK_LIFETIME is over. It is for those who work under them for long; that
// one was broken shows in [Turn.Secure].
func (t *Turn) Refresh() {
	if t.locked.IsZero() || time.Since(t.dated) < t.env.Site.Duration("LIST_LOCK_LIFETIME")/4 {
		return
	}
	for _, b := range t.batches {
		if b.lock != nil {
			_, _ = b.lock.Held()
		}
	}
	t.dated = time.Now()
}

// giveBack gives a batch's lock back, now or with [Turn.Unlock].
func (t *Turn) giveBack(b *Batch) error {
	if b.lock == nil {
		return nil
	}
	err := b.lock.Unlock(true)
	if err != nil {
		t.stuck = append(t.stuck, b.lock)
	}
	b.lock = nil
	return err
}

// Again forgets all that the turn has made and begins it anew with its first
// list, whose lock is had from now on; further lists are locked as they come.
// After an error the turn is over, but for [Turn.Unlock].
func (t *Turn) Again() (*Batch, error) {
	first := t.batches[0]
	var errs []error
	for _, b := range t.batches[1:] {
		errs = append(errs, t.giveBack(b))
	}
	for _, b := range t.batches {
		t.env.Lists.Forget(b.name)
	}
	b := &Batch{turn: t, name: first.name, lock: first.lock}
	if b.lock != nil {
		if held, err := b.lock.Held(); !held || err != nil {
			errs = append(errs, t.giveBack(b))
		}
	}
	t.batches, t.outbox, t.lines, t.removals = []*Batch{b}, nil, nil, nil
	t.peeked = shelf{}
	t.eager, t.doubt = true, false
	if err := errors.Join(errs...); err != nil {
		return nil, err // who still has a lock would wait for himself
	}
	if b.lock == nil {
		if err := t.take(b); err != nil {
			return nil, err
		}
	}
	if err := t.load(b); err != nil {
		return nil, err
	}
	return b, nil
}

// state is what tells a list's state from a later one.
type state struct{ config, pending, requests stage.Identity }

// identify returns the present state of a list; a file that is not there, or
// cannot be seen, counts as an empty one.
func identify(s *site.Site, name string) state {
	dir := filepath.Join(s.ListDataDir(), name)
	of := func(file string) stage.Identity {
		id, _ := stage.Identify(filepath.Join(dir, file))
		return id
	}
	return state{of("config.pck"), of("pending.pck"), of("request.pck")}
}

// addTo names the files that a state is of.
func (s state) addTo(from map[string]stage.Identity, dir string) {
	from[filepath.Join(dir, "config.pck")] = s.config
	from[filepath.Join(dir, "pending.pck")] = s.pending
	from[filepath.Join(dir, "request.pck")] = s.requests
}

func (t *Turn) listOptions(held bool) maillist.Options {
	return maillist.Options{Log: t, Now: t.env.Now, Rand: t.env.Rand, Held: held, Other: t.peek, Temp: t.temp}
}

// Take takes a list's lock. The error is lockfile.ErrTimeout, ctx's or the file
// system's.
func (env *Env) Take(ctx context.Context, name string) (Lock, error) {
	if env.Lock != nil {
		return env.Lock(ctx, name)
	}
	return env.lockFile(ctx, name)
}

// lockFile takes a list's lock as MailList.Lock does.
func (env *Env) lockFile(ctx context.Context, name string) (Lock, error) {
	s := env.Site
	l, err := lockfile.New(maillist.LockPath(s, name), lockfile.Options{
		Lifetime: s.Duration("LIST_LOCK_LIFETIME"),
		Log:      func(line string) { env.Log.Printf("locks", "%s", line) },
	})
	if err != nil {
		return nil, err
	}
	if err := l.Lock(ctx, env.LockTimeout); err != nil {
		return nil, err
	}
	return l, nil
}

// peek returns a list without its lock: this turn's own state of it if it has
// one, else what its file holds, read once a turn.
func (t *Turn) peek(name string) (*maillist.List, error) {
	for _, b := range t.batches {
		if b.list.Name() == name {
			return b.list, nil
		}
	}
	if l := t.peeked.get(name); l != nil {
		return l, nil
	}
	l, err := maillist.Open(t.env.Site, name, t.listOptions(false))
	if err == nil {
		t.peeked.put(name, l)
	}
	return l, err
}

// Printf adds a log line; it is written when the commit is published.
func (t *Turn) Printf(log, format string, a ...any) {
	t.doubt = t.doubt || t.loading
	t.lines = append(t.lines, mlog.Line{Log: log, Text: fmt.Sprintf(format, a...), At: t.env.Now()})
}

// record adds a line to the site's events; it is written as log lines are.
func (t *Turn) record(line string) {
	t.lines = append(t.lines, mlog.Line{Log: events.Log, Text: line, At: t.env.Now(), Bare: true})
}

// Shunt adds an entry that failed to the outbox, for the shunt queue, and
// returns its base name. The error is for a message that cannot be pickled.
func (t *Turn) Shunt(m *message.Message, data *qfile.Data) (base string, err error) {
	return t.enqueue("shunt", m, data)
}

// enqueue adds an entry to the outbox.
func (t *Turn) enqueue(queue string, msg any, data *qfile.Data) (base string, err error) {
	base, body, err := qfile.Encode(msg, data, maillist.Seconds(t.env.Now()), t.env.Site.Profile.QfileSchemaVersion)
	if err != nil {
		return "", err
	}
	t.outbox = append(t.outbox, outgoing{t.env.Site.QueueDir(queue), base, body})
	return base, nil
}

// Locked is when the first list's lock was had; zero before that.
func (t *Turn) Locked() time.Time { return t.locked }

// Abort gives all locks back and forgets what was changed: the lists' files are
// as they were, and no mail and no log line leaves.
func (t *Turn) Abort() error {
	t.Forget() // what is in memory is no longer what is in the file
	return t.Unlock()
}

// Unlock gives all locks back. The turn is over. After an error it may be called
// again, for those that could not be given back.
func (t *Turn) Unlock() error {
	var errs []error
	t.stuck = slices.DeleteFunc(t.stuck, func(l Lock) bool {
		err := l.Unlock(true)
		errs = append(errs, err)
		return err == nil
	})
	var left []*Batch
	for _, b := range slices.Backward(t.batches) {
		if b.lock == nil {
			continue
		}
		if err := b.lock.Unlock(true); err != nil {
			errs = append(errs, err)
			left = append(left, b)
		}
	}
	t.batches = left
	return errors.Join(errs...)
}
