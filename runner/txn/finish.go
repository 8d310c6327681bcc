package txn

import (
	"context"
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

// recover finishes those transactions of a dead process that were committed. It returns how many they are, and
// the transactions that are to be undone. marked has the numbers of transactions that the work file says were
// committed.
func (r *Record) recover(ctx context.Context, env *Env, marked map[int]bool) (finished int, undone []*Commit, err error) {
	var done []*Commit
	var errs []error
	entries := 0
	// The list files first, each list under its lock. One list's problem leaves the others to be finished.
	for i, c := range r.Commits {
		c.marked = c.marked || marked[i+1]
		begun, err := c.begun()
		if err == nil && (begun || c.marked) {
			begun, err = c.recoverFiles(ctx, env, r)
		}

		if err != nil {
			errs = append(errs, err)
		} else if begun {
			done = append(done, c)
			entries += len(c.Entries) + len(c.Preserved)
		} else {
			undone = append(undone, c)
		}
	}

	// Nothing was committed, so nothing has to leave.
	if len(done) == 0 {
		return 0, undone, errors.Join(errs...)
	}

	// Then the steps of Group.Complete, for all lists together: the outbox, the log lines, the entries.
	var outbox []stage.File
	for _, c := range done {
		outbox = append(outbox, c.Outbox...)
	}
	if err := publishOutbox(outbox); err != nil {
		return 0, nil, err
	}
	if err := finishLogs(env.Log, done); err != nil {
		return 0, nil, err
	}
	if err := letGo(r.Queue, r.Bad, done); err != nil {
		return 0, nil, err
	}

	env.Log.Printf("qrunner", "mmrunner: finished what process %d began: %d entries of %s", r.PID, entries, r.Runner)
	return len(done), undone, errors.Join(errs...)
}

// recoverFiles renames a committed transaction's list files, under the locks of its lists. It returns false if the
// transaction is to be undone.
func (c *Commit) recoverFiles(ctx context.Context, env *Env, r *Record) (ok bool, err error) {
	left, err := c.left()
	if err != nil {
		return false, err
	}

	// Files that have their names may not have been dated yet, which the lock shows: it is given up after that.
	locked, err := c.stillLocked(env, r)
	if err != nil {
		return false, err
	}
	if len(left) == 0 && !locked {
		return true, nil
	}

	// A reader must not see a list of which half is saved, so the locks come first.
	locks, err := c.takeOver(ctx, env, r)
	defer func() {
		for _, l := range locks {
			err = errors.Join(err, l.Unlock(true))
		}
	}()

	if err != nil {
		return false, err
	}

	return c.finishFiles(env)
}

// stillLocked tells whether the dead process still has the lock of one of the lists: no process has read that list
// under its lock since.
func (c *Commit) stillLocked(env *Env, r *Record) (bool, error) {
	for _, name := range c.Locks {
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
func (r *Record) holds(env *Env, holder *lockfile.Claim) bool {
	return holder != nil && holder.Host == env.Host() && holder.Host == r.Host && holder.PID == r.PID
}

// takeOver returns the locks of a transaction's lists. Locks that the dead process still has are taken over, so that no
// process sees a list half saved. The other lists are locked anew, also where a host of another name holds a lock whose
// time is over.
func (c *Commit) takeOver(ctx context.Context, env *Env, r *Record) (locks []Lock, err error) {
	for _, name := range c.Locks {
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

		// The dead process has it still.
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

		// No process has the lock, or another one that died: break that, and wait for the lock as usual.
		if _, err := lockfile.BreakOwnDead(ctx, path, o); err != nil {
			return locks, err
		}
		l, err := env.Take(ctx, name, env.LockTimeout)
		if err != nil {
			return locks, err
		}

		locks = append(locks, l)
	}

	return locks, nil
}
