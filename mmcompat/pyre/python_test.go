package pyre

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// cases is how many pattern and text pairs a test holds against Python:
// MMRUNNER_TEST_CASES for a long run.
func cases(t testing.TB, usual int) int {
	if s := os.Getenv("MMRUNNER_TEST_CASES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("MMRUNNER_TEST_CASES is %q, want a number", s)
		}
		return n
	}
	return usual
}

// latin is bytes as JSON can carry them.
func latin(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

func unlatin(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// question is one pattern with the texts to try it on.
type question struct {
	Pattern string
	Flags   Flags
	Texts   []string
}

// answer is Python's answer to a question.
type answer struct {
	Error  string
	Groups int
	Names  map[string]int
	Found  [][3][]int // by text: spans of search, of match, and of all of finditer's matches
}

const askPython = `
import sys, json, re
for line in sys.stdin:
    q = json.loads(line)
    b = lambda u: u.encode('latin-1')
    a = {'Found': []}
    try:
        cre = re.compile(b(q['Pattern']), q['Flags'])
    except Exception, e:
        a['Error'] = '%s: %s' % (e.__class__.__name__, e)
        print json.dumps(a).decode('latin-1').encode('utf-8')
        continue
    a['Groups'] = cre.groups
    a['Names'] = cre.groupindex
    def spans(mo):
        if mo is None:
            return []
        r = []
        for i in range(cre.groups + 1):
            r.extend(mo.span(i))
        return r
    for text in q['Texts']:
        text = b(text)
        every = []
        for mo in cre.finditer(text):
            every.extend(spans(mo))
        a['Found'].append([spans(cre.search(text)), spans(cre.match(text)), every])
    print json.dumps(a)
`

func ask(t testing.TB, questions []question) []answer {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, q := range questions {
		l := question{Pattern: latin(q.Pattern), Flags: q.Flags, Texts: []string{}}
		for _, s := range q.Texts {
			l.Texts = append(l.Texts, latin(s))
		}

		if err := enc.Encode(l); err != nil {
			t.Fatal(err)
		}
	}

	dec := json.NewDecoder(bytes.NewReader(mmtest.PlainPython(t, in.Bytes(), askPython)))
	answers := make([]answer, len(questions))
	for i := range answers {
		if err := dec.Decode(&answers[i]); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}

	return answers
}

func spans(ms ...*Match) []int {
	all := []int{}
	for _, m := range ms {
		if m == nil {
			continue
		}

		// An empty group that took no part is -1, -1 in Python too.
		for g := 0; g < len(m.caps); g += 2 {
			if m.caps[g] < 0 || m.caps[g+1] < 0 {
				all = append(all, -1, -1)
			} else {
				all = append(all, m.caps[g], m.caps[g+1])
			}
		}
	}

	return all
}

// compare holds this package's answers against Python's and returns how many
// pairs were the same and how many patterns were refused.
func compare(t *testing.T, questions []question) (same, refused int) {
	t.Helper()
	bad := 0
	for i, a := range ask(t, questions) {
		q := questions[i]
		r, err := Compile(q.Pattern, q.Flags)
		var unsupported *UnsupportedError
		var syntax *SyntaxError
		switch {
		case errors.As(err, &unsupported):
			refused++
			continue
		case errors.As(err, &syntax) != (a.Error != ""):
			t.Errorf("%q flags %d: error %v, Python's %q", q.Pattern, q.Flags, err, a.Error)
			continue
		case err != nil:
			same++
			continue
		}

		if r.Groups() != a.Groups || fmt.Sprint(r.names) != fmt.Sprint(a.Names) {
			t.Errorf("%q flags %d: groups %d %v, Python's %d %v", q.Pattern, q.Flags, r.Groups(), r.names, a.Groups, a.Names)
		}

		for k, text := range q.Texts {
			want := fmt.Sprint(a.Found[k])
			got := [3][]int{spans(r.Search(text)), spans(r.Match(text)), spans(r.FindAll(text)...)}
			if fmt.Sprint(got) != want {
				t.Errorf("%q flags %d on %q: %v, Python's %v", q.Pattern, q.Flags, text, got, want)
				bad++
			}

			// The engines agree with each other.
			var simulated []*Match
			for _, anchored := range []bool{false, true} {
				caps := make([]int, 2*r.ngroups)
				var m *Match
				if r.nfa.pike(r, text, 0, anchored, caps) {
					m = &Match{text, caps, r}
				}
				simulated = append(simulated, m)
			}

			if g := fmt.Sprint(spans(simulated[0]), spans(simulated[1])); g != fmt.Sprint(a.Found[k][0], a.Found[k][1]) {
				t.Errorf("%q flags %d on %q by threads: %s, Python's %v", q.Pattern, q.Flags, text, g, want)
				bad++
			}

			if bad > 20 {
				t.Fatal("too many differences")
			}

			same++
		}
	}

	return same, refused
}

// maker makes random patterns and texts that have something to do with them.
type maker struct {
	*rand.Rand
	groups int
}

func (m *maker) pick(s ...string) string { return s[m.Intn(len(s))] }

func (m *maker) atom(depth int) string {
	switch m.Intn(16) {
	case 0:
		return m.pick(`\s`, `\S`, `\w`, `\W`, `\d`, `\D`)
	case 1:
		return m.pick(`[ab]`, `[^a]`, `[a-cx]`, `[^\s@]`, `[\w.-]`, `[]a]`, `[^]a]`, `[a\]]`, `[A-z]`, `[\x41-\x5f]`, `[\n-]`, `[\b\d]`, "[\xe0-\xff]", `[\301-\312]`)
	case 2:
		return m.pick(`.`, `.`, `\.`, `\x61`, `\x40`, `\101`, `\n`, `\\`, `\-`, "\xe9", "\xc9", `\e`)
	case 3:
		return m.pick(`^`, `$`, `\A`, `\Z`, `\b`, `\B`)
	case 4, 5:
		if depth > 0 {
			return "(?:" + m.alternatives(depth-1) + ")"
		}
	case 6, 7:
		if depth > 0 {
			m.groups++
			if m.Intn(3) == 0 {
				return fmt.Sprintf("(?P<g%d>%s)", m.groups, m.alternatives(depth-1))
			}
			return "(" + m.alternatives(depth-1) + ")"
		}
	}

	return m.pick("a", "b", "c", "A", "@", " ", "x", "<", ">", "ab", "1", "_", "#", "-")
}

func (m *maker) sequence(depth int) string {
	s := ""
	for n := m.Intn(5); n > 0; n-- {
		s += m.atom(depth)
		if m.Intn(3) == 0 {
			s += m.pick("*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{2,}", "{0,1}?", "{}", "{", "{1,3}?")
		}
	}
	return s
}

func (m *maker) alternatives(depth int) string {
	s := m.sequence(depth)
	for m.Intn(4) == 0 {
		s += "|" + m.sequence(depth)
	}
	return s
}

func (m *maker) text() string {
	var b []byte
	for n := m.Intn(14); n > 0; n-- {
		b = append(b, m.pick("a", "b", "c", "a", "b", "A", "B", "@", " ", "\n", "x", "<", ">", "1", "_", "-", "\xe9", "\xc9", ".", "\t", "\v", "\x85", "ab", "\\", "\x00")...)
	}
	return string(b)
}

func (m *maker) flags() (f Flags) {
	for _, one := range []Flags{IgnoreCase, Multiline, DotAll, Verbose, Unicode} {
		if m.Intn(4) == 0 {
			f |= one
		}
	}
	return f
}

func TestAgainstPython(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewSource(1))}
	total, refused := 0, 0
	for want := cases(t, 30000); total < want; {
		var questions []question
		for range 2000 {
			m.groups = 0
			q := question{Flags: m.flags(), Pattern: m.alternatives(3)}

			if m.Intn(20) == 0 {
				q.Pattern = m.pick("(?i)", "(?s)", "(?m)", "(?x)", "(?iu)") + q.Pattern
			}

			for range 6 {
				q.Texts = append(q.Texts, m.text())
			}
			questions = append(questions, q)
		}

		same, no := compare(t, questions)
		total += same
		refused += no
		if t.Failed() {
			return
		}
	}

	t.Logf("%d answers the same as Python's, %d patterns refused", total, refused)
}
