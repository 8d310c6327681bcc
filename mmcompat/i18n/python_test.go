package i18n

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// said prints what Mailman itself makes of every template and of the texts that
// the runners use, in every language: one JSON list a line of language, name,
// kind and the bytes as Latin-1.
const said = `
import sys, os, json
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + '/bin')
import paths
from Mailman import mm_cfg, Utils, i18n
def speak(s):
    # Only what is in this function can be referred to, beside the names that follow.
    who = u'J\xfcrgen \u20ac'; name = 'Joe'; n = 7
    return eval('_(s)', {'_': i18n._}, {'s': s, 'who': who, 'name': name, 'n': n})
def show(lang, name, v):
    print json.dumps([lang, name, type(v).__name__, isinstance(v, unicode) and v or v.decode('latin-1')])
vars = {'listname': 'test', 'addr': 'a@example.com', 'member': u'J\xfcrgen', 'email': 'x', 'emailaddr': 'y' * 90,
        'reason': 'Gr\xfc\xdfe', 'cookie': '0' * 40, 'noticesleft': 3, 'password': 'p w', 'date': 1.5}
for lang in sorted(mm_cfg.LC_DESCRIPTIONS):
    d = os.path.join(mm_cfg.TEMPLATE_DIR, lang)
    for f in sorted(os.path.isdir(d) and os.listdir(d) or []):
        if f.endswith('.txt'):
            show(lang, f, Utils.maketext(f, vars, lang=lang))
            show(lang, 'raw ' + f, Utils.maketext(f, dict(vars, member='m'), lang=lang, raw=True))
    i18n.set_language(lang)
    for s in json.load(open(sys.argv[2])):
        show(lang, s, speak(s.encode('latin-1')))
`

func TestTextsInEveryLanguage(t *testing.T) {
	python, prefix := mmtest.Python(t), mmtest.Prefix(t)
	s, err := site.Open(prefix, site.Options{NoCache: true})
	if err != nil || !s.Probed {
		t.Fatal(err, s.Problem)
	}

	var ids []string
	for _, module := range []string{"Bouncer", "MailList", "Deliverer", "Queue/CommandRunner", "Commands/cmd_confirm", "Commands/cmd_set"} {
		for _, id := range s.Profile.Messages[module] {
			if id != "" {
				ids = append(ids, id)
			}
		}
	}

	ids = append(ids, "%(who)s and %(name)s: %(n)d, %(nobody)s", "100% of it", "%(n)5i|%(n)02d|%(who)8s", "%(name)d")
	list, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "ids")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(python, "-c", said, prefix, file)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}

	texts := New(s, func(f string, a ...any) {})
	vars := Vars{"listname": "test", "addr": "a@example.com", "member": pickle.Unicode("Jürgen"), "email": "x",
		"emailaddr": strings.Repeat("y", 90), "reason": "Gr\xfc\xdfe", "cookie": strings.Repeat("0", 40),
		"noticesleft": 3, "password": "p w", "date": 1.5}
	n, bad := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var want [4]string
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}

		lang, name := want[0], want[1]
		var got Text
		switch {
		case strings.HasPrefix(name, "raw ") && strings.HasSuffix(name, ".txt"):
			v := Vars{}
			for k := range vars {
				v[k] = vars[k]
			}
			v["member"] = "m"
			got, _, err = texts.Maketext(name[4:], v, lang, nil, true)
		case strings.HasSuffix(name, ".txt"):
			got, _, err = texts.Maketext(name, vars, lang, nil, false)
		default:
			got, err = texts.Underscore(lang, name, Vars{"who": pickle.Unicode("Jürgen €"), "name": "Joe", "n": 7, "s": name}), nil
		}

		if err != nil {
			t.Fatal(err)
		}

		kind, s := "str", ""
		switch g := got.(type) {
		case pickle.Unicode:
			kind, s = "unicode", string(g)
		case string:
			s, _ = codec.Decode(g, "latin-1", codec.Strict)
		}

		n++
		if kind != want[2] || s != want[3] {
			if bad++; bad <= 10 {
				t.Errorf("%s %q:\nhad    %s %q\nwanted %s %q", lang, name, kind, s, want[2], want[3])
			}
		}
	}

	t.Logf("%d texts, %d differ", n, bad)
	if n < 1000 {
		t.Errorf("had only %d texts to compare", n)
	}
}
