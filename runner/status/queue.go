package status

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// Queue is one of Mailman's queue directories.
type Queue struct {
	Name   string `json:"name"`
	Runner string `json:"runner,omitempty"` // the runner that works on it; "" for shunt and bad, which are for people
	Dir    string `json:"dir"`
	// Unseen is why the directory could not be read; all numbers are 0 then.
	Unseen    string `json:"unseen,omitempty"`
	Waiting   int    `json:"waiting"`
	AtHand    int    `json:"at_hand"`   // .bak: a runner works on them, or died while it did
	Preserved int    `json:"preserved"` // .psv: entries that killed a runner, or could not be read
	// Oldest is when the oldest waiting entry was received, or zero.
	Oldest     time.Time `json:"oldest,omitzero"`
	AgeSeconds float64   `json:"age_seconds"`
	// Why says why the entries wait, if that is known.
	Why string `json:"why,omitempty"`
	// InTime tells that the entries wait for a reason, and are not late.
	InTime bool `json:"in_time"`
	// Lists are the lists with waiting entries, the one with the most entries first.
	Lists []OfList `json:"lists"`
	// Unread is the number of waiting entries without a known list: they are torn, or beyond the limit of entries
	// that are read.
	Unread int `json:"unread"`
}

// OfList is the number of entries that wait for a list.
type OfList struct {
	List    string `json:"list"`
	Entries int    `json:"entries"`
	// ByAge counts the entries by age, as Postfix's qshape does: up to 5 minutes, up to 10, and so on (AgeLimits),
	// and older ones.
	ByAge []int `json:"by_age"`
}

// AgeLimits are the limits of OfList.ByAge.
var AgeLimits = []time.Duration{
	5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute,
	160 * time.Minute, 320 * time.Minute, 640 * time.Minute, 1280 * time.Minute,
}

// Entries are read to find their lists, up to these limits.
const (
	mostRead  = 20_000    // entries of one queue
	mostBytes = 512 << 20 // bytes of all queues
)

// The queues that no runner works on.
const (
	shunt = "shunt"
	bad   = "bad"
)

// usual are Mailman's queues and their runners, in the order of a message's way (Mailman/Defaults.py, QRUNNERS). The
// retry queue and the runners of news, archive and maildir may be unused.
var usual = []struct{ queue, runner string }{
	{"in", "IncomingRunner"}, {"bounces", "BounceRunner"}, {"commands", "CommandRunner"}, {"virgin", "VirginRunner"},
	{"out", "OutgoingRunner"}, {"retry", "RetryRunner"}, {"archive", "ArchRunner"}, {"news", "NewsRunner"},
	{"maildir", "MaildirRunner"}, {shunt, ""}, {bad, ""},
}

// QueueNames are the usual names of Mailman's queues.
func QueueNames() []string {
	var names []string
	for _, u := range usual {
		names = append(names, u.queue)
	}
	return names
}

// queues looks at Mailman's queues, and at all other directories in QUEUE_DIR.
func (l *looker) queues() {
	known := map[string]bool{}
	for _, u := range usual {
		dir := l.site.QueueDir(u.queue)
		known[dir] = true
		l.queue(Queue{Name: u.queue, Runner: u.runner, Dir: dir, Lists: []OfList{}})
	}

	root := l.site.Str("QUEUE_DIR")
	names, err := os.ReadDir(root)
	l.unseen(err)

	for _, e := range names {
		if dir := filepath.Join(root, e.Name()); e.IsDir() && !known[dir] {
			l.queue(Queue{Name: e.Name(), Dir: dir, Lists: []OfList{}})
		}
	}
}

// queue looks at one queue: how many entries wait, since when, for which lists, and what a dead process left.
func (l *looker) queue(q Queue) {
	names, err := os.ReadDir(q.Dir)
	if err != nil && !os.IsNotExist(err) {
		q.Unseen = err.Error()
	}

	lists := map[string]*OfList{}
	// Names tell most: the time of arrival, and by the extension what state an entry is in.
	for _, e := range names {
		base, ext := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())), filepath.Ext(e.Name())
		when, ok := received(base)
		switch {
		case !ok:
		// A .bak file is an entry at hand. Without a live runner it waits for a recovery.
		case ext == qfile.Claimed:
			q.AtHand++
			if info, err := e.Info(); err == nil && l.orphaned(q.Runner, changed(info)) {
				l.orphan(filepath.Join(q.Dir, e.Name()), "entry that a dead runner had at hand", 0, changed(info))
			}
		case ext == preserved:
			q.Preserved++
		// Only waiting entries count for the age and the lists.
		case ext == qfile.Waiting:
			q.Waiting++
			if q.Oldest.IsZero() || when.Before(q.Oldest) {
				q.Oldest = when
			}
			l.entry(&q, lists, e, when)
		}
	}

	// A clock that was set back must not show a negative age.
	if !q.Oldest.IsZero() {
		q.AgeSeconds = max(0, l.now.Sub(q.Oldest).Seconds())
	}

	// The lists with the most entries first; equal ones by name, so that two looks show the same order.
	for _, of := range lists {
		q.Lists = append(q.Lists, *of)
	}
	sort.Slice(q.Lists, func(i, j int) bool {
		a, b := q.Lists[i], q.Lists[j]
		return a.Entries > b.Entries || a.Entries == b.Entries && a.List < b.List
	})

	l.explain(&q)
	l.st.Queues = append(l.st.Queues, q)
}

// preserved is the suffix of an entry in the bad queue (Switchboard.finish).
const preserved = ".psv"

// entry counts a waiting entry for its list.
func (l *looker) entry(q *Queue, lists map[string]*OfList, e os.DirEntry, when time.Time) {
	info, err := e.Info()
	if err != nil || q.Waiting > mostRead || l.budget < info.Size() {
		q.Unread++
		return
	}

	l.budget -= info.Size()
	list, ok := listOf(filepath.Join(q.Dir, e.Name()))
	if !ok {
		q.Unread++
		return
	}

	of := lists[list]
	if of == nil {
		of = &OfList{List: list, ByAge: make([]int, len(AgeLimits)+1)}
		lists[list] = of
	}

	of.Entries++
	age := l.now.Sub(when)
	n, _ := slices.BinarySearch(AgeLimits, age)
	of.ByAge[n]++
}

// explain says why the entries of a queue wait, where no runner would take them now.
func (l *looker) explain(q *Queue) {
	if q.Waiting == 0 || q.Runner == "" {
		return
	}
	working, ours := 0, 0
	for _, p := range l.st.Runners {
		if p.Runner == q.Runner {
			working++
			if p.Mmrunner {
				ours++
			}
		}
	}

	// Without a view of other users' processes nothing is claimed.
	switch {
	case working == 0 && !l.st.Blind:
		q.Why = "no runner works on it"
	case q.Name == "bounces" && ours > 0:
		// BounceMixin's clock runs whether or not there are bounces, so a bounce waits for at most that long.
		every := l.site.Duration("REGISTER_BOUNCES_EVERY")
		if left := every - l.now.Sub(q.Oldest); left > 0 {
			q.InTime = true
			q.Why = fmt.Sprintf("registered in %s at the latest: REGISTER_BOUNCES_EVERY", Roughly(left))
		}
	}
}

// Roughly writes a time in one unit, for people: 45 s, 4 min, 3 h, 2 days.
func Roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}

	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// received reads the time at the beginning of an entry's name.
func received(base string) (time.Time, bool) {
	when, _, ok := strings.Cut(base, "+")
	t, err := strconv.ParseFloat(when, 64)
	if !ok || err != nil || t < 0 || t > 1e12 {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(t * 1e6)), true
}

func listOf(path string) (string, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}

	it, err := qfile.Decode(filepath.Base(path), b)
	if err != nil {
		return "", false
	}
	return it.Data.Str("listname"), true
}

// changed returns when a file was last renamed, linked or written to.
func changed(info os.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_, changed := disk.Times(st)
		return changed
	}
	return info.ModTime()
}

// orphaned tells whether the runner that changed a file at t has ended: no such runner works now, or all of them
// began later.
func (l *looker) orphaned(runner string, t time.Time) bool {
	if l.st.Blind || runner == "" {
		return false
	}

	for _, p := range l.st.Runners {
		if (p.Runner == runner || p.Runner == "") && p.Since.Before(t.Add(2*time.Second)) {
			return false
		}
	}

	return true
}
