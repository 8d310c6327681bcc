package qfile

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// someNames are entries' names: random digests, the ends of the hash space, and
// pairs that came at the same time.
func someNames() []string {
	r := rand.New(rand.NewPCG(1, 2))
	var names []string
	for i := range 120 {
		var digest strings.Builder
		for range 40 {
			fmt.Fprintf(&digest, "%x", r.IntN(16))
		}
		names = append(names, fmt.Sprintf("%.2f+%s", 1.1e9+float64(i/2*7919%1000), digest.String()))
	}

	return append(names, "1100000001.5+"+strings.Repeat("0", 40), "1100000002.5+"+strings.Repeat("f", 40), "1e9+7"+strings.Repeat("f", 39),
		"-3.25+8"+strings.Repeat("0", 39), "1100000003.5+55"+strings.Repeat("5", 38), "1100000004.5+ABCDEF")
}

// when is the time that a name begins with.
func when(base string) string { return base[:strings.IndexByte(base, '+')] }

// Each slice takes what Mailman's takes, oldest first.
func TestFilesOfEachSlice(t *testing.T) {
	prefix := mmtest.Prefix(t)
	dir := t.TempDir()
	for i, name := range someNames() {
		ext := []string{".pck", ".pck", ".pck", ".bak", ".pck.tmp", ".psv"}[i%6]
		if err := os.WriteFile(filepath.Join(dir, name+ext), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	out := mmtest.RunPython(t, prefix, `
import json
from Mailman.Queue.Switchboard import Switchboard
print json.dumps([[n, of, ext, Switchboard(sys.argv[1], n, of).files(ext)]
                  for of in (1, 2, 3, 4, 5, 6, 7, 8, 10, 16, 100) for n in range(of) for ext in ('.pck', '.bak')])
`, dir)

	var theirs [][]any
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}

	total := 0
	for _, row := range theirs {
		n, of, ext := int(row[0].(float64)), int(row[1].(float64)), row[2].(string)
		var want []string
		for _, f := range row[3].([]any) {
			want = append(want, f.(string))
		}
		q, err := Open(dir, n, of, Options{Log: func(line string) { t.Error(line) }})
		if err != nil {
			t.Fatal(err)
		}

		got, err := q.Files(ext)
		if err != nil {
			t.Fatal(err)
		}

		total += len(got)
		// Whose time is equal comes in the directory's order in Mailman, in the names' here.
		gotTimes, wantTimes := times(got), times(want)
		if !slices.Equal(gotTimes, wantTimes) {
			t.Errorf("slice %d of %d, %s: got times %v, need %v", n, of, ext, gotTimes, wantTimes)
		}

		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("slice %d of %d, %s: got %q, need %q", n, of, ext, got, want)
		}
	}

	if total < 800 {
		t.Errorf("listed only %d names", total)
	}
}

func times(bases []string) []string {
	all := make([]string, len(bases))
	for i, b := range bases {
		all[i] = when(b)
	}
	return all
}

// queued are messages as they come to be queued, with the metadata as a Python
// expression and in our kinds.
var queued = []struct {
	name, text string
	plain      bool
	python     string
	data       func(d *Data)
}{
	{"raw", "From: a@example.com\n\nbody\n", true, "{'listname': 'test', 'torequest': 1}", func(d *Data) { d.Set("listname", "test"); d.Set("torequest", 1) }},
	{"raw without a list", "From: a@example.com\n\nbody\n", true, "{}", func(*Data) {}},
	{"raw of any bytes", "Subject: \xe4\\ '\"\n\n\x00\x01\xff\r\n\t", true, "{'listname': 'test'}", func(d *Data) { d.Set("listname", "test") }},
	{"empty", "", true, "{'listname': ''}", func(d *Data) { d.Set("listname", "") }},
	{"pickled", "From: a@example.com\nTo: b@example.com\n\nbody\n", false, "{'listname': 'test', '_bak_count': 2, '_x': None}",
		func(d *Data) { d.Set("listname", "test"); d.Set("_bak_count", 2); d.Set("_x", nil) }},
	{"pickled earlier", "Subject: s\n\nbody\n", false, "{'received_time': 1234567890.123456, 'lang': u'de', 'recips': ['a@example.com']}", func(d *Data) {
		d.Set("received_time", 1234567890.123456)
		d.Set("lang", pickle.Unicode("de"))
		d.Set("recips", pickle.NewList(pickle.Str("a@example.com")))
	}},
	{"pickled multipart", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\npreamble\n--x\n\none\n--x\nContent-Type: message/rfc822\n\nSubject: in\n\ntwo\n--x--\nepilogue\n",
		false, "{'listname': 'test', 'version': 99}", func(d *Data) { d.Set("listname", "test"); d.Set("version", 99) }},
	{"pickled with defects", "Content-Type: multipart/mixed\n\nno boundary\n", false, "{'received_time': 1L, 'pipeline': ('a', 2.5, None, True)}", func(d *Data) {
		d.Set("received_time", bigInt(1))
		d.Set("pipeline", pickle.NewTuple(pickle.Str("a"), 2.5, nil, true))
	}},
}

// An entry of ours has the name, the bytes of the message and the metadata that
// Switchboard.enqueue gives it.
func TestEncodeIsEnqueue(t *testing.T) {
	prefix := mmtest.Prefix(t)
	type spec struct {
		Text, Data string
		Plain      bool
	}

	var specs []spec
	for _, c := range queued {
		specs = append(specs, spec{base64.StdEncoding.EncodeToString([]byte(c.text)), c.python, c.plain})
	}
	in, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}

	out := mmtest.RunPythonInput(t, prefix, in, `
import json, email
from Mailman import mm_cfg, Message
from Mailman.Queue import Switchboard
class Clock:
    now = 1800000000.25
    def time(self):
        Clock.now += 1.0 / 3
        return Clock.now
Switchboard.time = Clock()
sb = Switchboard.Switchboard(sys.argv[1])
got = []
for spec in json.load(sys.stdin):
    msg = spec['Text'].decode('base64')
    data = eval(spec['Data'])
    if spec['Plain']:
        data['_plaintext'] = 1
    else:
        msg = email.message_from_string(msg, Message.Message)
    base = sb.enqueue(msg, data)
    got.append({'Base': base, 'Bytes': open(os.path.join(sys.argv[1], base + '.pck')).read().encode('base64')})
print json.dumps({'Entries': got, 'Schema': mm_cfg.QFILE_SCHEMA_VERSION})
`, filepath.Join(t.TempDir(), "q"))

	var want struct {
		Entries []struct{ Base, Bytes string }
		Schema  int
	}

	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}

	now := 1800000000.25
	for i, c := range queued {
		now += 1.0 / 3
		d := NewData()
		c.data(d)
		var msg any = pickle.Str(c.text)

		if !c.plain {
			if msg, err = message.Parse(c.text); err != nil {
				t.Fatal(err)
			}
		}

		base, b, err := Encode(msg, d, now, want.Schema)
		if err != nil {
			t.Fatal(err)
		}

		theirs, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(want.Entries[i].Bytes, "\n", ""))
		if err != nil {
			t.Fatal(err)
		}

		ours, err := Decode(base, b)
		if err != nil {
			t.Fatal(err)
		}

		his, err := Decode(want.Entries[i].Base, theirs)
		if err != nil {
			t.Fatal(err)
		}

		if c.plain {
			if base != want.Entries[i].Base || string(b[:ours.dataAt]) != string(theirs[:his.dataAt]) {
				t.Errorf("%s: got the name %s and the message\n%q\nwanted %s and\n%q", c.name, base, b[:ours.dataAt], want.Entries[i].Base, theirs[:his.dataAt])
			}
		} else {
			// Which objects of a message have a memo number depends on what else in the process refers to them, and
			// the name depends on the bytes.
			if when(base) != when(want.Entries[i].Base) {
				t.Errorf("%s: got the name %s, need %s", c.name, base, want.Entries[i].Base)
			}

			if diff := pickle.Diff(ours.Message, his.Message, 5); len(diff) > 0 {
				t.Errorf("%s: message: %v", c.name, diff)
			}

			sum := sha1.Sum([]byte(string(theirs[:his.dataAt]) + listOf(his) + pickle.Repr(now, 40)))
			if want := fmt.Sprintf("%s+%x", when(base), sum); want != his.Base {
				t.Errorf("%s: Mailman's name is %s, wanted %s as ours are made", c.name, his.Base, want)
			}
		}

		if diff := pickle.Diff(ours.Data.Dict(), his.Data.Dict(), 5); len(diff) > 0 {
			t.Errorf("%s: metadata: %v", c.name, diff)
		}
	}
}

// listOf is the list name that goes into an entry's digest.
func listOf(it *Item) string {
	if v, ok := it.Data.Get("listname"); ok {
		return string(v.(pickle.Str))
	}
	return "--nolist--"
}

// Queue directories and entries have Mailman's modes, whatever our umask.
func TestEntriesHaveMailmansModes(t *testing.T) {
	prefix, parent := mmtest.Prefix(t), t.TempDir()
	if err := os.Chmod(parent, 0o775|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}

	out := mmtest.RunPython(t, prefix, `
from Mailman.Queue.Switchboard import Switchboard
os.umask(077)
s = Switchboard(sys.argv[1])
path = os.path.join(s.whichq(), s.enqueue('text', _plaintext=1) + '.pck')
print '%o %o' % (os.stat(s.whichq()).st_mode, os.stat(path).st_mode)
`, filepath.Join(parent, "theirs"))

	old := setUmask(0o077)
	defer setUmask(old)
	dir := filepath.Join(parent, "ours")
	q, err := Open(dir, 0, 1, Options{Schema: 3})
	if err != nil {
		t.Fatal(err)
	}

	base, err := q.Enqueue(pickle.Str("text"), NewData())
	if err != nil {
		t.Fatal(err)
	}

	if got := fmt.Sprintf("%o %o\n", mode(t, dir), mode(t, q.Path(base, Waiting))); got != string(out) {
		t.Errorf("got modes %swanted Mailman's %s", got, out)
	}
}

// Mailman dequeues what we enqueue.
func TestMailmanReadsOurs(t *testing.T) {
	prefix, dir := mmtest.Prefix(t), filepath.Join(t.TempDir(), "in")
	now := time.Unix(1800000000, 0)
	q, err := Open(dir, 0, 1, Options{Schema: 3, Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}

	var want strings.Builder
	for _, c := range queued {
		d := NewData()
		c.data(d)
		d.Delete("received_time")
		m, err := message.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}

		var msg any = m
		if c.plain {
			msg = pickle.Str(c.text)
		}

		base, err := q.Enqueue(msg, d)
		if err != nil {
			t.Fatal(err)
		}

		flat, err := m.AsString(false, false)
		if err != nil {
			t.Fatal(err)
		}

		fmt.Fprintf(&want, "%s Mailman.Message.Message %x %v\n", base, flat, pickle.Repr(pickle.Str(d.Str("listname")), 100))
	}

	got := mmtest.RunPython(t, prefix, `
from Mailman.Queue.Switchboard import Switchboard
s = Switchboard(sys.argv[1])
for base in s.files():
    msg, data = s.dequeue(base)
    print base, msg.__class__, msg.as_string().encode('hex'), repr(data.get('listname', ''))
    s.finish(base)
if os.listdir(s.whichq()):
    print os.listdir(s.whichq())
`, dir)

	if string(got) != want.String() {
		t.Errorf("Mailman read\n%s\nwanted\n%s", got, &want)
	}
}

// We read whatever message objects Mailman and its modules queue.
func TestWeReadMailmans(t *testing.T) {
	prefix, dir := mmtest.Prefix(t), filepath.Join(t.TempDir(), "in")
	out := mmtest.RunPython(t, prefix, `
import email, json
from email.MIMEText import MIMEText
from email.MIMEMessage import MIMEMessage
from email.MIMEMultipart import MIMEMultipart
from email.MIMEImage import MIMEImage
from email.Header import Header
import email.Message
from Mailman import Message
from Mailman.Queue.Switchboard import Switchboard
s = Switchboard(sys.argv[1])
text = 'From: a@example.com\nSubject: s\n\nbody\n'
made = [
    email.message_from_string(text, Message.Message),
    email.message_from_string(text),
    Message.UserNotification('to@example.com', 'from@example.com', u'Gr\xfc\xdfe', 'body', 'de'),
    Message.UserNotification(['a@example.com', 'b@example.com'], 'from@example.com', text=u'k\xf6rper', lang='de'),
    MIMEText(u'\u20ac'.encode('utf-8'), _charset='utf-8'),
    MIMEText('\xe4', _charset='iso-8859-1'),
    MIMEImage('GIF89a' + chr(0) * 20),
]
outer = MIMEMultipart(boundary='between')
outer['Subject'] = Header('\xe4\xf6', 'iso-8859-1', header_name='Subject')
outer['X-Unicode'] = Header(u'\u20ac', 'utf-8')
outer.attach(MIMEText('one'))
outer.attach(MIMEMessage(email.message_from_string(text)))
outer.set_unixfrom('From somebody')
made.append(outer)
bounce = email.message_from_string('Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\nA: 1\n\nB: 2\n\n--x', Message.Message)
made.append(bounce)
answer = []
for msg in made:
    base = s.enqueue(msg, {'listname': 'test'})
    answer.append([base, msg.as_string().encode('base64'), msg.get_content_type(), str(msg['subject'])])
print json.dumps(answer)
`, dir)

	var entries [][4]string
	if err := json.Unmarshal(out, &entries); err != nil {
		t.Fatal(err)
	}

	q, err := Open(dir, 0, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}

	for i, e := range entries {
		it, err := q.Read(e[0], Waiting)
		if err != nil {
			t.Fatal(err)
		}

		m, err := it.Parse()
		if err != nil {
			t.Errorf("message %d: %v", i, err)
			continue
		}
		flat, err := m.AsString(false, true)
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}

		want, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(e[1], "\n", ""))
		if err != nil {
			t.Fatal(err)
		}

		if flat != string(want) || m.GetContentType() != e[2] {
			t.Errorf("message %d: got\n%s\nof type %s, need\n%s\nof type %s", i, flat, m.GetContentType(), want, e[2])
		}

		if it.Data.Str("listname") != "test" {
			t.Errorf("message %d: had metadata %s", i, pickle.Repr(it.Data.Dict(), 200))
		}
	}
}
