package status

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/lmtp"
	"github.com/mmrunner/mmrunner/runner/page"
)

//go:embed status.html
var statusBody string

var statusPage = page.New(statusBody)

// HTML writes the status as a page. refresh is the number of seconds after which a browser reads it again, 0 for never.
func (st *Status) HTML(w io.Writer, level Level, alarms []Alarm, refresh int) error {
	data := pageData{Status: st, Level: level, Class: class(level), MasterText: st.Master.Text()}
	for _, a := range alarms {
		data.Alarms = append(data.Alarms, pageAlarm{a, class(a.Level)})
	}

	// Queues that most sites never use are shown only when something is in them.
	for _, q := range st.Queues {
		if q.Waiting+q.AtHand+q.Preserved == 0 && q.Unseen == "" && q.SeldomUsed() {
			continue
		}
		age := ""

		if q.Waiting > 0 {
			age = Roughly(time.Duration(q.AgeSeconds * float64(time.Second)))
		}

		data.Queues = append(data.Queues, pageQueue{q, float64(q.Waiting), age, q.For(20)})
		data.MostWaiting = max(data.MostWaiting, float64(q.Waiting))
	}

	// The newest batch first.
	for i := len(st.Batches) - 1; i >= 0; i-- {
		c := st.Batches[i]
		if c.List == "" {
			c.List = "(all lists)"
		}
		data.Batches = append(data.Batches, pageBatch{c, Outcomes(c)})
	}

	for _, c := range st.Mail {
		data.Mail = append(data.Mail, pageMail{c, strings.Join(Tally(c.Queued), ", "), strings.Join(Tally(c.Refused), ", ")})
	}

	return statusPage.Write(w, fmt.Sprintf("%s: %v", st.Host, level), refresh, data)
}

// pageData is the data that the page's template reads.
type pageData struct {
	*Status
	Level       Level
	Class       string
	MasterText  string
	Alarms      []pageAlarm
	Queues      []pageQueue
	MostWaiting float64
	Batches     []pageBatch // the newest first
	Mail        []pageMail
}

type pageAlarm struct {
	Alarm
	Class string
}

type pageQueue struct {
	Queue
	Part     float64
	Age, For string
}

type pageBatch struct {
	history.Commit
	Became string
}

type pageMail struct {
	lmtp.Counts
	Taken, Not string
}

// class returns the colour of a level.
func class(l Level) string {
	switch l {
	case OK:
		return "good"
	case Critical:
		return "bad"
	}
	return "warn"
}

// Text says in a sentence whether mailmanctl runs.
func (m Master) Text() string {
	switch m.State {
	case Running:
		return fmt.Sprintf("mailmanctl runs as process %d since %s", m.Process.PID, m.Process.Since.Local().Format("2006-01-02 15:04:05"))
	case Stopped:
		return fmt.Sprintf("mailmanctl does not run (%s)", m.Reason)
	}
	return fmt.Sprintf("whether mailmanctl runs cannot be seen (%s)", m.Reason)
}

// SeldomUsed tells whether most sites have no use for the queue.
func (q Queue) SeldomUsed() bool { return q.Name == "retry" || q.Name == "news" || q.Name == "maildir" }

// For says for which lists the entries wait, with at most so many names, and why they wait.
func (q Queue) For(most int) string {
	var parts []string
	for i, l := range q.Lists {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more lists", len(q.Lists)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %d", l.List, l.Entries))
	}

	if q.Preserved > 0 {
		parts = append(parts, fmt.Sprintf("%d preserved", q.Preserved))
	}

	if q.Unread > 0 {
		parts = append(parts, fmt.Sprintf("%d not read", q.Unread))
	}

	text := strings.Join(parts, ", ")
	if q.Why != "" {
		text += "; " + q.Why
	}

	return strings.TrimPrefix(text, "; ")
}

// Tally writes numbers by name, the largest first: "bounces 12", "commands 3".
func Tally(numbers map[string]int64) []string {
	names := slices.SortedFunc(maps.Keys(numbers), func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[b], numbers[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, numbers[name])
	}
	return names
}

// Outcomes says what became of a batch's entries, the most frequent outcome first.
func Outcomes(c history.Commit) string {
	var names []string
	for name := range c.Outcomes {
		names = append(names, name)
	}

	sort.Slice(names, func(i, j int) bool {
		a, b := c.Outcomes[names[i]], c.Outcomes[names[j]]
		return a > b || a == b && names[i] < names[j]
	})

	if len(names) == 1 && c.Outcomes[names[0]] == c.Entries {
		return names[0]
	}
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", c.Outcomes[name], name))
	}
	if parts == nil {
		return "-"
	}

	return strings.Join(parts, ", ")
}
