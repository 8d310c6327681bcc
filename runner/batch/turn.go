package batch

import (
	"context"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// Turn is one commit in the making. It is for one goroutine.
type Turn struct {
	ctx     context.Context
	env     *Env
	batches []*Batch // in the order in which their lists were locked
	outbox  []outgoing
	lines   []mlog.Line
	peeked  map[string]*maillist.List
	locked  time.Time // when the first lock was had
}

// outgoing is one entry for another queue.
type outgoing struct {
	dir  string
	base string
	body []byte
}

// Begin starts a turn for a list and takes its lock. The error is
// lockfile.ErrTimeout, maillist.Open's, or the file system's; nothing is left
// locked then.
func Begin(ctx context.Context, env *Env, name string) (*Turn, *Batch, error) {
	t := &Turn{ctx: ctx, env: env, peeked: map[string]*maillist.List{}}
	b, err := t.open(name)
	if err != nil {
		return nil, nil, err
	}
	return t, b, nil
}

// open locks a list and loads it, or returns it if this turn has it already.
func (t *Turn) open(name string) (*Batch, error) {
	for _, b := range t.batches {
		if b.list.Name() == name {
			return b, nil
		}
	}
	take := t.env.Lock
	if take == nil {
		take = t.env.lockFile
	}
	lock, err := take(t.ctx, name)
	if err != nil {
		return nil, err
	}
	if len(t.batches) == 0 {
		t.locked = time.Now()
	}
	l, err := t.env.Lists.Get(name, t.listOptions(true))
	if err != nil {
		lock.Unlock(true)
		return nil, err
	}
	b := &Batch{turn: t, list: l, lock: lock}
	b.saved = l.Savepoint()
	t.batches = append(t.batches, b)
	return b, nil
}

func (t *Turn) listOptions(held bool) maillist.Options {
	return maillist.Options{Log: t, Now: t.env.Now, Rand: t.env.Rand, Held: held, Other: t.peek}
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
	if l := t.peeked[name]; l != nil {
		return l, nil
	}
	l, err := maillist.Open(t.env.Site, name, t.listOptions(false))
	if err == nil {
		t.peeked[name] = l
	}
	return l, err
}

// Printf adds a log line; it is written when the commit is published.
func (t *Turn) Printf(log, format string, a ...any) {
	t.lines = append(t.lines, mlog.Line{Log: log, Text: fmt.Sprintf(format, a...), At: t.env.Now()})
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

// Locked is when the first list's lock was had.
func (t *Turn) Locked() time.Time { return t.locked }

// Abort gives all locks back and forgets what was changed: the lists' files are
// as they were, and no mail and no log line leaves.
func (t *Turn) Abort() error {
	for _, b := range t.batches {
		// What is in memory is no longer what is in the file.
		t.env.Lists.Forget(b.list.Name())
	}
	return t.unlock()
}

func (t *Turn) unlock() error {
	var first error
	for i := len(t.batches) - 1; i >= 0; i-- {
		if err := t.batches[i].lock.Unlock(true); err != nil && first == nil {
			first = err
		}
	}
	t.batches = nil
	return first
}
