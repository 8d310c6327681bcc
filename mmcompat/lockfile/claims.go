package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Claim is a claim file beside a lock file: its holder's, or a waiter's.
type Claim struct {
	File string    // whole path
	Host string    // as socket.gethostname() gave it
	PID  int       // on that host
	N    int       // which of the process's claims
	Time time.Time // when it expires if it gets the lock: its writing plus its lifetime
}

// ParseClaim reads a claim file's name; ok is false for any other file.
func ParseClaim(lock, file string) (c Claim, ok bool) {
	rest, found := strings.CutPrefix(file, lock+".")
	if !found {
		return c, false
	}
	parts := strings.Split(rest, ".")
	if len(parts) < 3 {
		return c, false
	}
	pid, err1 := strconv.Atoi(parts[len(parts)-2])
	n, err2 := strconv.Atoi(parts[len(parts)-1])
	if err1 != nil || err2 != nil || pid <= 0 || n < 0 {
		return c, false
	}
	return Claim{File: file, Host: strings.Join(parts[:len(parts)-2], "."), PID: pid, N: n}, true
}

// Holder returns whose lock it is; ok is false if nobody's, or if the lock file
// does not name a claim.
func Holder(lock string) (c Claim, ok bool) {
	b, err := os.ReadFile(lock)
	if err != nil {
		return c, false
	}
	if c, ok = ParseClaim(lock, string(b)); !ok {
		return c, false
	}
	if info, err := os.Stat(lock); err == nil {
		c.Time = info.ModTime()
	}
	return c, true
}

// Waiters lists the claims to a lock but its holder's, in the order of their
// names. The error is for a directory that cannot be read.
func Waiters(lock string) ([]Claim, error) {
	d, err := os.Open(filepath.Dir(lock))
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	d.Close()
	if err != nil {
		return nil, err
	}
	holder, _ := Holder(lock)
	var waiting []Claim
	for _, name := range names {
		c, ok := ParseClaim(lock, filepath.Join(filepath.Dir(lock), name))
		if !ok || c.File == holder.File {
			continue
		}
		if info, err := os.Stat(c.File); err == nil {
			c.Time = info.ModTime()
			waiting = append(waiting, c)
		}
	}
	sort.Slice(waiting, func(i, j int) bool { return waiting[i].File < waiting[j].File })
	return waiting, nil
}

// Dead tells whether the claim is of a process on this host that is no more. Of
// other hosts nobody here can tell.
func (c Claim) Dead(host string) bool {
	return c.Host == host && errors.Is(syscall.Kill(c.PID, 0), syscall.ESRCH)
}

// BreakDead removes a lock that a dead process of this host left behind, and
// tells whether there was one. Nobody else's is touched, expired or not.
func BreakDead(lock, host string) (bool, error) {
	c, ok := Holder(lock)
	if !ok || !c.Dead(host) {
		return false, nil
	}
	l := &Lock{path: lock, claim: c.File, o: Options{Now: time.Now, Lifetime: time.Minute, Log: func(string) {}}}
	// Whoever breaks it too at this moment must find a fresh lock, as in breakLock.
	if again, ok := Holder(lock); !ok || again.File != c.File {
		return false, nil
	}
	return true, l.breakLock()
}
