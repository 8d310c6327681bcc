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
			t.Errorf("%s: got %d bouncers, %d commands, %d languages", prefix, len(p.Bouncers.Pipeline), len(p.Commands), len(p.Languages))
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
		t.Errorf("got %v and warnings %q", s.Problem, warnings)
	}

	if got := s.ListDataDir(); got != filepath.Join(prefix, "lists") {
		t.Errorf("had lists in %q", got)
	}

	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("a directory without a Mailman was opened")
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
		t.Errorf("got %v, %v", err, s.Problem)
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
	edit("MailList.py", "def Save(self):", "def Save(self, why=None):")
	edit("Handlers/CookHeaders.py", "def process(mlist, msg, msgdata):", "def process(mlist, msg, msgdata, why=None):")
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

	// BouncerAPI's own code is as it was: its pipeline is data.
	if got, want := strings.Join(p.Custom, " "), "Bouncers/Exim Bouncers/Mine Commands/cmd_info Handlers/CookHeaders MailList"; got != want {
		t.Errorf("got custom modules %s, need %s", got, want)
	}

	if tags, ok := p.Bouncers.Modules["Qmail"].Tables["introtags"].Value.(*pickle.List); !ok || tags.Items[0] != pickle.Str("A greeting of our own") {
		t.Errorf("had introtags %v", p.Bouncers.Modules["Qmail"].Tables["introtags"])
	}

	if got := p.Bouncers.Modules["Mine"].Error; !strings.Contains(got, "ZeroDivisionError") {
		t.Errorf("got the error %q for a module that cannot be imported", got)
	}

	if got := p.Bouncers.Pipeline[len(p.Bouncers.Pipeline)-1]; got != "Mine" {
		t.Errorf("got %q last in the pipeline", got)
	}
}
