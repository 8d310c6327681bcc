package lockfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// Errors of a Lock, as the exceptions of LockFile.py.
var (
	ErrAlreadyLocked = errors.New("the lock is already ours")
	ErrNotLocked     = errors.New("the lock is not ours")
	ErrTimeout       = errors.New("timed out waiting for the lock")
)

// Slop is how long a lock outlives its lifetime before anybody breaks it, for
// hosts whose clocks differ (CLOCK_SLOP).
const Slop = 10 * time.Second

// Times that a waiter sleeps between two tries, uniformly.
const (
	minSleep = 10 * time.Millisecond
	maxSleep = 2010 * time.Millisecond
)

// Options are what a Lock needs beside its file.
type Options struct {
	Lifetime time.Duration    // how long the holder may need; it must be positive
	Host     string           // socket.gethostname(); "" means os.Hostname
	PID      int              // 0 means the process's
	Now      func() time.Time // nil means time.Now
	// Sleep waits between two tries and returns early if ctx ends; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration)
	// Log takes lines for Mailman's locks log; nil drops them.
	Log func(line string)
}

// counter tells the claims of one process apart, as LockFile.COUNTER does.
var counter atomic.Int64

// Lock is one claim to a lock file. It is for one goroutine at a time.
type Lock struct {
	path  string
	claim string
	o     Options
}

// New makes a claim to the lock file path; nothing is written yet. It returns
// an error if the host has no name and none was given.
func New(path string, o Options) (*Lock, error) {
	if o.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		o.Host = host
	}
	if o.PID == 0 {
		o.PID = os.Getpid()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	n := counter.Add(1) - 1
	return &Lock{path: path, claim: fmt.Sprintf("%s.%s.%d.%d", path, o.Host, o.PID, n), o: o}, nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (l *Lock) log(format string, a ...any) {
	l.o.Log(filepath.Base(l.path) + " " + fmt.Sprintf(format, a...))
}

// Lock waits for the lock, at most for timeout if that is positive. The error is
// ErrTimeout, ErrAlreadyLocked, what ctx ended with, or what the file system
// said; in each case but ErrAlreadyLocked no claim is left behind.
func (l *Lock) Lock(ctx context.Context, timeout time.Duration) error {
	until := l.o.Now().Add(timeout)
	if err := l.writeClaim(); err != nil {
		return err
	}
	for {
		err := os.Link(l.claim, l.path)
		if err == nil {
			return l.touch(l.claim)
		}
		switch {
		case errors.Is(err, syscall.ENOENT):
			// Somebody cleaned our claim away; LockFile.py would wait in vain for the link.
			if err := l.writeClaim(); err != nil {
				return err
			}
		case !errors.Is(err, syscall.EEXIST):
			l.log("unexpected link error: %v", err)
			os.Remove(l.claim)
			return err
		default:
			if l.holder() == l.claim && l.links() == 2 {
				return ErrAlreadyLocked
			}
		}
		if err := ctx.Err(); err != nil {
			os.Remove(l.claim)
			return err
		}
		if timeout > 0 && l.o.Now().After(until) {
			os.Remove(l.claim)
			return fmt.Errorf("%s: %w after %v", l.path, ErrTimeout, timeout)
		}
		expires, held := l.expires()
		if !held {
			// Freed since the link failed. LockFile.py takes that for an expired lock and breaks whoever got it meanwhile.
			continue
		}
		if n := l.links(); n != 2 && n > 0 {
			l.log("unexpected linkcount: %d", n)
		}
		if l.o.Now().After(expires.Add(Slop)) {
			if err := l.breakLock(); err != nil {
				os.Remove(l.claim)
				return err
			}
			l.log("lifetime has expired, breaking")
		}
		l.o.Sleep(ctx, minSleep+rand.N(maxSleep-minSleep))
	}
}

// Unlock gives the lock up. The error is ErrNotLocked if it was not ours (any
// more), unless unconditionally is set; the claim is gone in either case.
func (l *Lock) Unlock(unconditionally bool) error {
	held, err := l.Held()
	if err != nil && !unconditionally {
		return err
	}
	if held {
		if err := ignoreMissing(os.Remove(l.path)); err != nil {
			return err
		}
	}
	if err := ignoreMissing(os.Remove(l.claim)); err != nil {
		return err
	}
	if !held && !unconditionally {
		return fmt.Errorf("%s: %w", l.path, ErrNotLocked)
	}
	return nil
}

// Refresh starts the lock's lifetime anew. The error is ErrNotLocked if somebody
// has broken the lock.
func (l *Lock) Refresh() error {
	held, err := l.Held()
	if err == nil && !held {
		err = fmt.Errorf("%s: %w; it is held by %q", l.path, ErrNotLocked, l.holder())
	}
	return err
}

// Held tells whether the lock is ours. Asking refreshes it, so that it does not
// expire between the answer and its use.
func (l *Lock) Held() (bool, error) {
	if err := l.touch(l.claim); err != nil {
		if errors.Is(err, syscall.EPERM) {
			return false, nil
		}
		return false, err
	}
	return l.links() == 2 && l.holder() == l.claim, nil
}

// Path is the lock file.
func (l *Lock) Path() string { return l.path }

func (l *Lock) writeClaim() error {
	f, err := os.OpenFile(l.claim, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o664)
	if err != nil {
		return err
	}
	_, err = f.WriteString(l.claim)
	if err == nil {
		// LockFile.py writes it under a umask of 002, so that the group may touch it.
		err = f.Chmod(0o664)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = l.touch(l.claim)
	}
	if err != nil {
		os.Remove(l.claim)
	}
	return err
}

// touch sets the time at which the lock expires.
func (l *Lock) touch(file string) error {
	t := l.o.Now().Add(l.o.Lifetime)
	return ignoreMissing(os.Chtimes(file, t, t))
}

// holder is what the lock file says, "" where there is none.
func (l *Lock) holder() string {
	b, err := os.ReadFile(l.path)
	if err != nil {
		return ""
	}
	return string(b)
}

// links is the lock file's link count, -1 where there is none.
func (l *Lock) links() int {
	info, err := os.Stat(l.path)
	if err != nil {
		return -1
	}
	return int(info.Sys().(*syscall.Stat_t).Nlink)
}

// expires is the whole second that the lock file's mtime names.
func (l *Lock) expires() (t time.Time, held bool) {
	info, err := os.Stat(l.path)
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime().Truncate(time.Second), true
}

// breakLock removes an expired lock. Touching it first keeps two waiters from
// breaking it at once, the second one a lock that the first has just got.
func (l *Lock) breakLock() error {
	if err := l.touch(l.path); err != nil && !errors.Is(err, syscall.EPERM) {
		return err
	}
	winner := l.holder()
	if err := ignoreMissing(os.Remove(l.path)); err != nil {
		return err
	}
	if winner != "" && filepath.Dir(winner) == filepath.Dir(l.path) {
		return ignoreMissing(os.Remove(winner))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
