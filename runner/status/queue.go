package status

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/runner"
)

// Queue is one runner's queue.
type Queue struct {
	Name    string `json:"name"`
	Runner  string `json:"runner"`
	Dir     string `json:"dir"`
	Waiting int    `json:"waiting"`
	AtHand  int    `json:"at_hand"` // .bak: some runner has them, or had them when it died
	// Oldest is when the oldest that waits was received, zero if none does.
	Oldest     time.Time `json:"oldest,omitzero"`
	AgeSeconds float64   `json:"age_seconds"`
	Lists      []OfList  `json:"lists"`
	// Unread is how many could not be told a list: torn, or more than are read.
	Unread int `json:"unread"`
}

// OfList is how many entries wait for a list.
type OfList struct {
	List    string `json:"list"`
	Entries int    `json:"entries"`
}

// mostRead is how many entries of a queue are read to tell their lists.
const mostRead = 20_000

func (l *looker) queues() {
	for _, k := range runner.Kinds {
		l.queue(Queue{Name: k.Queue, Runner: k.Name, Dir: l.site.QueueDir(k.Queue), Lists: []OfList{}})
	}
}

func (l *looker) queue(q Queue) {
	names, err := os.ReadDir(q.Dir)
	l.problem(err)
	lists := map[string]int{}
	for _, e := range names {
		base, ext := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())), filepath.Ext(e.Name())
		when, ok := received(base)
		switch {
		case !ok:
			continue
		case ext == qfile.Claimed:
			q.AtHand++
			if info, err := e.Info(); err == nil && l.orphaned(q.Runner, changed(info)) {
				l.orphan(filepath.Join(q.Dir, e.Name()), "entry that a dead runner had at hand", 0, changed(info))
			}
			continue
		case ext != qfile.Waiting:
			continue
		}
		q.Waiting++
		if q.Oldest.IsZero() || when.Before(q.Oldest) {
			q.Oldest = when
		}
		if q.Waiting > mostRead {
			q.Unread++
			continue
		}
		if list, ok := listOf(filepath.Join(q.Dir, e.Name())); ok {
			lists[list]++
		} else {
			q.Unread++
		}
	}
	if !q.Oldest.IsZero() {
		q.AgeSeconds = max(0, l.now.Sub(q.Oldest).Seconds())
	}
	for list, n := range lists {
		q.Lists = append(q.Lists, OfList{list, n})
	}
	sort.Slice(q.Lists, func(i, j int) bool {
		a, b := q.Lists[i], q.Lists[j]
		return a.Entries > b.Entries || a.Entries == b.Entries && a.List < b.List
	})
	l.st.Queues = append(l.st.Queues, q)
}

// received reads the time that an entry's name begins with.
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

// changed is when a file was last renamed, linked or written to.
func changed(info os.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_, changed := disk.Times(st)
		return changed
	}
	return info.ModTime()
}

// orphaned tells whether what happened at t was the work of a runner that is
// gone: none works now, or all that do are younger.
func (l *looker) orphaned(runner string, t time.Time) bool {
	for _, p := range l.st.Runners {
		if (p.Runner == runner || p.Runner == "") && p.Since.Before(t.Add(2*time.Second)) {
			return false
		}
	}
	return true
}
