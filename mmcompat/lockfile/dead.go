package lockfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// breakers waits for the other mmrunner processes of this host that break dead
// ones' locks in dir: two that start together must not both find a lock dead,
// and the second break what somebody took after the first. Close lets the next
// one.
func breakers(dir string) (*os.File, error) {
	f, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.EBADF), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EINVAL):
			// A network file system need not do that for directories.
			return f, nil
		case err != nil:
			f.Close()
			return nil, &fs.PathError{Op: "flock", Path: dir, Err: err}
		}
		return f, nil
	}
}

// BreakOwnDead removes the lock at lockpath, whatever its release time, if a
// mmrunner process of this host had it and is gone. It returns the broken claim,
// nil where there was nothing to break. Locks of Python processes are left to
// their lifetimes, and so are those of other hosts, which cannot be asked.
func BreakOwnDead(lockpath string, o Options) (*Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	alone, err := breakers(filepath.Dir(lockpath))
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	l := &Lock{path: lockpath, o: o}
	return l.breakDead(l.ownDead)
}

// breakDead breaks the lock if its holder's claim is a dead process's, with the
// other breakers kept out.
func (l *Lock) breakDead(dead func(Claim) bool) (*Claim, error) {
	c, err := Holder(l.path)
	if c == nil || err != nil || !dead(*c) {
		return nil, err
	}
	// The lock cannot pass from a dead process to another but by being broken, which only its time's end allows others.
	if err := l.removeLock(c.File); err != nil {
		return nil, err
	}
	l.o.Log(l.line("breaking, its process is gone: %s", filepath.Base(c.File)))
	return c, nil
}

// TakeOver makes the lock at lockpath ours that the process of the claim dead
// had when it died, for whom finishes its work: the lock is never free
// meanwhile. That the process is gone is for the caller to know; but another may
// have its id since, Python's or ours, and keeps its lock. It returns nil if
// somebody else, or nobody, has the lock by now, and so it does for a lock of
// this process itself.
func TakeOver(lockpath string, dead Claim, o Options) (*Lock, error) {
	l, err := New(lockpath, o)
	if err != nil {
		return nil, err
	}
	if _, own := ours.Load(dead.File); own || !isOurs(dead.N) || sameSpace(dead.N) && !l.ownDead(dead) {
		return nil, nil
	}
	alone, err := breakers(filepath.Dir(lockpath))
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	if err := l.layClaim(); err != nil {
		return nil, err
	}
	holder, err := Holder(lockpath)
	if err != nil || holder == nil || holder.File != dead.File {
		return nil, errors.Join(err, l.dropClaim())
	}
	// A second link to our claim replaces the dead one's lock in one step, and has the two links that a lock has.
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

// RemoveOwnDead removes what claims on any lock in dir mmrunner processes of this
// host have left behind when they died, and breaks the locks they held. It
// returns the claims removed.
func RemoveOwnDead(dir string, o Options) ([]Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return removeDead(dir, o, (&Lock{o: o}).ownDead)
}

// RemoveDeadChild is RemoveOwnDead for a process of Python's on this host that was
// started by mmrunner and is gone, whose claims do not say whose they are.
func RemoveDeadChild(dir string, pid int, o Options) ([]Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return removeDead(dir, o, func(c Claim) bool {
		// Another process may have the id by now.
		_, alive := process(pid)
		return c.Host == o.Host && c.PID == pid && !isOurs(c.N) && !alive
	})
}

func removeDead(dir string, o Options, dead func(Claim) bool) ([]Claim, error) {
	alone, err := breakers(dir)
	if err != nil {
		return nil, err
	}
	defer alone.Close()
	entries, err := disk.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var gone []Claim
	var errs []error
	for _, e := range entries {
		// The lock's name is not known from the claim's, as both it and the host's
		// may have dots; it ends where the host name begins.
		host := strings.LastIndex(e.Name(), "."+o.Host+".")
		if host < 0 {
			continue
		}
		lockpath := filepath.Join(dir, e.Name()[:host])
		c, ok := ParseClaim(lockpath, e.Name())
		if !ok || c.Host != o.Host {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			errs = append(errs, err)
			continue
		}
		c.Time = info.ModTime()
		l := &Lock{path: lockpath, o: o}
		if !dead(c) {
			continue
		}
		if broken, err := l.breakDead(dead); err != nil {
			errs = append(errs, err)
			continue
		} else if broken == nil || broken.File != c.File {
			if err := remove(c.File); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		gone = append(gone, c)
	}
	return gone, errors.Join(errs...)
}
