package lockfile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/proc"
)

// Claim is one process's claim on a lock, read from the name and the date of its file.
type Claim struct {
	// File is the claim file's name.
	File string
	// Host and PID say which process it belongs to; N tells the claims of one process apart.
	Host string
	PID  int
	N    int64
	// Time is the claim's date: the end of the lifetime that began when it was laid or refreshed.
	Time time.Time
}

// parseClaim splits the name of a claim on the lock file lockpath. It returns false for any other name. Directories
// are not compared: a claim lies beside its lock, whatever name the host that laid it has for their directory.
func parseClaim(lockpath, name string) (Claim, bool) {
	dir, lockname := filepath.Split(lockpath)
	name = name[strings.LastIndexByte(name, '/')+1:]
	rest, ok := strings.CutPrefix(name, lockname+".")
	if !ok {
		return Claim{}, false
	}

	rest, last, _ := cutLast(rest)
	host, pid, _ := cutLast(rest)
	c := Claim{File: dir + name, Host: host}
	n, ok1 := decimal(last, 64)
	p, ok2 := decimal(pid, 32)
	c.N, c.PID = n, int(p)

	return c, ok1 && ok2 && p > 0 && host != ""
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// decimal reads a number that "%d" has written, if it is not negative and fits in that many bits.
func decimal(s string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, bits)
	return n, err == nil && strconv.FormatInt(n, 10) == s && n >= 0
}

// Holder returns the claim that holds the lock at lockpath, or nil. A lock file without a claim's name in it, a torn
// one for example, gives a Claim with only File (its text) and Time set.
func Holder(lockpath string) (*Claim, error) {
	winner, err := readLock(lockpath)
	if err != nil {
		return nil, err
	}

	info, err := stat(lockpath)
	if info == nil || err != nil {
		return nil, err
	}
	c, ok := parseClaim(lockpath, winner)
	if !ok {
		c = Claim{File: winner}
	}

	c.Time = info.ModTime()
	return &c, nil
}

// Waiters lists the claims of the processes that wait for the lock at lockpath. It leaves out the claim of the lock's
// holder and this process's own claims, and claims that a dead process of this host or an expired lifetime has left
// behind. Options say which host and process this is, and the time.
func Waiters(lockpath string, o Options) ([]Claim, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}

	dir, base := filepath.Split(lockpath)
	if dir == "" {
		dir = "."
	}

	// Every process that waits has a claim, a file LOCKFILE.HOST.PID.NUMBER in the lock's directory.
	entries, err := disk.ReadDir(dir)
	if err != nil {
		return nil, err
	}

	// The holder is read after the directory: a process that waited there may have got the lock since.
	holder, err := Holder(lockpath)
	if err != nil {
		return nil, err
	}

	var waiting []Claim
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), base+".") {
			continue
		}

		// The holder has a claim too, and this process's own claims do not count as waiting.
		c, ok := parseClaim(lockpath, e.Name())
		if !ok || holder != nil && holder.File == c.File || c.Host == o.Host && c.PID == o.PID {
			continue
		}

		// The claim may be gone by now: its process gave up or ended.
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}

		c.Time = info.ModTime()
		// Claims that are left over cause no delay: an expired one, or one of a process of this host that is dead.
		if expired(info, o.Now()) || c.Host == o.Host && !waits(c, info) {
			continue
		}
		waiting = append(waiting, c)
	}

	return waiting, nil
}

// ownDead tells whether a claim belongs to a mmrunner process of this host that has ended. A claim with our own
// process id that is not among ours was laid by a process that had the id before.
func (l *Lock) ownDead(c Claim) bool {
	if c.Host != l.o.Host || !isOurs(c.N) || !sameSpace(c.N) {
		return false
	}
	if c.PID == l.o.PID {
		_, known := ours.Load(c.File)
		return !known
	}

	p, alive := proc.Find(c.PID)
	return !alive || started(c.N) != 0 && p.Start != 0 && p.Start != started(c.N)
}

// waits tells whether the process that laid a claim on this host may still wait. For a Python process only its start
// tells: a process that began after the claim's last change merely has the same process id. A clock that was set may
// hide that, which only costs a short wait.
func waits(c Claim, info fs.FileInfo) bool {
	if isOurs(c.N) && !sameSpace(c.N) {
		return true
	}
	if isOurs(c.N) {
		p, alive := proc.Find(c.PID)
		return alive && (p.Start == 0 || started(c.N) == 0 || started(c.N) == p.Start)
	}

	_, changed := disk.Times(info.Sys().(*syscall.Stat_t))
	return !proc.HadEnded(c.PID, changed)
}
