package lockfile

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/hostlock"
	"github.com/mmrunner/mmrunner/mmcompat/proc"
)

// GuardFile is the file in DATA_DIR that lets one process at a time break the locks of dead processes, see
// Options.Guard.
func GuardFile(dataDir string) string { return filepath.Join(dataDir, "mmrunner-breaking.lock") }

// guardTime is how long another process may take to break locks. It needs milliseconds.
const guardTime = 10 * time.Second

// guard waits for other mmrunner processes of this host that break locks of dead processes. Two processes that start
// together must not both find a lock dead: the slower one could break the lock that a third process has taken after
// the faster one. The returned function admits the next process. The error is that of ctx, or hostlock.ErrBusy.
func (o Options) guard(ctx context.Context) (release func() error, err error) {
	if o.Guard == "" {
		return func() error { return nil }, nil
	}
	l, err := hostlock.Wait(ctx, o.Guard, guardTime)
	if err != nil {
		return nil, err
	}
	return l.Close, nil
}

// BreakOwnDead removes the lock at lockpath, whatever its release time, if it belongs to a mmrunner process of this
// host that has ended. It returns the broken claim, or nil. Locks of Python processes stand until their lifetime is
// over, and so do locks of other hosts, whose processes cannot be seen from here.
func BreakOwnDead(ctx context.Context, lockpath string, o Options) (*Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}

	l := &Lock{path: lockpath, o: o}
	if c, err := Holder(lockpath); c == nil || err != nil || !l.ownDead(*c) {
		return nil, err
	}
	release, err := o.guard(ctx)
	if err != nil {
		return nil, err
	}
	defer release()

	return l.breakDead(l.ownDead)
}

// breakDead breaks the lock if its holder's claim belongs to a dead process. The caller has the guard.
func (l *Lock) breakDead(dead func(Claim) bool) (*Claim, error) {
	c, err := Holder(l.path)
	if c == nil || err != nil || !dead(*c) {
		return nil, err
	}

	// A dead process's lock can only get another holder when it is broken, which other processes may do only after
	// its lifetime.
	if err := l.removeLock(c.File); err != nil {
		return nil, err
	}
	l.o.Log(l.line("breaking, its process is gone: %s", filepath.Base(c.File)))
	return c, nil
}

// TakeOver makes the lock at lockpath ours that the process of the claim dead had when it died, for a process that
// finishes its work: the lock is never free meanwhile. The caller knows that the process is gone. Another process, of
// Python's or ours, may have its id since, and keeps its lock. TakeOver returns nil if another process has the lock by
// now, or none, and also for a lock of this process itself.
func TakeOver(ctx context.Context, lockpath string, dead Claim, o Options) (*Lock, error) {
	l, err := New(lockpath, o)
	if err != nil {
		return nil, err
	}

	// The claim's number tells whether it was one of mmrunner's: a lock of Python's is never taken over.
	if _, own := ours.Load(dead.File); own || !isOurs(dead.N) || sameSpace(dead.N) && !l.ownDead(dead) {
		return nil, nil
	}

	// One process at a time breaks or takes over locks.
	release, err := o.guard(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := l.layClaim(); err != nil {
		return nil, err
	}

	// Under the guard, look again: the lock must still be the dead process's.
	holder, err := Holder(lockpath)
	if err != nil || holder == nil || holder.File != dead.File {
		return nil, errors.Join(err, l.dropClaim())
	}

	// A second link to our claim is renamed over the dead one's lock. That is one step, and it leaves the two links that a
	// lock has.
	second := l.claim + ".over"
	err = disk.Link(l.claim, second)
	if err == nil {
		err = disk.Rename(second, lockpath)
	}

	if err != nil {
		return nil, errors.Join(l.failed("take the lock over", err), remove(second), l.dropClaim())
	}
	l.o.Log(l.line("taken over, its process is gone: %s", filepath.Base(dead.File)))
	if err := l.got(); err != nil {
		return nil, err
	}

	return l, remove(dead.File)
}

// RemoveOwnDead removes the claims on any lock in dir that dead mmrunner processes of this host have left, and breaks
// the locks that they held. It returns the removed claims.
func RemoveOwnDead(ctx context.Context, dir string, o Options) ([]Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return removeDead(ctx, dir, o, (&Lock{o: o}).ownDead)
}

// RemoveDeadChild is RemoveOwnDead for a Python process of this host that mmrunner had started and that has ended.
// Its claims do not say that they are mmrunner's.
func RemoveDeadChild(ctx context.Context, dir string, pid int, o Options) ([]Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return removeDead(ctx, dir, o, func(c Claim) bool {
		// Another process may have the id by now.
		return c.Host == o.Host && c.PID == pid && !isOurs(c.N) && !proc.Alive(pid)
	})
}

func removeDead(ctx context.Context, dir string, o Options, dead func(Claim) bool) ([]Claim, error) {
	// Usually there is nothing to do, and then no other process is kept waiting.
	left, errs := deadClaims(dir, o, dead)
	if len(left) == 0 {
		return nil, errors.Join(errs...)
	}

	release, err := o.guard(ctx)
	if err != nil {
		return nil, err
	}
	defer release()

	// Under the guard, look again: another process may have done it meanwhile.
	left, errs = deadClaims(dir, o, dead)
	var gone []Claim
	for _, d := range left {
		l := &Lock{path: d.lockpath, o: o}
		broken, err := l.breakDead(dead)
		if err == nil && (broken == nil || broken.File != d.File) {
			err = remove(d.File)
		}

		if err != nil {
			errs = append(errs, err)
			continue
		}
		gone = append(gone, d.Claim)
	}

	return gone, errors.Join(errs...)
}

// deadClaim is a claim that a dead process has left, and the lock that it is on.
type deadClaim struct {
	Claim
	lockpath string
}

// deadClaims lists the claims in dir that are a dead process's. A claim that cannot be looked at is left out and
// reported in errs.
func deadClaims(dir string, o Options, dead func(Claim) bool) (left []deadClaim, errs []error) {
	entries, err := disk.ReadDir(dir)
	if err != nil {
		return nil, []error{err}
	}

	for _, e := range entries {
		// The claim's name does not show where the lock's name ends, since both the lock's and the host's name may
		// have dots. It ends where this host's name begins.
		host := strings.LastIndex(e.Name(), "."+o.Host+".")
		if host < 0 {
			continue
		}

		lockpath := filepath.Join(dir, e.Name()[:host])
		c, ok := parseClaim(lockpath, e.Name())
		if !ok || c.Host != o.Host {
			continue
		}

		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}

		c.Time = info.ModTime()
		if dead(c) {
			left = append(left, deadClaim{c, lockpath})
		}
	}

	return left, errs
}
