package pyre

import (
	"encoding/json"
	"math/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// collectPython prints every pattern that an installed Mailman gives to re: the
// compiled ones in its modules, and the literals in their source.
const collectPython = `
import ast, glob, json, re
got = {}
def add(p, flags):
    if isinstance(p, str):
        got[(p, flags)] = True
kind = type(re.compile(''))
def dig(v):
    if isinstance(v, kind):
        add(v.pattern, v.flags)
    elif isinstance(v, (list, tuple)):
        for one in v:
            dig(one)
from Mailman import mm_cfg
for name in dir(mm_cfg):
    if name.endswith('_REGEXP'):
        add(getattr(mm_cfg, name), 0)
for path in glob.glob(os.path.join(PREFIX, 'Mailman', 'Bouncers', '*.py')):
    name = os.path.basename(path)[:-3]
    if name != '__init__':
        m = __import__('Mailman.Bouncers.' + name, None, None, ['x'])
        for v in vars(m).values():
            dig(v)
for folder in ('.', 'Queue', 'Handlers', 'Commands', 'Bouncers', 'Archiver', 'Cgi', 'Gui'):
    for path in glob.glob(os.path.join(PREFIX, 'Mailman', folder, '*.py')):
        for n in ast.walk(ast.parse(open(path).read())):
            if (isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
                and isinstance(n.func.value, ast.Name) and n.func.value.id == 're'
                and n.args and isinstance(n.args[0], ast.Str)):
                for flags in (0, re.I, re.I | re.VERBOSE):
                    add(n.args[0].s, flags)
print json.dumps([[p.decode('latin-1'), f] for p, f in sorted(got)])
`

// TestMailmansPatterns tries every pattern of the installed Mailmans on texts
// made of pieces of these patterns and of what they look for.
func TestMailmansPatterns(t *testing.T) {
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) {
			var got [][2]any
			if err := json.Unmarshal(mmtest.RunPython(t, prefix, collectPython), &got); err != nil {
				t.Fatal(err)
			}

			if len(got) < 150 {
				t.Fatalf("only %d patterns found", len(got))
			}

			m := &maker{Rand: rand.New(rand.NewSource(4))}
			var questions []question
			for len(questions)*8 < cases(t, 12000) {
				for _, one := range got {
					q := question{Pattern: unlatin(one[0].(string)), Flags: Flags(one[1].(float64))}
					for range 8 {
						q.Texts = append(q.Texts, m.like(q.Pattern))
					}
					questions = append(questions, q)
				}
			}

			same, refused := compare(t, questions)
			rounds := len(questions) / len(got)
			t.Logf("%d patterns, %d answers the same as Python's, %d patterns refused", len(got), same, refused/rounds)
		})
	}
}

var plainText = regexp.MustCompile(`[A-Za-z0-9 @:<>'.-]{2,}`)

// like makes a text out of a pattern's literal parts and addresses.
func (m *maker) like(pattern string) string {
	pieces := plainText.FindAllString(pattern, -1)
	pieces = append(pieces, " ", "\n", "<ann@example.com>", "bob+x=example.org@example.net", "@", ":", ",", "\t", ">", "<", "a", "(", ")", "\xe9", "7", "-", "=")
	var b strings.Builder

	if m.Intn(2) == 0 { // the literal parts in their order, with something between
		for _, p := range plainText.FindAllString(pattern, -1) {
			b.WriteString(p)
			if m.Intn(2) == 0 {
				b.WriteString(m.pick(pieces...))
			}
		}
	}

	for n := m.Intn(10); n > 0; n-- {
		b.WriteString(m.pick(pieces...))
	}
	s := b.String()
	switch m.Intn(4) {
	case 0:
		s = strings.ToUpper(s)
	case 1:
		s = strings.ToLower(s)
	}

	if s != "" && m.Intn(4) == 0 {
		at := m.Intn(len(s))
		s = s[:at] + m.pick("\n", " ", "", "x") + s[at+1:]
	}

	return s
}
