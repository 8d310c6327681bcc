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
