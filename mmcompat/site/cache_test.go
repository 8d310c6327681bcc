package site

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// open opens a Mailman that can be probed, and must not complain.
func open(t *testing.T, prefix string) *Site {
	t.Helper()
	s, err := Open(prefix, Options{Python: mmtest.Python(t), Warn: func(m string) { t.Error(m) }})
	if err != nil || !s.Probed {
		t.Fatal(err, s.Problem)
	}
	return s
}

// edit changes a file as an editor does that keeps its size and date.
func edit(t *testing.T, file, old, new string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}

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

	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func TestCacheFollowsTheSources(t *testing.T) {
	mmtest.Python(t)
	prefix := mmtest.Clone(t)
	if s := open(t, prefix); s.Cached {
		t.Fatal("a cache was there before anything was probed")
	}

	file := filepath.Join(prefix, "data", cacheName)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Fatalf("got %v, %v, need a file with mode 0660", info, err)
	}

	if s := open(t, prefix); !s.Cached || s.CacheFile() != file || s.Profile.Version == "" {
		t.Fatalf("got the cache %q, need %q", s.CacheFile(), file)
	}

	cfg := filepath.Join(prefix, "Mailman", "mm_cfg.py")
	f, err := os.OpenFile(cfg, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	f.WriteString("\nREGISTER_BOUNCES_EVERY = 77\nMMRUNNER_BYTES = 'J\\xf6rg \\xc3\\xb6'\nMMRUNNER_KINDS = (1, 2L, u'\\u20ac', None, {'a': [True, 1.5]})\n")
	f.Close()
	s := open(t, prefix)
	if s.Cached || s.Int("REGISTER_BOUNCES_EVERY") != 77 {
		t.Fatal("a changed mm_cfg.py was not seen")
	}

	if got := s.Str("MMRUNNER_BYTES"); got != "J\xf6rg ö" {
		t.Errorf("got %q", got)
	}

	v, _ := s.Value("MMRUNNER_KINDS")
	if got := pickle.Repr(v, 200); got != `(1, 2L, u'\u20ac', None, {'a': [True, 1.5]})` {
		t.Errorf("got %s", got)
	}

	edit(t, cfg, "EVERY = 77", "EVERY = 78")
	if s := open(t, prefix); s.Cached || s.Int("REGISTER_BOUNCES_EVERY") != 78 {
		t.Error("a change that left size and date as they were was not seen")
	}

	command := filepath.Join(prefix, "Mailman", "Commands", "cmd_hello.py")
	if err := os.WriteFile(command, []byte("def process(res, args):\n    res.results.append('hello')\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	s = open(t, prefix)
	if len(s.Profile.Custom) != 1 || s.Profile.Custom[0] != "Commands/cmd_hello" || s.Profile.Commands["hello"].Shipped {
		t.Errorf("had custom modules %q", s.Profile.Custom)
	}

	if err := os.Remove(command); err != nil {
		t.Fatal(err)
	}

	if s := open(t, prefix); s.Cached || len(s.Profile.Custom) != 0 {
		t.Errorf("had custom modules %q after they were removed", s.Profile.Custom)
	}
}

// A cache that others may have written, that is torn, or that was made for
// another installation is as good as none.
func TestCachesThatAreNotBelieved(t *testing.T) {
	python := mmtest.Python(t)
	prefix := mmtest.Clone(t)
	data := filepath.Join(prefix, "data")
	file := filepath.Join(data, cacheName)
	open(t, prefix)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	cases := map[string]func() error{
		"good":            func() error { return nil },
		"writable by all": func() error { return os.Chmod(file, 0o666) },
		"in a directory that all may write to": func() error {
			t.Cleanup(func() { os.Chmod(data, fs.ModeSetgid|0o775) })
			return os.Chmod(data, 0o777)
		},
		"torn":  func() error { return os.WriteFile(file, good[:len(good)/2], 0o660) },
		"empty": func() error { return os.WriteFile(file, nil, 0o660) },
		"another's": func() error {
			return os.WriteFile(file, []byte(strings.Replace(string(good), prefix, "/elsewhere", 1)), 0o660)
		},
		"a link": func() error {
			if err := os.Rename(file, file+".real"); err != nil {
				return err
			}
			return os.Symlink(file+".real", file)
		},
		"a directory": func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Mkdir(file, 0o700)
		},
	}

	if os.Geteuid() == 0 {
		cases["a stranger's"] = func() error { return os.Chown(file, 65533, 65533) }
		cases["writable by a strange group"] = func() error { return os.Chown(file, 0, 65533) }
	}

	for name, spoil := range cases {
		os.RemoveAll(file)
		if err := os.Chmod(data, fs.ModeSetgid|0o775); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(file, good, 0o660); err != nil {
			t.Fatal(err)
		}

		if err := os.Chmod(file, 0o660); err != nil {
			t.Fatal(err)
		}

		if err := spoil(); err != nil {
			t.Fatal(err)
		}

		if p, _ := readCache(prefix, python); (p != nil) != (name == "good") {
			t.Errorf("a cache that is %s: used is %v", name, p != nil)
		}
	}

	if p, _ := readCache(prefix, "/elsewhere/python"); p != nil {
		t.Error("another interpreter's cache was used")
	}
}

// Many starts at the same time leave one whole cache, and nothing else.
func TestCacheOfManyStarts(t *testing.T) {
	python := mmtest.Python(t)
	prefix := mmtest.Clone(t)
	raw, err := runProbe(python, prefix)
	if err != nil {
		t.Fatal(err)
	}

	p, err := parseProfile(raw)
	if err != nil {
		t.Fatal(err)
	}

	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 3 {
				if err := writeCache(p, raw, python); err != nil {
					t.Error(err)
				}
				if p, _ := readCache(prefix, python); p == nil {
					t.Error("a cache was replaced by a part of one")
				}
			}
		}()
	}

	wg.Wait()
	files, err := filepath.Glob(filepath.Join(prefix, "data", cacheName+"*"))
	if err != nil || len(files) != 1 {
		t.Errorf("got %q, need one file", files)
	}
}

// The cache has the data's owner and group, whichever user started first.
func TestWhoseTheCacheIs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}

	dir := t.TempDir()
	p := &Profile{Settings: map[string]Setting{"DATA_DIR": str(dir)}}
	for _, c := range []struct {
		mode fs.FileMode
		want string
	}{{fs.ModeSetgid | 0o775, "-rw-rw----"}, {0o775, "-rw-rw----"}, {0o755, "-rw-------"}, {0o700, "-rw-------"}} {
		if err := os.Chown(dir, 65532, 65531); err != nil {
			t.Fatal(err)
		}

		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}

		if err := writeCache(p, []byte("{}"), "python"); err != nil {
			t.Fatal(err)
		}

		info, err := os.Stat(filepath.Join(dir, cacheName))
		if err != nil {
			t.Fatal(err)
		}

		parent, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}

		if info.Mode().String() != c.want || !trusted(info, parent, 65532) || !owned(info, 65532, 65531) {
			t.Errorf("in a directory of mode %o: got %v", c.mode, info.Mode())
		}
	}
}

// A directory that is not there, or is read-only, costs time at each start,
// nothing else.
func TestWithoutADataDirectory(t *testing.T) {
	mmtest.Python(t)
	prefix := mmtest.Clone(t)
	data := filepath.Join(prefix, "data")

	if os.Geteuid() != 0 {
		if err := os.Chmod(data, 0o555); err != nil {
			t.Fatal(err)
		}

		if s := open(t, prefix); s.Cached {
			t.Error("a cache was written to a read-only directory")
		}

		if err := os.Chmod(data, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if s := open(t, prefix); s.Cached {
			t.Error("there is a cache, but no directory for it")
		}
	}
}
