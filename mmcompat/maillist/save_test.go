package maillist

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// Save replaces config.pck by a file of Mailman's mode under Mailman's temporary
// name, and keeps the old one.
func TestStagedListShowsWhenPublished(t *testing.T) {
	s := madeSite(t)
	file := makeList(t, s, "l", func(d *pickle.Dict) { d.SetStr("_private", pickle.Int(1)) })
	before := string(readFile(t, file))
	l, err := Open(s, "l", Options{Held: true, Hostname: "host.example", PID: 77})
	if err != nil {
		t.Fatal(err)
	}

	l.Set("description", pickle.Unicode("new"))
	files, err := l.Stage()
	if err != nil {
		t.Fatal(err)
	}

	if len(files) != 1 || files[0].Tmp != file+".tmp.host.example.77" {
		t.Fatalf("staged %+v", files)
	}

	st, err := os.Stat(files[0].Tmp)
	if err != nil {
		t.Fatal(err)
	}

	if st.Mode().Perm() != 0o660 {
		t.Errorf("got mode %v, need 0660", st.Mode())
	}

	if string(readFile(t, file)) != before {
		t.Error("config.pck changed before it was published")
	}

	if err := files[0].Publish(nil); err != nil {
		t.Fatal(err)
	}

	if string(readFile(t, file+".last")) != before {
		t.Error("config.pck.last is not what config.pck was")
	}

	d := loadPickle(t, readFile(t, file)).(*pickle.Dict)
	if v, _ := d.GetStr("description"); v != pickle.Unicode("new") {
		t.Errorf("had description %v", v)
	}

	if _, ok := d.GetStr("_private"); ok {
		t.Error("a private attribute was saved")
	}
}

// A disk that is full: nothing is left, the old state stays, and the log says
// what Mailman's would.
func TestStageDiskFull(t *testing.T) {
	// In a process of its own: the limit is on all that a process writes.
	if os.Getenv("MMRUNNER_TEST_FULL") == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}

		cmd := exec.Command(self, "-test.run=^TestStageDiskFull$")
		cmd.Env = append(os.Environ(), "MMRUNNER_TEST_FULL=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}

		return
	}

	s := madeSite(t)
	file := makeList(t, s, "l", nil)
	before := string(readFile(t, file))
	var log lines
	l, err := Open(s, "l", Options{Held: true, Log: &log})
	if err != nil {
		t.Fatal(err)
	}

	l.Set("info", pickle.Str(strings.Repeat("x", 100000)))
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}

	limit.Cur = 50000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}

	if _, err := l.Stage(); !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("got %v, need EFBIG", err)
	}

	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}

	if len(entries) != 1 || string(readFile(t, file)) != before {
		t.Errorf("left %v", entries)
	}

	want := "error: Failed config.pck write, retaining old state.\n[Errno 27] File too large"
	if len(log) != 1 || log[0] != want {
		t.Errorf("logged %q, wanted %q", log, want)
	}
}

// A directory that is gone: the log names the file, as it was being opened.
func TestStageNoDirectory(t *testing.T) {
	s := madeSite(t)
	file := makeList(t, s, "l", nil)
	var log lines
	l, err := Open(s, "l", Options{Held: true, Log: &log, Hostname: "h", PID: 1})
	if err != nil {
		t.Fatal(err)
	}

	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}

	if _, err := l.Stage(); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}

	want := "error: Failed config.pck write, retaining old state.\n[Errno 2] No such file or directory: '" + file + ".tmp.h.1'"
	if len(log) != 1 || log[0] != want {
		t.Errorf("logged %q, wanted %q", log, want)
	}
}

// What a batch rolls back is as if it had never been: views and caches too.
func TestRollbackForgetsChanges(t *testing.T) {
	s := madeSite(t)
	makeList(t, s, "l", nil)
	l, err := Open(s, "l", Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	add := func(addr string) {
		t.Helper()
		if err := l.AddNewMember(addr, NewMember{Password: pickle.Str("x")}); err != nil {
			t.Fatal(err)
		}
	}

	add("a@example.net")
	sp := l.Savepoint()
	add("b@example.net")

	if err := l.RemoveMember("a@example.net"); err != nil {
		t.Fatal(err)
	}

	l.Set("members", pickle.NewDict())
	l.DictSet("members", "c@example.net", pickle.Int(0))
	l.DictSet("brand_new", "x", pickle.Int(1))
	l.Rollback(sp)

	if !l.IsMember("a@example.net") || l.IsMember("b@example.net") || l.IsMember("c@example.net") || l.Has("brand_new") {
		t.Error("the members are not those of the savepoint")
	}

	add("d@example.net")
	if all, _ := l.NumMembers(); all != 2 {
		t.Errorf("got %d members, need 2", all)
	}
}

// The links to public archives follow archive_private, in each release.
func TestCheckHTMLArchiveDir(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "l"})
	public := filepath.Join(prefix, "archives", "public")
	links := func() string {
		entries, err := os.ReadDir(public)
		if err != nil {
			t.Fatal(err)
		}

		var b strings.Builder
		for _, e := range entries {
			to, err := os.Readlink(filepath.Join(public, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(e.Name() + " -> " + to + "\n")
		}

		return b.String()
	}

	cfg := prefix + "/Mailman/mm_cfg.py"
	old := readFile(t, cfg)
	for _, c := range []string{"", "PUBLIC_MBOX = Yes", "ARCHIVE_TO_MBOX = -1", "PUBLIC_ARCHIVE_FILE_DIR = PUBLIC_ARCHIVE_FILE_DIR + '/'\nPRIVATE_ARCHIVE_FILE_DIR += '/'"} {
		writeFile(t, cfg, []byte(string(old)+"\n"+c+"\n"))
		os.Remove(cfg + "c")
		s := testSite(t, prefix)
		start := links()

		want := strings.Split(string(mmtest.RunPython(t, prefix, `
from Mailman import MailList
m = MailList.MailList('l')
for private in (0, 1, 0):
    m.archive_private = private
    m.Save()
    d = sys.argv[1]
    for name in sorted(os.listdir(d)):
        print name + ' -> ' + os.readlink(os.path.join(d, name))
    print '--'
m.Unlock()`, public)), "--\n")

		// Back to where it began, for our turn.
		entries, err := os.ReadDir(public)
		if err != nil {
			t.Fatal(err)
		}

		for _, e := range entries {
			if err := os.Remove(filepath.Join(public, e.Name())); err != nil {
				t.Fatal(err)
			}
		}

		for line := range strings.Lines(start) {
			name, to, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " -> ")
			if err := os.Symlink(to, filepath.Join(public, name)); err != nil {
				t.Fatal(err)
			}
		}

		l, err := Open(s, "l", Options{Held: true})
		if err != nil {
			t.Fatal(err)
		}

		for i, private := range []pickle.Int{0, 1, 0} {
			l.Set("archive_private", private)
			if err := l.CheckHTMLArchiveDir(); err != nil {
				t.Fatal(err)
			}

			if got := links(); got != want[i] {
				t.Errorf("%s, private %d:\nhad\n%swanted\n%s", c, private, got, want[i])
			}
		}
	}
}
