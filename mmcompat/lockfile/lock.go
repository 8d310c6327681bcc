// Package lockfile takes Mailman's locks ([Lock]) by the protocol of
// Mailman/LockFile.py, beside Mailman's processes on this host and on others.
//
// A claim is a file of its own, LOCKFILE.HOST.PID.N, that holds its own name. The process that manages to hard link
// its claim to LOCKFILE has the lock. The modification time says until when the lock is held. A waiting process
// breaks a lock whose time is over by more than the slop that the hosts' clocks are allowed.
//
// Four things are done in another way than in LockFile.py, where that would lose the lock of another process or its
// own. A lock that disappears while its release time is read does not count as expired (LockFile.py goes on to break
// it, and then breaks a lock that a third process has taken meanwhile). A lock is read once more just before it is
// broken. A claim that another process removed is laid again. And a lock that names our claim although this process
// did not get it counts as ours: NFS lost the answer to link, or a process that had our id before died with it.
//
// LockFile.py numbers its claims from 0. The numbers of mmrunner's claims say that they are mmrunner's, so that the
// locks of its dead processes need not stand until their time is over.
package lockfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// defaultLifetime is how long a lock is held where Options do not say so.
	defaultLifetime = 15 * time.Second
	// Slop is how far the clocks of two hosts may be apart: a lock is broken
	// only this long after its release time (CLOCK_SLOP).
	Slop = 10 * time.Second
	// logWaitEvery is the number of polls between two log lines about a process that waits.
	logWaitEvery = 100
)

// Errors that a Lock returns, to be told apart with errors.Is.
var (
	// ErrTimeout says that the lock did not become free within the timeout (TimeOutError).
	ErrTimeout = errors.New("lock not had in time")
	// ErrAlreadyLocked says that this Lock has it already (AlreadyLockedError).
	ErrAlreadyLocked = errors.New("already locked by us")
	// ErrNotLocked says that this Lock does not have it, or has lost it (NotLockedError).
	ErrNotLocked = errors.New("not locked by us")
)

// Options are a Lock's clock, names and limits. The zero value takes the clock, host name and id of the real process.
type Options struct {
	// Lifetime is how long the lock is expected to be held at most,
	// LIST_LOCK_LIFETIME for a list; 0 means DefaultLifetime.
	Lifetime time.Duration
	// Log gets the lines for Mailman's locks log, without a line end. LockFile.py adds a Python stack to each line,
	// and mmrunner does not.
	Log func(line string)
	// Debug logs every step, and not only unusual ones (LIST_LOCK_DEBUGGING).
	Debug bool

	// Guard is a file of mmrunner's own, see GuardFile. It is locked while locks of dead processes are broken or
	// taken over. "" is for a process beside which no other does so.
	Guard string

	// Host stands in for socket.gethostname(), PID for the process id.
	Host string
	PID  int
	// Now is the clock.
	Now func() time.Time
	// Sleep waits between two polls; it returns early when ctx is done.
	Sleep func(ctx context.Context, d time.Duration)
	// Rand returns a number in [0, 1) for the length of such a wait.
	Rand func() float64
}

// withDefaults fills in the options that are not set. The error is for a host without a name.
func (o Options) withDefaults() (Options, error) {
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}

	if o.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return o, err
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

	if o.Rand == nil {
		o.Rand = rand.Float64
	}

	if o.Log == nil {
		o.Log = func(string) {}
	}

	return o, nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// ours has this process's claims. The value says whether the claim has the lock, or is left.
var ours sync.Map

// left marks a claim whose lock is not needed any more and could not be given back.
const left = "left"

// Lock is one process's access to one lock file. It must not be copied, and only one goroutine may use it at a time.
// Two Locks of one file in one process exclude each other as two processes do.
type Lock struct {
	path  string
	claim string
	o     Options
}

// New returns an unlocked Lock for the lock file path; nothing is written yet.
// Mailman names a list's LOCK_DIR/LISTNAME.lock. The error is for a host without
// a name.
func New(path string, o Options) (*Lock, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Lock{path: path, claim: fmt.Sprintf("%s.%s.%d.%d", path, o.Host, o.PID, newNumber(o.PID)), o: o}, nil
}

// Path returns the lock file's name.
func (l *Lock) Path() string { return l.path }

// Claim returns the name of our claim file, which is also the text of a lock that we hold.
func (l *Lock) Claim() string { return l.claim }

// SetLifetime changes the lifetime from the next lock or refresh on.
func (l *Lock) SetLifetime(d time.Duration) { l.o.Lifetime = d }

// Lock waits until the lock is ours, ctx is done, or timeout has passed (0: no limit; at least one attempt is made).
// It returns ErrTimeout, ErrAlreadyLocked, or the error of ctx or of a system call. It leaves no claim behind then,
// except with ErrAlreadyLocked, where the lock stays ours.
func (l *Lock) Lock(ctx context.Context, timeout time.Duration) error {
	end := l.o.Now().Add(timeout)
	// The claim shows others that this process waits.
	if err := l.layClaim(); err != nil {
		return err
	}

	l.debug("laying claim")
	// Attempts as LockFile.lock makes them: try, give up after the timeout, break an expired lock, wait.
	for polls := 0; ; polls++ {
		got, err := l.attempt()
		if got || err != nil {
			return err
		}

		if timeout > 0 && l.o.Now().After(end) {
			if err := l.dropClaim(); err != nil {
				return l.failed("remove the claim", err)
			}
			l.debug("timed out")
			return fmt.Errorf("%s: %w: not had within %v, %s has it", l.path, ErrTimeout, timeout, l.holderForError())
		}

		broken, err := l.breakExpired()
		if err != nil {
			return errors.Join(l.failed("break the expired lock", err), l.dropClaim())
		}

		if !broken && polls%logWaitEvery == 0 {
			l.debug("waiting for claim")
		}

		// LockFile.__sleep: 0.01 to 2.01 seconds, uniformly.
		wait := time.Duration((l.o.Rand()*2.0 + 0.01) * float64(time.Second))
		l.o.Sleep(ctx, wait)
		if err := ctx.Err(); err != nil {
			return errors.Join(fmt.Errorf("%s: stopped waiting for it: %w", l.path, err), l.dropClaim())
		}
	}
}

// attempt tries once to take the lock: link(2) is atomic also over NFS, and LockFile.py relies on it.
func (l *Lock) attempt() (got bool, err error) {
	err = link(l.claim, l.path)
	var errno syscall.Errno
	switch {
	case err == nil:
		return true, l.got()
	case errors.Is(err, fs.ErrNotExist):
		// The claim was removed by another process. LockFile.py would poll on without one; lay it again.
		return false, l.layClaim()
	case !errors.Is(err, fs.ErrExist):
		if errors.As(err, &errno) {
			l.o.Log(l.line("unexpected link error: [Errno %d] %s", int(errno), strerror(errno)))
		} else {
			l.o.Log(l.line("unexpected link error: %v", err))
		}
		return false, errors.Join(l.failed("link the claim", err), l.dropClaim())
	}

	// The lock exists. A link count of 2 means a lock in good order: the lock file and its holder's claim.
	n, err := linkCount(l.path)
	if err != nil {
		return false, errors.Join(l.failed("look at the lock", err), l.dropClaim())
	}
	if n < 0 {
		// The lock was given back since. LockFile.py logs this as an unexpected link count of -1.
		return false, nil
	}
	if n != 2 {
		l.o.Log(l.line("unexpected linkcount: %d", n))
		return false, nil
	}

	// The lock file's text names its holder's claim.
	winner, err := readLock(l.path)
	if err != nil {
		return false, errors.Join(l.failed("read the lock", err), l.dropClaim())
	}

	if winner != l.claim {
		// A lock that this process could not give back earlier is removed here; any other winner keeps the lock.
		if was, _ := ours.Load(winner); was != left {
			return false, nil
		}
		if err := l.removeLock(winner); err != nil {
			return false, errors.Join(l.failed("remove the lock that was left", err), l.dropClaim())
		}

		ours.Delete(winner)
		return l.attempt()
	}

	// The claim in the lock is this one's: either it is locked twice, or link failed and yet worked, which NFS
	// does when the server's answer is lost.
	if has, _ := ours.Load(l.claim); has == true {
		l.debug("already locked")
		return false, fmt.Errorf("%s: %w", l.path, ErrAlreadyLocked)
	}

	return true, l.got()
}

// got notes that the lock is ours from now on.
func (l *Lock) got() error {
	ours.Store(l.claim, true)
	l.debug("got the lock")

	if err := l.touch(l.claim); err != nil {
		// A waiter would break a lock without a date at once.
		err = l.failed("date the lock", err)
		if err2 := remove(l.path); err2 != nil {
			// The lock keeps its claim, which shows whose it is to this process's next Lock and to a process that
			// finds this one dead.
			ours.Store(l.claim, left)
			return errors.Join(err, err2)
		}
		return errors.Join(err, l.dropClaim())
	}

	return nil
}

// Unlock gives the lock back. It returns ErrNotLocked where the lock is not ours, or not any more, unless
// unconditionally is set (LockFile.finalize). Our claim is removed in any case.
func (l *Lock) Unlock(unconditionally bool) error {
	had, err := l.isOurs()
	if err != nil {
		return l.failed("see whether it is ours", err)
	}

	if had {
		if err := remove(l.path); err != nil {
			return l.failed("remove the lock", err)
		}
	}

	if err := l.dropClaim(); err != nil {
		return l.failed("remove the claim", err)
	}
	if !had && !unconditionally {
		return l.notLocked()
	}
	l.debug("unlocked")
	return nil
}

// Renew dates the lock anew and tells whether it is ours, as LockFile.locked does. It is for the moment before a step
// that cannot be undone: the answer stays true for a while.
func (l *Lock) Renew() (bool, error) {
	err := l.touch(l.claim)
	if errors.Is(err, syscall.EPERM) {
		return false, nil // the claim of another user
	}

	has := false
	if err == nil {
		has, err = l.isOurs()
	}

	if err != nil {
		return false, l.failed("see whether it is ours", err)
	}
	return has, nil
}

// isOurs is Renew without the new date: giving the lock back must not depend on that.
func (l *Lock) isOurs() (bool, error) {
	if n, err := linkCount(l.path); n != 2 || err != nil {
		return false, err
	}
	winner, err := readLock(l.path)
	return winner == l.claim, err
}

func (l *Lock) notLocked() error {
	return fmt.Errorf("%s: %w: need %s in it, %s has it", l.path, ErrNotLocked, filepath.Base(l.claim), l.holderForError())
}

func (l *Lock) holderForError() string {
	winner, err := readLock(l.path)
	switch {
	case err != nil:
		return "somebody unknown (" + err.Error() + ")"
	case winner == "":
		return "nobody"
	}
	return fmt.Sprintf("%.300q", filepath.Base(winner))
}

func (l *Lock) failed(what string, err error) error {
	return fmt.Errorf("%s: could not %s: %w", l.path, what, err)
}

func (l *Lock) line(format string, a ...any) string {
	return filepath.Base(l.path) + " " + fmt.Sprintf(format, a...)
}

func (l *Lock) debug(what string) {
	if l.o.Debug {
		l.o.Log(l.line("%s", what))
	}
}
