package verify

import (
	"context"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// list is the state of a small list.
func list() *pickle.Dict {
	dict := func(pairs ...any) *pickle.Dict {
		d := pickle.NewDict()
		for i := 0; i < len(pairs); i += 2 {
			d.SetStr(pairs[i].(string), pairs[i+1])
		}
		return d
	}

	info := pickle.NewOldInstance("Mailman.Bouncer", "_BounceInfo")
	info.SetAttr("score", 1.0)
	info.SetAttr("member", pickle.Str("anne@example.com"))
	return dict("data_version", pickle.Int(110), "real_name", pickle.Str("Test"), "info", pickle.Unicode("caf\u00e9"),
		"digestable", pickle.Int(1), "advertised", true, "big", big.NewInt(7), "nothing", nil,
		"members", dict("anne@example.com", pickle.Int(0)), "digest_members", dict("bart@example.com", pickle.Str("Bart@example.com")),
		"passwords", dict("anne@example.com", pickle.Str("one"), "bart@example.com", pickle.Str("two")),
		"bounce_info", dict("anne@example.com", info), "bans", pickle.NewList(pickle.Str("^x"), pickle.NewTuple(pickle.Int(2))))
}

func save(t *testing.T, path string, proto int, values ...pickle.Value) {
	t.Helper()
	var all []byte
	for _, v := range values {
		b, err := pickle.Dump(v, proto)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}

	write(t, path, all)
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o770); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o660); err != nil {
		t.Fatal(err)
	}
}

// newSite makes a site with one file of each kind.
func newSite(t *testing.T) *site.Site {
	t.Helper()
	s := site.FromProfile(t.TempDir(), site.Builtin())
	dir := filepath.Join(s.ListDataDir(), "test")
	save(t, filepath.Join(dir, "config.pck"), 1, list())
	save(t, filepath.Join(dir, "config.pck.last"), 1, list())
	d := pickle.NewDict()
	d.SetStr("evictions", pickle.NewDict())
	d.SetStr("cookie", pickle.NewTuple(pickle.Str("C"), pickle.Str("tab\t, \u00e9 and 'quotes\"\n"), pickle.Unicode("\u20ac \\ \u00e9")))
	save(t, filepath.Join(dir, "pending.pck"), 0, d)
	d = pickle.NewDict()
	d.Set(pickle.Int(1), pickle.NewTuple(pickle.Int(2), pickle.NewTuple(1.5, pickle.Str("a@example.com"), pickle.Str("A"), pickle.Str("secret"), pickle.Int(0), pickle.Str("en"))))
	save(t, filepath.Join(dir, "request.pck"), 1, d)
	d = pickle.NewDict()
	d.SetStr("listname", pickle.Str("Test"))
	d.SetStr("_parsemsg", true)
	save(t, filepath.Join(s.QueueDir("bounces"), "1.0+aa.pck"), 0, pickle.Str("From: a\n\nbody\n"), d)
	m := pickle.NewOldInstance("Mailman.Message", "Message")
	m.SetAttr("_headers", pickle.NewList(pickle.NewTuple(pickle.Str("From"), pickle.Str("a"))))
	m.SetAttr("_payload", pickle.Str("body\n"))
	for _, name := range []string{"_unixfrom", "_charset", "preamble", "epilogue"} {
		m.SetAttr(name, nil)
	}
	m.SetAttr("__version__", pickle.NewTuple(pickle.Int(4), pickle.Int(0), pickle.Int(3)))
	m.SetAttr("defects", pickle.NewList())
	m.SetAttr("_default_type", pickle.Str("text/plain"))
	save(t, filepath.Join(s.DataDir(), "heldmsg-test-1.pck"), 1, m)
	event := pickle.NewTuple(pickle.Str("test"), pickle.Str("anne@example.com"), pickle.NewTuple(pickle.Int(2020), pickle.Int(1), pickle.Int(2)), m)
	save(t, filepath.Join(s.DataDir(), "bounce-events-99999999.pck"), 1, event, event)

	return s
}

func verifySite(t *testing.T, s *site.Site, o Options) *Report {
	t.Helper()
	files, err := Files(s, o.Lists)
	if err != nil {
		t.Fatal(err)
	}

	o.Doubts = true
	r, err := Run(context.Background(), files, o)
	if err != nil {
		t.Fatal(err)
	}

	return r
}

func TestSoundSiteHasNoDifferences(t *testing.T) {
	s := newSite(t)
	r := verifySite(t, s, Options{})
	for _, f := range r.Findings {
		t.Error(f)
	}

	if r.Files != 7 || r.Pickles != 9 || r.Gopickle != 7 || r.Lists != 1 || r.Python != 0 {
		t.Errorf("got %+v, need 7 files of 9 pickles, all read by gopickle too, of 1 list", r)
	}

	if _, err := Files(s, []string{"other"}); err == nil {
		t.Error("got no error for a list that does not exist")
	}
}

func TestSoundSiteByPython(t *testing.T) {
	p, err := StartPython(mmtest.Python(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := verifySite(t, newSite(t), Options{Python: p})
	for _, f := range r.Findings {
		t.Error(f)
	}

	if r.Python != 7 || len(r.Unread) > 0 {
		t.Errorf("got %+v, need all 7 files read by cPickle", r)
	}
}

// Kinds that Mailman does not use, but a site's own extension might.
func TestPythonReadsAnything(t *testing.T) {
	p, err := StartPython(mmtest.Python(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	b := mmtest.PlainPython(t, nil, `
import sys, cPickle
class Old: pass
class Args:
    def __getinitargs__(self): return (1, u'x')
class New(object): pass
class L(list): pass
class D(dict): pass
def made(c, *a):
    x = c(*a); x.attr = 5L; return x
deep = []
for i in range(300): deep = [deep]
v = [made(Old), made(Args), made(New), made(L, [1, 2]), made(D, {'k': u'v'}), set([1]), Old, 1 << 200, -(1 << 31), 1 << 40,
     -5L, 0L, 1e300, True, False, None, '', u'', '\xe9\\\'"', u'\u20ac\ud800', (), (1,), {(1, 2): 3}, deep, 'shared', 'shared']
for proto in 0, 1, 2:
    cPickle.dump(v, sys.stdout, proto)
`)

	c := &checker{python: p, max: 10, file: File{Path: "anything"}}
	c.run(b)
	for _, f := range c.findings {
		// gopickle does not decode the raw-unicode-escape of a lone surrogate.
		if f.Check != checkGopickle {
			t.Error(f)
		}
	}

	if c.pickles != 3 || !c.asked || c.unsaid != nil {
		t.Errorf("got %d pickles, asked %v, %v; need 3 compared", c.pickles, c.asked, c.unsaid)
	}

	if _, _, err := p.Read([]byte("(lp1\nI1\n")); !errors.As(err, new(*UnreadableError)) {
		t.Errorf("got %v for a torn pickle, need cPickle's own error", err)
	}
}

func TestDamageIsFound(t *testing.T) {
	member := func(d *pickle.Dict, table string) *pickle.Dict {
		v, _ := d.GetStr(table)
		return v.(*pickle.Dict)
	}

	for _, test := range []struct {
		name   string
		damage func(*pickle.Dict)
		path   string
	}{
		{"str to unicode", func(d *pickle.Dict) { d.SetStr("real_name", pickle.Unicode("Test")) }, "['real_name']"},
		{"int to long", func(d *pickle.Dict) { d.SetStr("digestable", big.NewInt(1)) }, "['digestable']"},
		{"int to bool", func(d *pickle.Dict) { d.SetStr("digestable", true) }, "['digestable']"},
		{"missing key", func(d *pickle.Dict) { d.Delete(pickle.Str("nothing")) }, "['nothing']"},
		{"byte flipped", func(d *pickle.Dict) { d.SetStr("real_name", pickle.Str("Tesu")) }, "['real_name']"},
		{"bit 7 flipped in a password", func(d *pickle.Dict) { member(d, "passwords").SetStr("anne@example.com", pickle.Str("o\xeee")) },
			"['passwords']['anne@example.com']"},
		{"byte flipped in a key", func(d *pickle.Dict) {
			member(d, "members").Delete(pickle.Str("anne@example.com"))
			member(d, "members").SetStr("anne@exanple.com", pickle.Int(0))
		}, "['members']['anne@exanple.com']"},
		{"key to unicode", func(d *pickle.Dict) {
			member(d, "digest_members").Delete(pickle.Str("bart@example.com"))
			member(d, "digest_members").Set(pickle.Unicode("bart@example.com"), pickle.Str("Bart@example.com"))
		}, "['digest_members']['bart@example.com']"},
		{"missing member", func(d *pickle.Dict) { member(d, "members").Delete(pickle.Str("anne@example.com")) },
			"['passwords']['anne@example.com']"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			d := list()
			test.damage(d)
			path := filepath.Join(s.ListDataDir(), "test", "config.pck")
			save(t, path, 1, d)
			r := verifySite(t, s, Options{})
			if len(r.Findings) == 0 || r.Findings[0].Path != test.path || r.Findings[0].List != "test" || r.OK() {
				t.Errorf("got %v, need %s first", r.Findings, test.path)
			}

			for _, f := range r.Findings {
				if strings.Contains(f.String(), "o\\xeee") {
					t.Errorf("%s shows a password", f)
				}
			}

			found, err := Pair(content(t, path), content(t, path+".last"), Options{})
			if err != nil || len(found) == 0 {
				t.Errorf("got %v, %v from comparing the two files, need a difference", found, err)
			}
		})
	}
}

func TestTornPicklesAreReported(t *testing.T) {
	s := newSite(t)
	files, err := Files(s, nil)
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range files {
		b, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}

		write(t, f.Path, b[:len(b)-1])
		if err := os.Chtimes(f.Path, epoch, epoch); err != nil {
			t.Fatal(err)
		}

		r := verifySite(t, s, Options{})
		if len(r.Findings) != 1 || r.Findings[0].File != f.Path || r.Findings[0].Check != checkRead || !strings.Contains(r.Findings[0].Had, "offset") {
			t.Errorf("%s: got %v, need one about its end", f.Path, r.Findings)
		}

		write(t, f.Path, b)
	}
}

// epoch is the time of files that are not being written now.
var epoch = time.Unix(1e9, 0)

// A file that goes before it is read is counted, not complained of.
func TestFilesThatVanishAreNoDifference(t *testing.T) {
	s := newSite(t)
	files, err := Files(s, nil)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(files[0].Path); err != nil {
		t.Fatal(err)
	}

	r, err := Run(context.Background(), files, Options{})
	if err != nil || r.Vanished != 1 || !r.OK() {
		t.Errorf("got %+v, %v, need one file gone and nothing wrong", r, err)
	}
}

// A list or a queue that cannot be entered is told of, not left out.
func TestWhatCannotBeEnteredIsTold(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may enter everything")
	}

	for _, dir := range []string{"lists/test", "qfiles/bounces", "data", "lists", "qfiles"} {
		t.Run(dir, func(t *testing.T) {
			s := newSite(t)
			path := filepath.Join(s.Prefix, dir)
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(path, 0o770)

			files, err := Files(s, nil)
			if err != nil {
				return
			}

			r, err := Run(context.Background(), files, Options{})
			if err == nil && r.OK() {
				t.Errorf("got %+v, need an error about %s", r, path)
			}
		})
	}
}

func TestTwoFilesOfNothingAreNotEqual(t *testing.T) {
	dir := t.TempDir()
	empty, full := filepath.Join(dir, "empty"), filepath.Join(dir, "full")
	write(t, empty, nil)
	save(t, full, 0, list())

	for _, pair := range [][2]string{{empty, empty}, {empty, full}, {full, empty}} {
		if found, err := Pair(content(t, pair[0]), content(t, pair[1]), Options{}); err == nil {
			t.Errorf("%v: got %v and no error", pair, found)
		}
	}
}

func content(t *testing.T, path string) Content {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Content{path, b}
}
