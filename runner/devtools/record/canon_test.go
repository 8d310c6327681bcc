package record

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

var (
	stamp  = regexp.MustCompile(`^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) `)
	cookie = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	// A password that Mailman makes up is four syllables of two letters.
	generated = regexp.MustCompile(`^(?:[aeiou][bcdfghkmnprstvwxz]|[bcdfghkmnprstvwxz][aeiou]){4}$`)
	entryTime = regexp.MustCompile(`SHUNTING: [0-9.]+\+`)
)

// mask hides what is random.
func mask(s string) string {
	if generated.MatchString(s) {
		return "<generated>"
	}
	return entryTime.ReplaceAllString(cookie.ReplaceAllString(s, "<cookie>"), "SHUNTING: <time>+")
}

// canonical is the first pickle of a file as lines of text that tell kinds, with
// what is random or of the clock hidden.
func canonical(t *testing.T, content string, start float64) []string {
	t.Helper()
	v, _, err := pickle.Load([]byte(content))
	if err != nil {
		t.Fatal(err)
	}

	d, ok := v.(*pickle.Dict)
	if !ok {
		t.Fatalf("got a pickled %T, need a dict", v)
	}

	c := canon{start}
	var lines []string
	for k, v := range d.All() {
		// Mailman counts an answer before it takes the lock, which can undo that.
		if k == pickle.Value(pickle.Str("request_responses")) {
			continue
		}

		if item, ok := v.(*pickle.Dict); ok {
			for k2, v2 := range item.All() {
				lines = append(lines, c.of(k)+"["+c.of(k2)+"] = "+c.of(v2))
			}
			continue
		}

		lines = append(lines, c.of(k)+" = "+c.of(v))
	}

	slices.Sort(lines)
	return lines
}

// canon writes values; times near start are hidden.
type canon struct{ start float64 }

func (c canon) all(items []pickle.Value) string {
	var parts []string
	for _, item := range items {
		parts = append(parts, c.of(item))
	}
	return strings.Join(parts, ", ")
}

func (c canon) of(v pickle.Value) string {
	switch v := v.(type) {
	case pickle.Str:
		return fmt.Sprintf("%q", mask(string(v)))
	case float64:
		if math.Abs(v-c.start) < 10*24*60*60 {
			return "<time>"
		}
	case *pickle.List:
		return "[" + c.all(v.Items) + "]"
	case *pickle.Tuple:
		return "(" + c.all(v.Items) + ")"
	case *pickle.Dict:
		var parts []string
		for k, item := range v.All() {
			parts = append(parts, c.of(k)+": "+c.of(item))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case *pickle.Instance:
		return v.Class.Module + "." + v.Class.Name + c.of(v.State)
	}

	return pickle.Repr(v, 1<<16)
}

func latin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}
