package intake

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
)

// testSettings are those of a site whose queues and lists are below dir.
func testSettings(dir string) *Settings {
	s := &Settings{
		ListDir: filepath.Join(dir, "lists"),
		Queues: map[string]string{
			"in": filepath.Join(dir, "qfiles", "in"), "bounces": filepath.Join(dir, "qfiles", "bounces"),
			"commands": filepath.Join(dir, "qfiles", "commands"),
		},
		Schema:        3,
		OwnerPipeline: []string{"SpamDetect", "ToOutgoing"},
		SiteBounces:   "mailman-bounces@lists.example.com",
	}

	for _, c := range "-+_.=abcdefghijklmnopqrstuvwxyz0123456789" {
		s.Acceptable[c] = true
	}
	return s
}

// What each script queues has the name, the text and the metadata that Mailman's
// own script gives it.
func TestEntriesAreThoseOfMailmansScripts(t *testing.T) {
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "c++"})
	text := "From a@example.com  Thu Jan  1 00:00:00 1970\nSubject: \xe4 '\" \\ \x00\n\nbody\r\nFrom here\n\n"
	out := string(mmtest.RunPythonInput(t, prefix, []byte(text), `
import time, imp
from Mailman import mm_cfg, Utils
from Mailman.Queue import Switchboard
class Clock:
    def time(self):
        return 1800000000.25
Switchboard.time = Clock()
import cStringIO
text = sys.stdin.read()
keep = sys.stdout, sys.stderr
for name in 'post admin bounces confirm join leave owner request subscribe unsubscribe'.split():
    sys.stdin = cStringIO.StringIO(text)
    sys.argv = [name, 'c++']
    module = imp.load_source('script_' + name, os.path.join(PREFIX, 'scripts', name))
    module.main()
    for queue in ('in', 'bounces', 'commands'):
        dir = os.path.join(mm_cfg.QUEUE_DIR, queue)
        for f in os.path.isdir(dir) and os.listdir(dir) or ():
            keep[0].write('%s %s %s %s\n' % (name, queue, f, open(os.path.join(dir, f)).read().encode('hex')))
            os.unlink(os.path.join(dir, f))
keep[0].write('%r\n' % ((mm_cfg.OWNER_PIPELINE, Utils.get_site_email(extra='bounces')),))
`))

	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(Scripts())+1 {
		t.Fatalf("Mailman's scripts made %d entries, want %d: %s", len(lines)-1, len(Scripts()), out)
	}

	s := testSettings(t.TempDir())
	pipeline, site, _ := strings.Cut(strings.Trim(lines[len(lines)-1], "()"), "], ")
	s.OwnerPipeline = nil
	for _, h := range strings.Split(strings.TrimPrefix(pipeline, "["), ", ") {
		s.OwnerPipeline = append(s.OwnerPipeline, strings.Trim(h, "'"))
	}
	s.SiteBounces = strings.Trim(site, "'")

	for i, script := range Scripts() {
		f := strings.Fields(lines[i])
		if f[0] != script.Name || f[1] != script.Queue {
			t.Fatalf("Mailman's %s writes to queue %s, ours to %s", f[0], f[1], script.Queue)
		}

		e, err := s.Entry(script, "c++", text, 1800000000.25)
		if err != nil {
			t.Fatal(err)
		}

		if e.Base+".pck" != f[2] {
			t.Errorf("%s: name %s.pck, want %s", script.Name, e.Base, f[2])
		}

		theirs := make([]byte, len(f[3])/2)
		for j := range theirs {
			theirs[j] = unhex(f[3][2*j])<<4 | unhex(f[3][2*j+1])
		}
		got, err := qfile.Decode(e.Base, e.Bytes)
		if err != nil {
			t.Fatal(err)
		}

		want, err := qfile.Decode(e.Base, theirs)
		if err != nil {
			t.Fatal(err)
		}

		if got.Message != want.Message {
			t.Errorf("%s: message %q, want %q", script.Name, got.Message, want.Message)
		}

		if d := pickle.Diff(got.Data.Dict(), want.Data.Dict(), 9); len(d) > 0 {
			t.Errorf("%s: metadata: %v", script.Name, d)
		}
	}
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

func TestListExistsAsMailmanSays(t *testing.T) {
	prefix := mmtest.Clone(t)
	names := []string{"one", "last", "db", "empty", "c++", "a.b", "file", "Upper", "..", ".", "", "a/b", "sp ace", strings.Repeat("x", 300), "none", "one\n"}

	for path, content := range map[string]string{
		"one/config.pck": "x", "last/config.pck.last": "x", "db/config.db": "", "empty/other": "", "c++/config.pck": "",
		"a.b/config.db.last": "", "file": "", "Upper/config.pck": "", "sp ace/config.pck": "", "a/b/config.pck": "", "config.pck": "",
	} {
		p := filepath.Join(prefix, "lists", path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}

	out := mmtest.RunPythonInput(t, prefix, []byte(strings.Join(names, "\x00")), `
from Mailman import Utils
for n in sys.stdin.read().split('\0'):
    sys.stdout.write('%d' % bool(Utils.list_exists(n)))
`)

	s := testSettings(prefix)
	for i, name := range names {
		got, err := s.ListExists(name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
		}

		// Mailman takes lists/ itself and what is above it for lists where a config.pck lies there.
		if want := out[i] == '1' && name != "" && name != "." && name != ".."; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestClockNeverGivesATimeTwice(t *testing.T) {
	var c Clock
	seen := map[string]bool{}
	last := 0.0
	for range 10000 {
		now := c.Now()
		if name := pickle.Repr(now, 64); seen[name] || now <= last {
			t.Fatalf("time %s came again, or out of order", name)
		} else {
			seen[name] = true
		}

		last = now
	}

	if ahead := last - float64(time.Now().UnixMicro())/1e6; ahead > 0.02 {
		t.Errorf("the clock is %v s ahead", ahead)
	}
}

func TestEnqueueLeavesNothingHalfWritten(t *testing.T) {
	s := testSettings(t.TempDir())
	post, _ := ByName("post")
	e, err := s.Entry(post, "one", "text", 1)
	if err != nil {
		t.Fatal(err)
	}

	if err := e.Enqueue(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a queue directory's parent: %v, want that it does not exist", err)
	}

	if err := os.MkdirAll(filepath.Dir(e.Dir), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := e.Enqueue(); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(e.Path())
	if err != nil {
		t.Fatal(err)
	}

	dir, err := os.Stat(e.Dir)
	if err != nil {
		t.Fatal(err)
	}

	if info.Mode().Perm() != 0o660 || dir.Mode().Perm() != 0o770 {
		t.Errorf("modes %v and %v, want -rw-rw---- and drwxrwx---", info.Mode(), dir.Mode())
	}

	// A directory in the entry's place makes the rename fail.
	if err := errors.Join(os.Remove(e.Path()), os.MkdirAll(filepath.Join(e.Path(), "full"), 0o755)); err != nil {
		t.Fatal(err)
	}

	if err := e.Enqueue(); err == nil {
		t.Error("the entry took a directory's place")
	}

	left, err := os.ReadDir(e.Dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, %v, want only the directory", left, err)
	}
}
