package maillist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// lines is a Logger that keeps what it is told.
type lines []string

func (l *lines) Printf(log, format string, a ...any) {
	*l = append(*l, log+": "+fmt.Sprintf(format, a...))
}

// damage does something to a list's directory.
type damage struct {
	name string
	do   func(t *testing.T, dir string)
	// python is set where only Mailman itself can go on.
	python bool
}

func truncate(name string, part float64) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		b := readFile(t, filepath.Join(dir, name))
		writeFile(t, filepath.Join(dir, name), b[:int(float64(len(b))*part)])
	}
}

func replace(name, contents string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, name), []byte(contents)) }
}

func remove(names ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, name := range names {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func all(fns ...func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, fn := range fns {
			fn(t, dir)
		}
	}
}

var damages = []damage{
	{name: "none", do: all()},
	{name: "no config.pck", do: remove("config.pck")},
	{name: "empty config.pck", do: truncate("config.pck", 0)},
	{name: "half a config.pck", do: truncate("config.pck", .5)},
	{name: "nearly all of a config.pck", do: truncate("config.pck", .999)},
	{name: "garbage", do: replace("config.pck", "#garbage")},
	{name: "zeros", do: replace("config.pck", strings.Repeat("\x00", 100))},
	{name: "a list", do: replace("config.pck", "]q\x01.")},
	{name: "old safety files", do: all(truncate("config.pck", .5), replace("config.pck.safety", "old"), replace("config.pck.corrupt", "old"))},
	{name: "both torn", do: all(truncate("config.pck", .5), truncate("config.pck.last", .2))},
	{name: "both missing", do: remove("config.pck", "config.pck.last")},
	{name: "torn, no last", do: all(truncate("config.pck", .5), remove("config.pck.last"))},
	{name: "extension is a directory", do: func(t *testing.T, dir string) {
		if err := os.Mkdir(filepath.Join(dir, "extend.py"), 0o755); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "config.pck is a directory", do: func(t *testing.T, dir string) {
		name := filepath.Join(dir, "config.pck")
		if err := errors.Join(os.Remove(name), os.Mkdir(name, 0o755)); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "no directory", do: func(t *testing.T, dir string) {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "a list, both", do: all(replace("config.pck", "]q\x01."), replace("config.pck.last", "K\x05."))},
	{name: "only a config.db", do: all(remove("config.pck", "config.pck.last"), replace("config.db", "0")), python: true},
	{name: "only a config.db.last", do: all(remove("config.pck", "config.pck.last"), replace("config.db.last", "0")), python: true},
	{name: "sound, and a config.db", do: replace("config.db", "garbage")},
	{name: "torn with a last, and a config.db", do: all(truncate("config.pck", .5), replace("config.db", "garbage"))},
	{name: "extension", do: replace("extend.py", "def extend(l): pass\n"), python: true},
	{name: "torn, and a config.db", do: all(truncate("config.pck", .5), remove("config.pck.last"), replace("config.db", "0")), python: true},
}

// tree describes the files of a list: names, modes, contents where they tell.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}

	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %v %d\n", e.Name(), info.Mode(), info.Size())
	}

	return b.String()
}

// TestDamagedListsLoadAsInMailman has Mailman and us open lists in every state of damage: the outcome,
// the log lines and the files must be equal.
func TestDamagedListsLoadAsInMailman(t *testing.T) {
	t.Parallel()
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testLoad(t, mmtest.CloneOf(t, prefix)) })
	}
}

func testLoad(t *testing.T, prefix string) {
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "l", Members: []string{"a@example.net", "b@example.net"}})
	s := testSite(t, prefix)

	// A second save makes config.pck.last.
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "l", Members: []string{"c@example.net"}})
	sound := os.DirFS(filepath.Join(s.ListDataDir(), "l"))
	dir := func(i int) string { return filepath.Join(s.ListDataDir(), fmt.Sprintf("l%d", i)) }
	reset := func(t *testing.T, i int) {
		if err := errors.Join(os.RemoveAll(dir(i)), os.CopyFS(dir(i), sound)); err != nil {
			t.Fatal(err)
		}
		damages[i].do(t, dir(i))
	}

	for i := range damages {
		reset(t, i)
	}
	// What Mailman makes of each, with what it logs; an extension it would run.
	all := loadPickle(t, mmtest.RunPython(t, prefix, `
import cPickle
from Mailman import MailList, mm_cfg
error = os.path.join(mm_cfg.LOG_DIR, 'error')
out = []
for i in range(int(sys.argv[1])):
    open(error, 'w').close()
    try:
        m = MailList.MailList('l%d' % i, lock=0)
        r = str(len(m.getMembers()))
    except Exception, e:
        r = e.__class__.__name__
    out.append((r, open(error).read()))
sys.stdout.write(cPickle.dumps(out, 1))
`, fmt.Sprint(len(damages)))).(*pickle.List).Items

	for i, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			wantTree := tree(t, dir(i))
			reset(t, i)
			var log lines
			o := Options{Log: &log, Lock: func() (func() error, error) {
				log = append(log, "lock")
				return func() error { log = append(log, "unlock"); return nil }, nil
			}}

			l, err := Open(s, fmt.Sprintf("l%d", i), o)
			if d.python {
				var needs *ErrNeedsPython
				if !errors.As(err, &needs) || len(log) > 0 {
					t.Fatalf("got %v and logged %q, need an ErrNeedsPython", err, log)
				}
				return
			}

			want := all[i].(*pickle.Tuple).Items
			if got := outcome(l, err); got != string(want[0].(pickle.Str)) {
				t.Errorf("got %s, need %s", got, want[0])
			}

			if gotTree := tree(t, dir(i)); gotTree != wantTree {
				t.Errorf("files:\n%s\nwanted:\n%s", gotTree, wantTree)
			}

			gotLog := slices.DeleteFunc(log, func(s string) bool { return s == "lock" || s == "unlock" })
			if wantLog := unstamped(string(want[1].(pickle.Str))); strings.Join(gotLog, "\n") != wantLog {
				t.Errorf("logged:\n%q\nwanted:\n%q", strings.Join(gotLog, "\n"), wantLog)
			}

			if locks := len(log) - len(gotLog); strings.Contains(strings.Join(gotLog, ""), "fixing") != (locks > 0) {
				t.Errorf("took the lock %d times", locks)
			}
		})
	}
}

func outcome(l *List, err error) string {
	raised := py.AsError(err)
	switch {
	case raised != nil:
		return raised.Class
	case errors.As(err, new(*fs.PathError)):
		return "IOError"
	case err != nil:
		return err.Error()
	}

	all, _ := l.NumMembers()
	return fmt.Sprint(all)
}

// logged returns the lines of Mailman's error log without their stamps, or ""
// if there is none.
func logged(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}

	if err != nil {
		t.Fatal(err)
	}

	return unstamped(string(b))
}

func unstamped(log string) string {
	var out []string
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		if stamp, rest, ok := strings.Cut(line, ") "); ok && strings.Contains(stamp, " (") && len(stamp) < 40 {
			line = "error: " + rest
		}
		out = append(out, line)
	}

	return strings.Join(out, "\n")
}

// madeSite is a site without Mailman, and makeList a list in it.
func madeSite(t testing.TB) *site.Site {
	return site.FromProfile(t.TempDir(), site.Builtin())
}

func makeList(t testing.TB, s *site.Site, name string, more func(*pickle.Dict)) string {
	t.Helper()
	d := pickle.NewDict()
	for _, dict := range append([]string{lastDigest, "hold_and_cmd_autoresponses"}, removed...) {
		d.SetStr(dict, pickle.NewDict())
	}
	d.SetStr("data_version", pickle.Int(s.Profile.DataFileVersion))
	d.SetStr("host_name", pickle.Str("lists.example.com"))
	d.SetStr("web_page_url", pickle.Str("http://lists.example.com/mailman/"))
	d.SetStr("preferred_language", pickle.Str("en"))
	d.SetStr("available_languages", pickle.NewList(pickle.Str("en")))
	d.SetStr("ban_list", pickle.NewList())
	d.SetStr("topics", pickle.NewList())
	d.SetStr("digestable", pickle.Int(1))
	d.SetStr("nondigestable", pickle.Int(1))
	d.SetStr("next_request_id", pickle.Int(1))
	d.SetStr("new_member_options", pickle.Int(256))

	if more != nil {
		more(d)
	}

	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(s.ListDataDir(), name, "config.pck")
	writeFile(t, file, b)
	return file
}

// CheckValues repairs some settings each time a list is loaded.
func TestCheckValues(t *testing.T) {
	t.Parallel()
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testCheckValues(t, mmtest.CloneOf(t, prefix)) })
	}
}

func testCheckValues(t *testing.T, prefix string) {
	s := testSite(t, prefix)
	cases := []string{
		"web_page_url = 'lists.example.com/mailman'", "web_page_url = 'http://x'", "web_page_url = u'https://x/y'",
		"web_page_url = '//x/y/'", "web_page_url = 'x:80/'", "web_page_url = ''", "web_page_url = 'HTTP://x?y'",
		"web_page_url = 'http:///x/'", "web_page_url = 'a b://x/'", "web_page_url = 'mailto:8080'",
		"reply_to_address = 'bad'; m.reply_goes_to_list = 2", "reply_to_address = 'bad'; m.reply_goes_to_list = 0",
		"reply_to_address = ' a@b.example'; m.reply_goes_to_list = 1", "reply_to_address = 'a@b.example'; m.reply_goes_to_list = 1",
		"reply_to_address = '  '; m.reply_goes_to_list = 1",
		"topics = [('a', 'x', 'd', 0), ('b', '(', 'd', 1), ['c', 'x\\ny', 'd', 0]]",
		"topics = [('a', u'x(?=y)', 'd', 0)]", "topics = [('a', 'a\\n(\\nb', u'd', 0), ('b', '[z-a]', '', 0)]",
		"topics = [('a', 'x'), 'abc']",
	}

	var specs []mmtest.ListSpec
	for i, c := range cases {
		specs = append(specs, mmtest.ListSpec{Name: fmt.Sprintf("l%d", i), Python: "m." + c})
	}
	mmtest.MakeLists(t, prefix, specs...)

	// What Mailman makes of each, with what it logs.
	all := loadPickle(t, mmtest.RunPython(t, prefix, `
import cPickle
from Mailman import MailList, mm_cfg
error = os.path.join(mm_cfg.LOG_DIR, 'error')
out = []
for i in range(int(sys.argv[1])):
    open(error, 'w').close()
    try:
        m = MailList.MailList('l%d' % i, lock=0)
        r = m.web_page_url, m.reply_to_address, m.reply_goes_to_list, m.topics
    except Exception, e:
        r = e.__class__.__name__
    out.append((r, open(error).read()))
sys.stdout.write(cPickle.dumps(out, 1))
`, fmt.Sprint(len(cases)))).(*pickle.List).Items

	for i, c := range cases {
		t.Run(c, func(t *testing.T) {
			name := fmt.Sprintf("l%d", i)
			want, wantLog := all[i].(*pickle.Tuple).Items[0], all[i].(*pickle.Tuple).Items[1].(pickle.Str)
			var log lines
			l, err := Open(s, name, Options{Log: &log})
			if err != nil {
				if name, ok := want.(pickle.Str); !ok || !strings.Contains(err.Error(), string(name)) {
					t.Fatalf("got %v, need %s", err, pickle.Repr(want, 200))
				}
				return
			}

			got := pickle.NewTuple()
			for _, name := range []string{"web_page_url", "reply_to_address", "reply_goes_to_list", "topics"} {
				v, _ := l.Get(name)
				got.Items = append(got.Items, v)
			}

			mustEqual(t, "values", got, want)
			if want := unstamped(string(wantLog)); strings.Join(log, "\n") != want {
				t.Errorf("logged %q, wanted %q", log, want)
			}
		})
	}
}

// pyJSON has Python apply an expression f(x) to each of xs.
func pyJSON(t *testing.T, prefix, imports, f string, xs, out any) {
	t.Helper()
	in, err := json.Marshal(xs)
	if err != nil {
		t.Fatal(err)
	}

	b := mmtest.RunPythonInput(t, prefix, in, "import json\n"+imports+`
def b(v):
    if isinstance(v, unicode): return v.encode('latin-1')
    if isinstance(v, list): return [b(x) for x in v]
    return v
def u(v):
    if isinstance(v, str): return v.decode('latin-1')
    if isinstance(v, (list, tuple)): return [u(x) for x in v]
    return v
out = []
for x in b(json.load(sys.stdin)):
    try:
        out.append(`+f+`)
    except Exception, e:
        out.append(e.__class__.__name__)
json.dump(u(out), sys.stdout)
`)

	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
}
