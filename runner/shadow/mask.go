package shadow

import (
	"math"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/pickle"
)

// What two runs of the same runner would write differently, and says nothing
// about the runner: confirmation cookies, dates of mail, passwords that were made
// up (Utils.UserFriendly_MakeRandomPassword's syllables, alone or at the end of a
// line), names of queue entries.
var (
	entryName = regexp.MustCompile(`\b[0-9]+\.[0-9]+\+[0-9a-f]{40}\b`)
	cookie    = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	mailDate  = regexp.MustCompile(`\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}`)
	madeUp    = regexp.MustCompile(`(?m)(^ *|: )(?:[aeiou][bcdfghkmnprstvwxz]|[bcdfghkmnprstvwxz][aeiou]){4}\r?$`)
	messageID = regexp.MustCompile(`<mailman\.[0-9.]+@`)
)

func maskText(s string) string {
	s = entryName.ReplaceAllString(s, "<entry>")
	s = cookie.ReplaceAllString(s, "<cookie>")
	s = mailDate.ReplaceAllString(s, "<date>")
	s = messageID.ReplaceAllString(s, "<message-id@")
	return madeUp.ReplaceAllString(s, "${1}<made up>")
}

// around is how far from now a number is taken for a time.
const around = 100 * 24 * time.Hour

func isTime(f float64, now time.Time) bool {
	return f > 1e9 && math.Abs(f-float64(now.Unix())) < around.Seconds()
}

// masked copies a value with what changes from run to run replaced. Kinds are
// kept: a time that is a float on one side and an int on the other still differs.
func masked(v pickle.Value, now time.Time) pickle.Value {
	m := masker{now, map[pickle.Value]pickle.Value{}}
	return m.value(v)
}

type masker struct {
	now  time.Time
	done map[pickle.Value]pickle.Value
}

func (m masker) value(v pickle.Value) pickle.Value {
	switch v := v.(type) {
	case pickle.Str:
		return pickle.Str(maskText(string(v)))
	case pickle.Unicode:
		return pickle.Unicode(maskText(string(v)))
	case pickle.Int:
		if isTime(float64(v), m.now) {
			return pickle.Int(-1)
		}
		return v
	case *big.Int:
		if v.IsInt64() && isTime(float64(v.Int64()), m.now) {
			return big.NewInt(-1)
		}
		return v
	case float64:
		if isTime(v, m.now) {
			return float64(-1)
		}
		return v
	case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Instance, *pickle.Reduce:
		if done, ok := m.done[v]; ok {
			return done
		}
	}
	switch v := v.(type) {
	case *pickle.List:
		c := &pickle.List{}
		m.done[v] = c
		c.Items = m.items(v.Items)
		return c
	case *pickle.Tuple:
		c := &pickle.Tuple{}
		m.done[v] = c
		c.Items = m.items(v.Items)
		return c
	case *pickle.Dict:
		c := pickle.NewDict()
		m.done[v] = c
		m.fill(c, v)
		return c
	case *pickle.Instance:
		c := *v
		m.done[v] = &c
		c.ListItems = m.items(v.ListItems)
		if v.DictItems != nil {
			c.DictItems = pickle.NewDict()
			m.fill(c.DictItems, v.DictItems)
		}
		c.State = m.value(v.State)
		return &c
	}
	return v
}

func (m masker) items(items []pickle.Value) []pickle.Value {
	if items == nil {
		return nil
	}
	c := make([]pickle.Value, len(items))
	for i, v := range items {
		c[i] = m.value(v)
	}
	return c
}

func (m masker) fill(to, from *pickle.Dict) {
	for k, v := range from.All() {
		to.Set(m.value(k), m.value(v))
	}
}

// stampedLine is how Mailman's logs begin each line: a date and a process id.
var stampedLine = regexp.MustCompile(`^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) `)

// logLine is a log line without what changes from run to run, "" for one that
// says how much there was to do at once, which is what the two sides do not share.
func logLine(s string) string {
	s = stampedLine.ReplaceAllString(strings.TrimRight(s, "\r\n"), "")
	if strings.Contains(s, "queued bounces") {
		return ""
	}
	return maskText(s)
}

var password = regexp.MustCompile(`('password': u?)'[^']*'`)

// hidePassword takes the password out of a record that is to be shown, but not
// whether there is one.
func hidePassword(s string) string { return password.ReplaceAllString(s, "$1'(hidden)'") }
