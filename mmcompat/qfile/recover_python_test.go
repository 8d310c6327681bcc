package qfile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// What a dead runner left behind becomes what Mailman's next one makes of it.
func TestRecoveryIsMailmans(t *testing.T) {
	prefix, dir := mmtest.Prefix(t), t.TempDir()
	theirs, ours, badTheirs, badOurs := filepath.Join(dir, "theirs"), filepath.Join(dir, "ours"), filepath.Join(dir, "bad"), filepath.Join(dir, "ourbad")
	mmtest.RunPython(t, prefix, `
import cPickle, email
from Mailman import Message
from Mailman.Queue.Switchboard import Switchboard
for dir in sys.argv[1:]:
    s = Switchboard(dir)
    def put(n, text, ext='.bak'):
        fp = open(os.path.join(dir, '%d.5+%s' % (n, '%040x' % (n * 7919))) + ext, 'wb')
        fp.write(text)
        fp.close()
    msg = cPickle.dumps('From: a@example.com\n\nbody', 0)
    obj = cPickle.dumps(email.message_from_string('From: a@example.com\n\nbody', Message.Message), 1)
    n = 10
    for count in (None, 0, 1, 2, 3, 7, True, -5, 1L, 2.5):
        for parse in (False, True):
            data = {'listname': 'x', 'version': 3, '_parsemsg': parse, 'long': 5L, 'u': u'\xe4', 'pad': ' ' * 300}
            if count is not None:
                data['_bak_count'] = count
            n += 1
            put(n, (parse and msg or obj) + cPickle.dumps(data, not parse))
    put(50, '')
    put(51, 'garbage')
    put(52, msg)
    put(53, msg + cPickle.dumps({'a': 1}, 1)[:-1])
    put(54, obj[:-10])
    put(55, msg + cPickle.dumps({'_parsemsg': True}, 0) + 'what follows')
    put(56, msg + cPickle.dumps({'_parsemsg': True}, 0), '.pck')
    put(57, 'half', '.pck.tmp')
`, theirs, ours)

	mmtest.RunPython(t, prefix, `
from Mailman import mm_cfg
mm_cfg.BADQUEUE_DIR, mm_cfg.LOG_DIR = sys.argv[2:]
from Mailman.Queue.Switchboard import Switchboard
Switchboard(sys.argv[1], recover=True)
`, theirs, badTheirs, dir)

	var lines []string
	q, err := Open(ours, 0, 1, Options{BadDir: badOurs, Log: func(line string) { lines = append(lines, line) }})
	if err != nil {
		t.Fatal(err)
	}

	recovered, err := q.Recover(nil)
	if err != nil {
		t.Fatal(err)
	}

	for _, pair := range [][2]string{{theirs, ours}, {badTheirs, badOurs}} {
		want, got := contents(t, pair[0]), contents(t, pair[1])
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: had\n%s\nwanted\n%s", name, got[name], want[name])
			}
		}

		for name := range got {
			if _, ok := want[name]; !ok {
				t.Errorf("%s: Mailman has no such file", name)
			}
		}

		if a, b := mode(t, pair[0]), mode(t, pair[1]); a != b {
			t.Errorf("%s has mode %o, wanted %o", pair[1], b, a)
		}
	}

	if n := len(contents(t, badOurs)); n != 13 || len(recovered) != 13 {
		t.Errorf("preserved %d entries and recovered %d, wanted 13 and 13", n, len(recovered))
	}

	log, err := os.ReadFile(filepath.Join(dir, "error"))
	if err != nil {
		t.Fatal(err)
	}

	for _, line := range lines {
		// What is wrong with a pickle is said in other words.
		head, tail, _ := strings.Cut(line, ": ")
		if _, after, ok := strings.Cut(line, "\n"); ok {
			tail = after
		}

		if !strings.Contains(string(log), head+": ") || !strings.Contains(string(log), tail) {
			t.Errorf("logged %q, which Mailman did not: %s", line, log)
		}
	}

	if len(lines) != 13 {
		t.Errorf("got log lines %q, need 13", lines)
	}
}

// contents are a directory's files: their modes and, where they are entries, what they hold.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}

	all := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}

		text := fmt.Sprintf("%q", b)
		if it, err := Decode("x", b); err == nil {
			keys := []string{}
			for k, v := range it.Data.Dict().All() {
				keys = append(keys, pickle.Repr(k, 100)+": "+pickle.Repr(v, 1000))
			}
			slices.Sort(keys)
			text = pickle.Repr(it.Message, 1<<16) + strings.Join(keys, ", ")
		}

		all[f.Name()] = text
	}

	return all
}

// Mailman's own tools show our entries and take them back from the shunt queue.
func TestMailmansToolsTakeOurs(t *testing.T) {
	prefix := mmtest.Clone(t)
	open := func(queue string) *Queue {
		q, err := Open(filepath.Join(prefix, "qfiles", queue), 0, 1, Options{Schema: 3})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}

	shunt, bounces := open("shunt"), open("bounces")
	m, err := message.Parse("From: a@example.com\nSubject: lost\n\nand found\n")
	if err != nil {
		t.Fatal(err)
	}

	d := NewData()
	d.Set("listname", "test")
	d.Set("whichq", bounces.Dir())
	base, err := shunt.Enqueue(m, d)
	if err != nil {
		t.Fatal(err)
	}

	tool := func(args ...string) string {
		cmd := exec.Command(mmtest.Python(t), append([]string{filepath.Join(prefix, "bin", args[0])}, args[1:]...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", args[0], err, out)
		}
		return string(out)
	}

	if out := tool("show_qfiles", shunt.Path(base, Waiting)); !strings.Contains(out, "Subject: lost") || !strings.Contains(out, "and found") {
		t.Errorf("show_qfiles shows %s", out)
	}

	if out := tool("unshunt"); out != "" {
		t.Errorf("unshunt says %s", out)
	}

	left, err := shunt.Files(Waiting)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the shunt queue: %q, %v", left, err)
	}

	back, err := bounces.Files(Waiting)
	if err != nil || len(back) != 1 {
		t.Fatalf("back in its queue: %q, %v", back, err)
	}

	it, err := bounces.Read(back[0], Waiting)
	if err != nil {
		t.Fatal(err)
	}

	got, err := it.Parse()
	if err != nil {
		t.Fatal(err)
	}

	subject, _ := got.Get("subject")
	if subject != "lost" || it.Data.Str("listname") != "test" || when(back[0]) != when(base) {
		t.Errorf("got %q at %s with %s", subject, back[0], pickle.Repr(it.Data.Dict(), 300))
	}
}
