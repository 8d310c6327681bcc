package status

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
)

// Lock is a list's lock that a process has or waits for.
type Lock struct {
	List    string   `json:"list"`
	Holder  *Holder  `json:"holder,omitempty"`
	Waiting []Holder `json:"waiting"`
}

// Holder is a process that has a lock or waits for it.
type Holder struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Seconds is how long the process has had its claim, by the lock's dates: long work refreshes it.
	Seconds float64 `json:"seconds"`
	// Dead tells that the process was on this host and has ended. ExpiresSeconds is the time until other processes
	// may break the lock.
	Dead           bool    `json:"dead"`
	ExpiresSeconds float64 `json:"expires_seconds"`
	Command        string  `json:"command,omitempty"`
}

// suffix ends the name of a list's lock file.
const suffix = ".lock"

func (l *looker) locks() {
	dir := l.site.LockDir()
	names, err := os.ReadDir(dir)
	l.unseen(err)
	seen := map[string]bool{}
	// One lock for each list, whichever of its files the directory lists first.
	for _, e := range names {
		// NAME.lock is the lock. NAME.lock.HOST.PID.N is the claim of a process that has the lock or wants it.
		list, _, ok := strings.Cut(e.Name()+".", suffix+".")
		if !ok || list == "" || seen[list] {
			continue
		}

		seen[list] = true
		path := filepath.Join(dir, list+suffix)
		lock := Lock{List: list, Waiting: []Holder{}}
		holder, err := lockfile.Holder(path)
		l.unseen(err)

		if holder != nil {
			h := l.holder(*holder)
			lock.Holder = &h
		}

		// Claims of dead processes are not waiting.
		waiting, err := lockfile.Waiters(path, lockfile.Options{Lifetime: l.lifetime(), Host: l.o.Host})
		l.unseen(err)
		for _, c := range waiting {
			lock.Waiting = append(lock.Waiting, l.holder(c))
		}

		if lock.Holder != nil || len(lock.Waiting) > 0 {
			l.st.Locks = append(l.st.Locks, lock)
		}
	}

	sort.Slice(l.st.Locks, func(i, j int) bool { return l.st.Locks[i].List < l.st.Locks[j].List })
}

func (l *looker) lifetime() time.Duration { return l.site.Duration("LIST_LOCK_LIFETIME") }

// holder describes a claim. Its date is the end of its lifetime.
func (l *looker) holder(c lockfile.Claim) Holder {
	h := Holder{
		Host: c.Host, PID: c.PID,
		Seconds:        max(0, l.now.Sub(c.Time.Add(-l.lifetime())).Seconds()),
		ExpiresSeconds: c.Time.Add(lockfile.Slop).Sub(l.now).Seconds(),
	}

	if c.Host == l.o.Host && c.PID > 0 {
		p, _ := l.process(c.PID)
		if p == nil {
			h.Dead = !l.exists(c.PID)
		} else {
			h.Command = p.Command
		}
	}

	return h
}
