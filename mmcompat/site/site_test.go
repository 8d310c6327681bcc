package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

func TestProbeOfEachRelease(t *testing.T) {
	mmtest.Python(t)
	for _, prefix := range mmtest.Releases(t) {
		s, err := Open(prefix, Options{NoCache: true, Warn: func(m string) { t.Error(m) }})
		if err != nil {
			t.Fatal(err)
		}
		p := s.Profile
		if !s.Probed || !strings.HasPrefix(p.Version, "2.1.") {
			t.Fatalf("%s: had version %q", prefix, p.Version)
		}
		if len(p.Custom) != 0 {
			t.Errorf("%s: had custom modules %q in a Mailman as it is shipped", prefix, p.Custom)
		}
		if s.Str("MAILMAN_SITE_LIST") == "" || s.Int("LIST_LOCK_LIFETIME") == 0 || s.QueueDir("bounces") == "" {
			t.Errorf("%s: settings are missing", prefix)
		}
		if len(p.Bouncers.Pipeline) < 15 || len(p.Commands) < 10 || len(p.Languages) < 30 {
			t.Errorf("%s: had %d bouncers, %d commands, %d languages", prefix, len(p.Bouncers.Pipeline), len(p.Commands), len(p.Languages))
		}
		for name, c := range p.Commands {
			if !c.Shipped {
				t.Errorf("%s: command %s was not recognised", prefix, name)
			}
		}
		if _, ok := p.Msg("Commands/cmd_confirm", "Invalid confirmation"); !ok {
			t.Errorf("%s: a text of cmd_confirm is missing", prefix)
		}
	}
}

func TestCacheFollowsTheSources(t *testing.T) {
	mmtest.Python(t)
	prefix := mmtest.Clone(t)
	open := func() *Site {
		t.Helper()
		s, err := Open(prefix, Options{Warn: func(m string) { t.Error(m) }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := open(); s.Cached {
		t.Fatal("a cache was there before anything was probed")
	}
	info, err := os.Stat(filepath.Join(prefix, "data", cacheName))
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Fatalf("had %v, %v, wanted a file with mode 0660", info, err)
	}
	if s := open(); !s.Cached || s.Profile.Version == "" {
		t.Fatal("the cache was not used")
	}
	cfg := filepath.Join(prefix, "Mailman", "mm_cfg.py")
	f, err := os.OpenFile(cfg, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("\nREGISTER_BOUNCES_EVERY = 77\nMMRUNNER_BYTES = 'J\\xf6rg \\xc3\\xb6'\nMMRUNNER_KINDS = (1, 2L, u'\\u20ac', None, {'a': [True, 1.5]})\n")
	f.Close()
	s := open()
	if s.Cached || s.Int("REGISTER_BOUNCES_EVERY") != 77 {
		t.Fatal("a changed mm_cfg.py was not seen")
	}
	if got := s.Str("MMRUNNER_BYTES"); got != "J\xf6rg ö" {
		t.Errorf("had %q", got)
	}
	v, _ := s.Value("MMRUNNER_KINDS")
	if got := pickle.Repr(v, 200); got != `(1, 2L, u'\u20ac', None, {'a': [True, 1.5]})` {
		t.Errorf("had %s", got)
	}
	if s := open(); !s.Cached {
		t.Fatal("the new cache was not used")
	}
	command := filepath.Join(prefix, "Mailman", "Commands", "cmd_hello.py")
	if err := os.WriteFile(command, []byte("def process(res, args):\n    res.results.append('hello')\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s = open()
	if len(s.Profile.Custom) != 1 || s.Profile.Custom[0] != "Commands/cmd_hello" || s.Profile.Commands["hello"].Shipped {
		t.Errorf("had custom modules %q", s.Profile.Custom)
	}
}

func TestSiteThatCannotBeProbed(t *testing.T) {
	prefix := t.TempDir()
	if err := os.Mkdir(filepath.Join(prefix, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(prefix, "bin", "qrunner"), []byte("#! /nonexistent/python\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAILMAN_PYTHON", "")
	var warnings []string
	s, err := Open(prefix, Options{Warn: func(m string) { warnings = append(warnings, m) }})
	if err != nil {
		t.Fatal(err)
	}
	if s.Probed || s.Problem == nil || len(warnings) != 1 {
		t.Errorf("had %v and warnings %q", s.Problem, warnings)
	}
	if got := s.ListDataDir(); got != filepath.Join(prefix, "lists") {
		t.Errorf("had lists in %q", got)
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("a directory without a Mailman was opened")
	}
}

// A cache that others may write to, that is torn, or that somebody made for
// another installation is as good as none.
func TestCachesThatAreNotBelieved(t *testing.T) {
	mmtest.Python(t)
	prefix := mmtest.Clone(t)
	file := filepath.Join(prefix, "data", cacheName)
	open := func() *Site {
		t.Helper()
		s, err := Open(prefix, Options{Warn: func(m string) { t.Error(m) }})
		if err != nil || !s.Probed {
			t.Fatal(err, s.Problem)
		}
		return s
	}
	open()
	if s := open(); s.CacheFile() != file {
		t.Fatalf("had the cache %q, wanted %q", s.CacheFile(), file)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"writable by all": func() error { return os.Chmod(file, 0o666) },
		"torn":            func() error { return os.WriteFile(file, good[:len(good)/2], 0o660) },
		"empty":           func() error { return os.WriteFile(file, nil, 0o660) },
		"another's": func() error {
			return os.WriteFile(file, []byte(strings.Replace(string(good), prefix, "/elsewhere", 1)), 0o660)
		},
	} {
		if err := os.WriteFile(file, good, 0o660); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o660); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if s := open(); s.Cached {
			t.Errorf("a cache that is %s was used", name)
		}
	}
}

// A directory that cannot be written to costs time at each start, nothing else.
func TestWithoutADataDirectory(t *testing.T) {
	mmtest.Python(t)
	prefix := mmtest.Clone(t)
	if err := os.RemoveAll(filepath.Join(prefix, "data")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := Open(prefix, Options{Warn: func(m string) { t.Error(m) }})
		if err != nil || !s.Probed || s.Cached {
			t.Errorf("had %v, %v, probed %v, cached %v", err, s.Problem, s.Probed, s.Cached)
		}
	}
}

// mm_cfg.PYTHON may be mmrunner; asking that for a profile would ask itself.
func TestItselfIsNoInterpreter(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	prefix := t.TempDir()
	if err := os.Mkdir(filepath.Join(prefix, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(prefix, "bin", "qrunner"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Open(prefix, Options{Python: own})
	if err != nil || s.Problem == nil || !strings.Contains(s.Problem.Error(), "mmrunner itself") {
		t.Errorf("had %v, %v", err, s.Problem)
	}
}

// The probe is a guest: nothing of the installation is other than before.
func TestProbeLeavesNoTrace(t *testing.T) {
	mmtest.Python(t)
	for _, release := range mmtest.Releases(t) {
		prefix := mmtest.CloneOf(t, release)
		list := func() string {
			var b strings.Builder
			err := filepath.WalkDir(prefix, func(path string, e os.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := e.Info()
				if err == nil {
					b.WriteString(path + info.ModTime().String() + info.Mode().String() + "\n")
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		before := list()
		if _, err := runProbe(mmtest.Python(t), prefix); err != nil {
			t.Fatal(err)
		}
		if list() != before {
			t.Errorf("%s: the probe changed files", release)
		}
	}
}

// A change of wording in a bounce module's patterns is the site's right; one of
// its code makes it the site's own module. A command is only ours as shipped.
func TestWhatCountsAsCustom(t *testing.T) {
	python := mmtest.Python(t)
	prefix := mmtest.Clone(t)
	edit := func(file, old, new string) {
		t.Helper()
		file = filepath.Join(prefix, "Mailman", file)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := strings.Replace(string(b), old, new, 1)
		if s == string(b) {
			t.Fatalf("%s has no %q", file, old)
		}
		if err := os.WriteFile(file, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	edit("Bouncers/Qmail.py", "introtags = [", "introtags = [\n    'A greeting of our own',")
	edit("Bouncers/Exim.py", "x-failed-recipients", "x-lost-recipients")
	edit("Bouncers/AOL.py", "could not be delivered", "were not found")
	edit("Commands/cmd_help.py", "import", "# a remark does not count\nimport")
	edit("Commands/cmd_info.py", "def process(res, args):", "def process(res, args):\n    res.results.append('more')")
	edit("Bouncers/BouncerAPI.py", "'AOL',", "'AOL', 'Mine',")
	if err := os.WriteFile(filepath.Join(prefix, "Mailman", "Bouncers", "Mine.py"), []byte("1/0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(prefix, Options{Python: python, NoCache: true})
	if err != nil || !s.Probed {
		t.Fatal(err, s.Problem)
	}
	p := s.Profile
	for name, want := range map[string]bool{"Qmail": true, "AOL": true, "Exim": false, "Mine": false, "DSN": true} {
		if got := p.Bouncers.Modules[name].Shipped; got != want {
			t.Errorf("bounce module %s: shipped was %v, wanted %v", name, got, want)
		}
	}
	for name, want := range map[string]bool{"help": true, "info": false, "end": true} {
		if got := p.Commands[name].Shipped; got != want {
			t.Errorf("command %s: shipped was %v, wanted %v", name, got, want)
		}
	}
	if got := strings.Join(p.Custom, " "); !strings.Contains(got, "Bouncers/Exim Bouncers/Mine") || !strings.Contains(got, "Commands/cmd_info") {
		t.Errorf("had custom modules %s", got)
	}
	if tags, ok := p.Bouncers.Modules["Qmail"].Tables["introtags"].Value.(*pickle.List); !ok || tags.Items[0] != pickle.Str("A greeting of our own") {
		t.Errorf("had introtags %v", p.Bouncers.Modules["Qmail"].Tables["introtags"])
	}
	if got := p.Bouncers.Modules["Mine"].Error; !strings.Contains(got, "ZeroDivisionError") {
		t.Errorf("had the error %q for a module that cannot be imported", got)
	}
	if got := p.Bouncers.Pipeline[len(p.Bouncers.Pipeline)-1]; got != "Mine" {
		t.Errorf("had %q last in the pipeline", got)
	}
}
