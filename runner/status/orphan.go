package status

import (
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner"
)

// Orphan is a file that a dead process has left.
type Orphan struct {
	Path string    `json:"path"`
	What string    `json:"what"`
	PID  int       `json:"pid,omitempty"`
	Time time.Time `json:"time"`
}

func (l *looker) orphan(path, what string, pid int, t time.Time) {
	l.st.Orphans = append(l.st.Orphans, Orphan{path, what, pid, t})
}

// stale is the age at which no process can still be writing a temporary file.
const stale = time.Hour

func (l *looker) orphans() {
	// Bounces that BounceRunner had detected, and then died.
	l.scan(l.site.DataDir(), func(name string) (what string, pid int) {
		if rest, ok := strings.CutPrefix(name, "bounce-events-"); ok {
			pid, err := strconv.Atoi(strings.TrimSuffix(rest, ".pck"))
			if err == nil && !l.exists(pid) {
				return "bounces that a dead runner did not register", pid
			}
		}
		return "", 0
	})

	// Mail that an LMTP server had acknowledged, and then died.
	for _, c := range l.st.Mail {
		if c.Host != shortName(l.o.Host) || l.exists(c.PID) {
			continue
		}
		l.scan(l.site.DataDir(), func(name string) (what string, pid int) {
			if c.IsRedoLog(name) {
				return "mail of a dead LMTP server, which the next one queues", c.PID
			}
			return "", 0
		})
	}

	// Switchboard writes entries under .tmp names.
	for _, k := range runner.Kinds {
		dir := l.site.QueueDir(k.Queue)
		if l.queueUnseen(dir) {
			continue
		}
		l.scan(dir, func(name string) (string, int) {
			if strings.HasSuffix(name, ".tmp") {
				return "entry that was not written to its end", 0
			}
			return "", 0
		})
	}

	// Temporary files of list state, by the process in their names.
	names, err := maillist.ListNames(l.site, nil)
	l.unseen(err)
	for _, list := range names {
		l.scan(maillist.ListPath(l.site, list), l.temporary)
	}
	sort.SliceStable(l.st.Orphans, func(i, j int) bool { return l.st.Orphans[i].Path < l.st.Orphans[j].Path })
}

// shortName is a host's name without its domain.
func shortName(host string) string {
	short, _, _ := strings.Cut(host, ".")
	return short
}

// queueUnseen tells whether the status says already that a queue's directory cannot be read.
func (l *looker) queueUnseen(dir string) bool {
	return slices.ContainsFunc(l.st.Queues, func(q Queue) bool { return q.Dir == dir && q.Unseen != "" })
}

// temporary recognizes the temporary names of list state: config.pck.tmp.HOST.PID, pending.pck.tmp.PID.TIME and
// request.pck.tmp.PID.
func (l *looker) temporary(name string) (what string, pid int) {
	file, rest, ok := strings.Cut(name, ".tmp.")
	if !ok {
		return "", 0
	}

	const state = "list state that was not put into place"
	parts := strings.Split(rest, ".")
	switch {
	case strings.HasPrefix(file, "config."):
		pid, _ = strconv.Atoi(parts[len(parts)-1])
		if host := strings.Join(parts[:len(parts)-1], "."); host != l.o.Host {
			return state, 0 // only its age tells
		}
	default:
		pid, _ = strconv.Atoi(parts[0])
	}

	if pid > 0 && l.exists(pid) {
		return "", 0
	}

	return state, pid
}

// scan calls what with each name in a directory, and notes the files for which it returns a word. Without a known
// process only an old file is an orphan.
func (l *looker) scan(dir string, what func(name string) (string, int)) {
	names, err := os.ReadDir(dir)
	l.unseen(err)

	for _, e := range names {
		word, pid := what(e.Name())
		if word == "" {
			continue
		}

		info, err := e.Info()
		if err != nil || pid == 0 && l.now.Sub(changed(info)) < stale {
			continue
		}
		l.orphan(filepath.Join(dir, e.Name()), word, pid, changed(info))
	}
}
