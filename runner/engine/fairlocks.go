package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// DefaultLockShare is the share of the time for which a list's lock is held at
// most, unless --lock-share says otherwise.
const DefaultLockShare = 0.5

const (
	// lookEvery is the time between two looks at the waiting processes. They poll every 0.01 to 2.01 s
	// (LockFile.__sleep).
	lookEvery = 20 * time.Millisecond
	// giveUpAfter is how long a lock stays free for a waiter that does not come: two of the longest polls. The
	// waiter's process is stopped then, or its host is gone.
	giveUpAfter = 4100 * time.Millisecond
)

// fairLocks takes lists' locks for an engine, and gives way to other processes: after a list's lock was given back,
// it is not taken again before each process that waited then has had it, and never for more than a share of the time.
type fairLocks struct {
	env   *txn.Env
	share float64
	mu    sync.Mutex
	lists map[string]*release
}

// release says how long a list's lock is left to other processes after it was given back.
type release struct {
	until   time.Time       // until then mmrunner would exceed its share
	waiters map[string]bool // claim files of the processes that waited then
	giveUp  time.Time       // when waiters that have not come are forgotten
}

// NewFairLocks makes env take its locks in this way. share is above 0, and at most 1.
func NewFairLocks(env *txn.Env, share float64) *fairLocks {
	f := &fairLocks{env: env, share: share, lists: map[string]*release{}}
	env.Lock = f.lock
	return f
}

// Ready returns when a list's lock may be asked for: now at the latest if it may be, or else the time to ask again.
func (f *fairLocks) Ready(name string, now time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.lists[name]
	if r == nil {
		return now
	}

	// Another process waited when this one gave the lock back. It goes first, unless it has given up.
	if len(r.waiters) > 0 {
		path := maillist.LockPath(f.env.Site, name)
		if r.forgetServed(path); len(r.waiters) > 0 {
			// While another process holds the lock, the waiters cannot have it, so the time to give up on them starts later.
			if holder, err := lockfile.Holder(path); err == nil && holder != nil {
				r.giveUp = now.Add(giveUpAfter)
			}

			if now.Before(r.giveUp) {
				return now.Add(lookEvery)
			}
		}
	}

	// The share of time in which mmrunner may hold the lock is used up for now.
	if now.Before(r.until) {
		return r.until
	}
	delete(f.lists, name)
	return now
}

// forgetServed forgets processes that do not wait any longer.
func (r *release) forgetServed(path string) {
	still, err := lockfile.Waiters(path, lockfile.Options{})
	if err != nil {
		r.waiters = nil
		return
	}

	left := map[string]bool{}
	for _, w := range still {
		if r.waiters[w.File] {
			left[w.File] = true
		}
	}

	r.waiters = left
}

// lock takes a list's lock as MailList.Lock does, once the waiting processes have had it. wait is how long it then
// waits for the lock. With AnInstant it does not wait for the other processes either.
func (f *fairLocks) lock(ctx context.Context, name string, wait time.Duration) (txn.Lock, error) {
	for {
		now := time.Now()
		others := f.Ready(name, now).Sub(now)
		if others <= 0 {
			break
		}
		if wait == txn.AnInstant {
			return nil, fmt.Errorf("list %s: %w: others wait for it", name, lockfile.ErrTimeout)
		}

		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(others):
		}
	}

	l, err := f.env.LockFile(ctx, name, wait)
	if err != nil {
		return nil, err
	}

	return &fairLock{Lock: l, f: f, name: name, since: time.Now()}, nil
}

// fairLock is a lock that notes the waiting processes when it is given back.
type fairLock struct {
	*lockfile.Lock
	f     *fairLocks
	name  string
	since time.Time
}

// Unlock gives the lock back.
func (l *fairLock) Unlock(unconditionally bool) error {
	held := time.Since(l.since)
	err := l.Lock.Unlock(unconditionally)
	now := time.Now()
	r := &release{
		until:  now.Add(time.Duration(float64(held) * (1 - l.f.share) / l.f.share)),
		giveUp: now.Add(giveUpAfter),
	}

	// The waiters are read after the lock is free: a process that lays its claim later finds it free.
	if waiters, err := lockfile.Waiters(l.Path(), lockfile.Options{}); err == nil && len(waiters) > 0 {
		r.waiters = map[string]bool{}
		for _, w := range waiters {
			r.waiters[w.File] = true
		}
	}

	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.f.lists[l.name] = r
	return err
}
