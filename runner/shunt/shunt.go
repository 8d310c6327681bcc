package shunt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Entry is one that was put aside.
type Entry struct {
	Base  string `json:"base"`
	Path  string `json:"path"`
	State State  `json:"state"`
	// Received is when it came to this queue: shunting gives an entry a new name.
	Received  time.Time `json:"received"`
	SizeBytes int64     `json:"size_bytes"`
	List      string    `json:"list,omitempty"`
	// Queue is the usual name of the queue that it came from, "" where that is not known.
	Queue   string `json:"queue,omitempty"`
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	Why     string `json:"why"`
	// Now is the reason why it cannot be handled now; "" if there is none that shows without trying.
	Now string `json:"now,omitempty"`
}

// State says which way an entry was put aside.
type State string

// The ways of putting an entry aside.
const (
	Shunted   State = "shunted"
	Preserved State = "preserved"
)

// The suffixes that entries have there.
const (
	shuntedSuffix   = ".pck"
	preservedSuffix = ".psv"
)

// unknownReason is said where nothing says why.
const unknownReason = "not known: neither mmrunner's notes nor Mailman's error log have it"

// All returns the entries that were put aside, the oldest first. The error is for a queue that cannot be read.
func All(s *site.Site) ([]Entry, error) {
	why, err := reasons(s)
	if err != nil {
		return nil, err
	}

	all := []Entry{}
	for _, dir := range []struct {
		queue, suffix string
		state         State
	}{{"shunt", shuntedSuffix, Shunted}, {"bad", preservedSuffix, Preserved}} {
		names, err := os.ReadDir(s.QueueDir(dir.queue))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}

		for _, e := range names {
			base, ok := strings.CutSuffix(e.Name(), dir.suffix)
			if !ok {
				continue
			}

			entry := Entry{Base: base, Path: filepath.Join(s.QueueDir(dir.queue), e.Name()), State: dir.state}
			entry.read(s)
			if entry.Why = why(entry); entry.Why == "" {
				entry.Why = unknownReason
			}

			all = append(all, entry)
		}
	}

	sort.SliceStable(all, func(i, j int) bool { return all[i].Received.Before(all[j].Received) })
	return all, nil
}

// Find returns the entries of that name; a beginning will do, if only one entry has it.
func Find(all []Entry, name string) (Entry, error) {
	var found []Entry
	name = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), shuntedSuffix), preservedSuffix)
	for _, e := range all {
		if e.Base == name {
			return e, nil
		}
		if name != "" && strings.HasPrefix(e.Base, name) {
			found = append(found, e)
		}
	}

	switch len(found) {
	case 0:
		return Entry{}, fmt.Errorf("%s: no entry of that name was put aside; mmrunner shunt list shows those that were", name)
	case 1:
		return found[0], nil
	}

	return Entry{}, fmt.Errorf("%s: %d entries begin so, need more of the name", name, len(found))
}

// read takes from an entry's file what there is to know.
func (e *Entry) read(s *site.Site) {
	if at := qfile.Arrival(e.Base); at > 0 {
		e.Received = time.UnixMicro(int64(at * 1e6))
	}

	b, err := os.ReadFile(e.Path)
	if err != nil {
		e.Now = err.Error()
		return
	}
	e.SizeBytes = int64(len(b))
	it, err := qfile.Decode(e.Base, b)
	if err != nil {
		e.Now = "it cannot be read: " + err.Error()
		return
	}

	e.List = it.Data.Str("listname")
	if e.List == "" {
		e.List = s.Str("MAILMAN_SITE_LIST") // as Runner._onefile
	}

	e.Queue = queueOf(s, it.Data.Str("whichq"))

	m, err := it.Parse()
	if err != nil {
		e.Now = "its message cannot be read: " + err.Error()
		return
	}

	e.From, e.Subject = field(m, "from"), field(m, "subject")
	e.Now = e.obstacle(s)
}

// field is a header field in one line.
func field(m *message.Message, name string) string {
	v, ok := m.Get(name)
	if !ok {
		return ""
	}
	return strings.Join(strings.Fields(fmt.Sprint(v)), " ")
}

// obstacle returns the reason why an entry that can be read cannot be handled.
func (e *Entry) obstacle(s *site.Site) string {
	switch {
	case strings.ContainsRune(e.List, '/') || strings.HasPrefix(e.List, "."):
		return "its list has a name that no list can have"
	case !maillist.Exists(s, py.Lower(e.List), nil):
		return "its list is not there"
	case e.Queue == "":
		return "the queue that it came from is not known; say --queue"
	}

	return ""
}

// queueNames are those that entries are shunted from.
var queueNames = []string{"in", "bounces", "commands", "virgin", "out", "archive", "news", "retry"}

// queueOf is the usual name of a queue's directory, "" for one that is not the site's. Metadata is only a claim: it may
// name any directory there is.
func queueOf(s *site.Site, dir string) string {
	for _, name := range queueNames {
		if dir != "" && filepath.Clean(dir) == filepath.Clean(s.QueueDir(name)) {
			return name
		}
	}
	return ""
}
