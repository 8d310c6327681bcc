package engine

import (
	"context"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// DefaultLockShare is the share of the time for which a list's lock is held at
// most, unless --lock-share says otherwise.
const DefaultLockShare = 0.5

const (
	// lookEvery is how long passes between two looks at those who wait. They poll
	// every 0.01 to 2.01 s (LockFile.__sleep).
	lookEvery = 20 * time.Millisecond
	// patience is how long a lock stands free for somebody who waits and does not
	// come: two of his longest polls. His process is stopped, or his host gone.
	patience = 4100 * time.Millisecond
)

// Courtesy takes lists' locks for an engine, and leaves them to others first:
// after a list's lock was let go it is not taken again before everybody who
// waited then has had a turn, and never for more than a share of the time.
// It is for one goroutine.
type Courtesy struct {
	env   *txn.Env
	share float64
	lists map[string]*debt
	// waited is for how long locks were waited for.
	waited time.Duration
}

// debt is what is owed to others after a lock was let go.
type debt struct {
	until   time.Time       // nobody takes more than his share
	waiters map[string]bool // claim files of those who waited then
	give    time.Time       // when those who do not come are given up
}

// NewCourtesy makes env take its locks with courtesy. share is above 0, and at
// most 1.
func NewCourtesy(env *txn.Env, share float64) *Courtesy {
	c := &Courtesy{env: env, share: share, lists: map[string]*debt{}}
	env.Lock = c.lock
	return c
}

// Ready is when a list's lock may be asked for: not after now, or the time at
// which to ask again.
func (c *Courtesy) Ready(name string, now time.Time) time.Time {
	d := c.lists[name]
	if d == nil {
		return now
	}
	if len(d.waiters) > 0 {
		path := maillist.LockPath(c.env.Site, name)
		if c.waiting(path, d); len(d.waiters) > 0 {
			// While somebody else has the lock, nobody can be late.
			if holder, err := lockfile.Holder(path); err == nil && holder != nil {
				d.give = now.Add(patience)
			}
			if now.Before(d.give) {
				return now.Add(lookEvery)
			}
		}
	}
	if now.Before(d.until) {
		return d.until
	}
	delete(c.lists, name)
	return now
}

// waiting forgets those who wait no longer.
func (c *Courtesy) waiting(path string, d *debt) {
	still, err := lockfile.Waiters(path, lockfile.Options{})
	if err != nil {
		d.waiters = nil
		return
	}
	left := map[string]bool{}
	for _, w := range still {
		if d.waiters[w.File] {
			left[w.File] = true
		}
	}
	d.waiters = left
}

// lock takes a list's lock as MailList.Lock does, when it is our turn.
func (c *Courtesy) lock(ctx context.Context, name string) (txn.Lock, error) {
	start := time.Now()
	defer func() { c.waited += time.Since(start) }()
	for {
		now := time.Now()
		wait := c.Ready(name, now).Sub(now)
		if wait <= 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	path := maillist.LockPath(c.env.Site, name)
	l, err := lockfile.New(path, lockfile.Options{
		Lifetime: c.env.Site.Duration("LIST_LOCK_LIFETIME"),
		Log:      func(line string) { c.env.Log.Printf("locks", "%s", line) },
	})
	if err != nil {
		return nil, err
	}
	if err := l.Lock(ctx, c.env.LockTimeout); err != nil {
		return nil, err
	}
	return &politeLock{Lock: l, c: c, name: name, since: time.Now()}, nil
}

// politeLock notes what is owed when it is let go.
type politeLock struct {
	*lockfile.Lock
	c     *Courtesy
	name  string
	since time.Time
}

func (l *politeLock) Unlock(unconditionally bool) error {
	held := time.Since(l.since)
	err := l.Lock.Unlock(unconditionally)
	now := time.Now()
	d := &debt{
		until: now.Add(time.Duration(float64(held) * (1 - l.c.share) / l.c.share)),
		give:  now.Add(patience),
	}
	// Asked after the lock is free: who lays a claim later finds it so.
	if waiters, err := lockfile.Waiters(l.Path(), lockfile.Options{}); err == nil && len(waiters) > 0 {
		d.waiters = map[string]bool{}
		for _, w := range waiters {
			d.waiters[w.File] = true
		}
	}
	l.c.lists[l.name] = d
	return err
}
