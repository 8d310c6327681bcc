package shadow

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/pickle"
)

// Patterns of what two runs of one runner write differently, and what says nothing about the runner: names of queue
// entries, confirmation cookies, dates of mail and its message ids.
var (
	entryName = regexp.MustCompile(`\b[0-9]+\.[0-9]+\+[0-9a-f]{40}\b`)
	cookie    = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	mailDate  = regexp.MustCompile(`\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}`)
	messageID = regexp.MustCompile(`<mailman\.[0-9.]+@`)
)

// masks replace matches of these patterns, numbers that are times near now, and random passwords where mail and list
// state have them: alone, or at the end of a line.
type masks struct {
	now    time.Time
	madeUp *regexp.Regexp
}

// newMasks makes the masks of a site. Random passwords have length characters. They are made of syllables
// (Utils.UserFriendly_MakeRandomPassword) or, with USER_FRIENDLY_PASSWORDS off, of base64, which looks like any word
// of that length.
func newMasks(now time.Time, friendly bool, length int) masks {
	word := fmt.Sprintf("[A-Za-z0-9+/]{%d}", max(length, 1))
	if friendly {
		word = fmt.Sprintf("(?:[aeiou][bcdfghkmnprstvwxz]|[bcdfghkmnprstvwxz][aeiou]){%d}", max(length/2, 1))
		if length%2 == 1 {
			word += "[a-z]"
		}
	}
	return masks{now, regexp.MustCompile(`(?m)(^ *|: )` + word + `\r?$`)}
}

func (m masks) text(s string) string {
	s = entryName.ReplaceAllString(s, "<entry>")
	s = cookie.ReplaceAllString(s, "<cookie>")
	s = mailDate.ReplaceAllString(s, "<date>")
	s = messageID.ReplaceAllString(s, "<message-id@")
	return m.madeUp.ReplaceAllString(s, "${1}<made up>")
}

// around is how far from now a number may be and still count as a time.
const around = 100 * 24 * time.Hour

func (m masks) isTime(f float64) bool {
	return f > 1e9 && math.Abs(f-float64(m.now.Unix())) < around.Seconds()
}

// value copies a value and replaces what changes from run to run. Kinds are kept: a time that is a float on one side
// and an int on the other still differs.
func (m masks) value(v pickle.Value) pickle.Value {
	return pickle.Mapper{Leaf: m.leaf}.Copy(v)
}

func (m masks) leaf(v pickle.Value) pickle.Value {
	switch v := v.(type) {
	case pickle.Str:
		return pickle.Str(m.text(string(v)))
	case pickle.Unicode:
		return pickle.Unicode(m.text(string(v)))
	case pickle.Int:
		if m.isTime(float64(v)) {
			return pickle.Int(-1)
		}
	case *big.Int:
		if v.IsInt64() && m.isTime(float64(v.Int64())) {
			return big.NewInt(-1)
		}
	case float64:
		if m.isTime(v) {
			return float64(-1)
		}
	}

	return v
}

// stampedLine matches the beginning of a line in Mailman's logs: a date and a process id.
var stampedLine = regexp.MustCompile(`^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) `)

// uncaught begins the line about an exception that Mailman did not expect. Its words, and the place in the code, are
// Python's own.
const uncaught = "Uncaught runner exception: "

// exceptionLine matches the class of an exception and its text, which mmrunner writes where Mailman writes a
// traceback.
var exceptionLine = regexp.MustCompile(`^[A-Z]\w*[a-z]\w*(:|$)`)

// lines returns the lines of a log without what changes from run to run, without Python's tracebacks, and without the
// line that says how many bounces were queued, which differs between the two sides.
func (m masks) lines(log string) []string {
	var all []string
	traceback, raised := false, false
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\r\n")
		bare := stampedLine.ReplaceAllString(line, "")
		if stamped := bare != line; stamped {
			traceback = strings.HasPrefix(bare, "Traceback (most recent call last):") || raised && exceptionLine.MatchString(bare)
			raised = strings.HasPrefix(bare, uncaught)
		}

		switch {
		case traceback || bare == "" || strings.Contains(bare, "queued bounces"):
		case strings.HasPrefix(bare, uncaught):
			all = append(all, uncaught+"...")
		default:
			all = append(all, m.text(bare))
		}
	}

	return all
}

var password = regexp.MustCompile(`('password': u?)'[^']*'`)

// hidePassword hides the password in a record, but not whether there is one.
func hidePassword(s string) string { return password.ReplaceAllString(s, "$1'(hidden)'") }
