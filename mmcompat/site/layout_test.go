package site

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

func owned(info fs.FileInfo, uid, gid uint32) bool {
	st := info.Sys().(*syscall.Stat_t)
	return st.Uid == uid && st.Gid == gid
}

// Each setting has the value and the kind that Python says it has.
func TestSettingsArePythons(t *testing.T) {
	python := mmtest.Python(t)
	for _, prefix := range mmtest.Releases(t) {
		s, err := Open(prefix, Options{Python: python, NoCache: true})
		if err != nil || !s.Probed {
			t.Fatal(err, s.Problem)
		}

		out := mmtest.RunPython(t, prefix, `
import json
from Mailman import mm_cfg
def simple(v):
    if isinstance(v, (list, tuple)):
        return not [x for x in v if not simple(x)]
    return v is None or type(v) in (bool, int, long, float, str, unicode)
print json.dumps(dict([(k, repr(v)) for k, v in vars(mm_cfg).items() if simple(v) and not k.startswith('__')]))
`)

		var want map[string]string
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatal(err)
		}

		if len(want) < 200 {
			t.Errorf("%s: Python has only %d settings", prefix, len(want))
		}

		for name, repr := range want {
			v, ok := s.Value(name)
			if got := pickle.Repr(v, 1<<20); !ok || got != repr {
				t.Errorf("%s: %s is %s, wanted %s", prefix, name, got, repr)
			}
		}
	}
}

// Programs and state may lie in different places, as the distributions have
// them: what belongs where is for the settings to say, and the cache is kept
// with the state.
func TestProgramsAndStateApart(t *testing.T) {
	mmtest.Python(t)
	prefix := mmtest.Clone(t)
	root := t.TempDir()
	dirs := map[string]string{
		"VAR_PREFIX": root + "/var/lib/mailman", "LOG_DIR": root + "/var/log/mailman", "LOCK_DIR": root + "/var/lock/mailman",
		"QUEUE_DIR": root + "/var/spool/mailman", "DATA_DIR": root + "/var/lib/mailman/data",
	}

	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o775); err != nil {
			t.Fatal(err)
		}
	}

	// configure writes VAR_PREFIX into Defaults.py; the packages' patches do the same to the others.
	defaults := filepath.Join(prefix, "Mailman", "Defaults.py")
	edit(t, defaults, fmt.Sprintf("VAR_PREFIX      = '%s'", prefix), fmt.Sprintf("VAR_PREFIX      = '%s'", dirs["VAR_PREFIX"]))
	for name, was := range map[string]string{"LOG_DIR         = os.path.join(VAR_PREFIX, 'logs')": "LOG_DIR",
		"LOCK_DIR        = os.path.join(VAR_PREFIX, 'locks')": "LOCK_DIR", "QUEUE_DIR       = os.path.join(VAR_PREFIX, 'qfiles')": "QUEUE_DIR"} {
		edit(t, defaults, name, fmt.Sprintf("%s = '%s'", was, dirs[was]))
	}

	s := open(t, prefix)
	for got, want := range map[string]string{
		s.ListDataDir(): dirs["VAR_PREFIX"] + "/lists", s.DataDir(): dirs["DATA_DIR"], s.LogDir(): dirs["LOG_DIR"], s.LockDir(): dirs["LOCK_DIR"],
		s.QueueDir("bounces"): dirs["QUEUE_DIR"] + "/bounces", s.TemplateDir(): prefix + "/templates", s.MessagesDir(): prefix + "/messages",
		s.Str("PREFIX"): prefix,
	} {
		if got != want {
			t.Errorf("got %s, need %s", got, want)
		}
	}

	if s := open(t, prefix); s.CacheFile() != filepath.Join(dirs["DATA_DIR"], cacheName) {
		t.Errorf("got the cache %q", s.CacheFile())
	}
}

// An installation is found by what its directory holds, where it is named and
// where it is not; a link to it is as good as itself.
func TestInstallationsAreFound(t *testing.T) {
	root := t.TempDir()
	prefix := filepath.Join(root, "3rdparty", "mailman")
	if err := os.MkdirAll(filepath.Join(prefix, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(prefix, "bin", "qrunner"), []byte("#! python\n"), 0o755); err != nil {
		t.Fatal(err)
	}

	link := filepath.Join(root, "link")
	if err := os.Symlink(prefix, link); err != nil {
		t.Fatal(err)
	}

	t.Setenv("MAILMAN_PREFIX", "")
	defer func(places []string) { usualPlaces = places }(usualPlaces)
	usualPlaces = []string{filepath.Join(root, "nowhere"), prefix, link}

	for explicit, want := range map[string]string{"": prefix, prefix + "/": prefix, link: link, root + "/3rdparty/../link/": link} {
		if got, err := Find(explicit); err != nil || got != want {
			t.Errorf("%q: got %s, %v, need %s", explicit, got, err, want)
		}
	}

	t.Setenv("MAILMAN_PREFIX", link)
	if got, err := Find(""); err != nil || got != link {
		t.Errorf("got %s, %v, need $MAILMAN_PREFIX", got, err)
	}

	for _, bad := range []string{root, filepath.Join(root, "nowhere"), filepath.Join(prefix, "bin", "qrunner")} {
		if got, err := Find(bad); err == nil {
			t.Errorf("%s: found %s", bad, got)
		}
	}

	usualPlaces = nil
	t.Setenv("MAILMAN_PREFIX", "")
	if got, err := Find(""); err == nil {
		t.Errorf("found %s nowhere", got)
	}
}
