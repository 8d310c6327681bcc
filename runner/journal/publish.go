package journal

import (
	"context"
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// ErrUndo says that a list has changed since a commit began, which must be undone.
var ErrUndo = errors.New("the list has changed")

// Publish puts the list files that are left in their places, for a process that
// could not do so at first and still holds the locks. ErrUndo can only come of
// somebody who broke them.
func (r *Record) Publish(env *txn.Env) error {
	ok, err := r.publish(env)
	if err == nil && !ok {
		err = ErrUndo
	}
	return err
}

// publish puts the list files that are left in their places. It returns false,
// and has done nothing, if none was before and a list has changed since: then
// the commit is to be undone.
func (r *Record) publish(env *txn.Env) (ok bool, err error) {
	left, err := r.unpublished()
	if err != nil {
		return false, err
	}
	isLeft := map[string]bool{}
	for _, i := range left {
		isLeft[r.Files[i].Final] = true
	}
	begun, err := r.leaving()
	if err != nil {
		return false, err
	}
	for _, f := range r.Files {
		begun = begun || f.Tmp != "" && !isLeft[f.Final]
	}
	if !begun {
		for path := range r.From {
			if same, err := r.unchanged(path); !same || err != nil {
				return false, err
			}
		}
	}
	for _, i := range left {
		f := r.Files[i]
		if begun && f.Tmp != "" {
			if there, err := exists(f.Tmp); err != nil {
				return false, err
			} else if !there {
				continue // it went with its list
			}
			same, err := r.unchanged(f.Final)
			if err != nil {
				return false, err
			}
			if !same {
				// The lock was broken by somebody between two of our renames, and he saved.
				env.Log.Printf("error", "%s was changed by another process while its list was being saved; that change stands", f.Final)
				continue
			}
		}
		if err := f.Publish(); err != nil {
			return false, err
		}
	}
	for _, f := range r.Files {
		// A process that died may not have come to that.
		if f.Tmp == "" {
			continue
		}
		if err := f.Date(); err != nil {
			return false, err
		}
	}
	return true, txn.SyncDirs(r.Files)
}

// leaving tells whether any of the outbox has left.
func (r *Record) leaving() (bool, error) {
	for _, f := range r.Outbox {
		if there, err := exists(f.Tmp); !there || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// unchanged tells whether a file of list state is the one the commit began from.
func (r *Record) unchanged(path string) (bool, error) {
	was := r.From[path]
	now, err := stage.Identify(path)
	if err := ignoreMissing(err); err != nil {
		return false, err
	}
	// The device may have another number after a reboot, and config.pck.last is a
	// link, which changes the ctime.
	return was.Ino == now.Ino && was.Size == now.Size && was.Mtime == now.Mtime, nil
}

// stillLocked tells whether the dead process has the lock of one of the lists:
// nobody has read that list under its lock since.
func (r *Record) stillLocked(env *txn.Env) (bool, error) {
	for _, name := range r.Locks {
		holder, err := lockfile.Holder(maillist.LockPath(env.Site, name))
		if err != nil {
			return false, err
		}
		if r.holds(env, holder) {
			return true, nil
		}
	}
	return false, nil
}

// holds tells whether a lock's holder is the dead process.
func (r *Record) holds(env *txn.Env, holder *lockfile.Claim) bool {
	return holder != nil && holder.Host == env.Host() && holder.Host == r.Host && holder.PID == r.PID
}

// inherit returns the locks of the commit's lists: those that the dead process
// still has are taken over, so that nobody sees a list half saved, and the
// others are taken: so are those of a host of another name, when their time is over.
func (r *Record) inherit(ctx context.Context, env *txn.Env) (locks []txn.Lock, err error) {
	for _, name := range r.Locks {
		path := maillist.LockPath(env.Site, name)
		o := lockfile.Options{
			Guard:    lockfile.GuardFile(env.Site.DataDir()),
			Lifetime: env.Site.Duration("LIST_LOCK_LIFETIME"),
			Log:      func(line string) { env.Log.Printf("locks", "%s", line) },
		}
		holder, err := lockfile.Holder(path)
		if err != nil {
			return locks, err
		}
		if r.holds(env, holder) {
			l, err := lockfile.TakeOver(ctx, path, *holder, o)
			if err != nil {
				return locks, err
			}
			if l != nil {
				locks = append(locks, l)
				continue
			}
		}
		if _, err := lockfile.BreakOwnDead(ctx, path, o); err != nil {
			return locks, err
		}
		l, err := env.Take(ctx, name)
		if err != nil {
			return locks, err
		}
		locks = append(locks, l)
	}
	return locks, nil
}
