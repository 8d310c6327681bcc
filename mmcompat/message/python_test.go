package message

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// notices makes the notices that stdin describes as Mailman does, and prints
// each one's charset, pickle, text and metadata.
const notices = `
import json, cPickle
import email, email.Utils
from email.MIMEText import MIMEText
from email.MIMEMessage import MIMEMessage
from email.MIMEMultipart import MIMEMultipart
from email.Header import Header
from email.Charset import Charset
from Mailman import Message, Utils, mm_cfg

import email.generator, hashlib, struct
email.generator._make_boundary = lambda text: '=' * 15 + '%019d' % (
    struct.unpack('>Q', hashlib.sha1(text).digest()[:8])[0] >> 1) + '=='
formatdate = email.Utils.formatdate
email.Utils.formatdate = lambda localtime: formatdate(1700000000, localtime)
Utils.unique_message_id = lambda mlist: '<id@lists.example>'

def value(v):
    if v is None:
        return None
    if 'u' in v:
        return v['u']
    return v['s'].encode('latin-1')

class List:
    owner = ['one@example.com', 'two@example.com']
    moderator = ['three@example.com']
    host_name = 'lists.example'
    def GetOwnerEmail(self): return 'list-owner@lists.example'
    def internal_name(self): return 'list'

def make(c, charset):
    text, subject = value(c['Text']), value(c['Subject'])
    if c['Kind'] == 'header':
        return Header(text, charset, header_name='Subject', errors=c['Errors'])
    if c['Kind'] == 'text':
        return MIMEText(text, _charset=charset)
    if c['Kind'] == 'owner':
        l = List()
        l.preferred_language = c['Lang']
        m = Message.OwnerNotification(l, subject, text, c['Moderators'])
    else:
        recips = [value(r) for r in c['Recips']]
        if len(recips) == 1:
            recips = recips[0]
        m = Message.UserNotification(recips, 'list-bounces@lists.example', subject, text, c['Lang'] or None)
    if text is None:
        m.set_type('multipart/mixed')
        m.attach(MIMEText('some text', _charset=charset or 'us-ascii'))
        m.attach(MIMEMessage(email.message_from_string('Subject: x\n\nbody\n', Message.Message)))
        parts = MIMEMultipart('alternative')
        parts.attach(MIMEText('a\nb', 'html'))
        m.attach(parts)
    return m

for c in json.load(sys.stdin):
    r = {}
    charset = str(c['Charset']) or None
    if c['Lang']:
        charset = Utils.GetCharSet(str(c['Lang']))
    r['Charset'] = charset or ''
    try:
        m = make(c, charset)
        if c['Send']:
            kept = {}
            def keep(**kws): kept.update(kws)
            class Queue:
                def enqueue(self, msg, **kws): kept.update(kws)
            from Mailman.Queue import sbcache
            sbcache.get_switchboard = lambda d: Queue()
            m.send(List(), noprecedence=c['NoPrecedence'], extra='x')
            r['Data'] = cPickle.dumps(kept, 2).encode('hex')
        r['Pickle'] = cPickle.dumps(m, 1).encode('hex')
        if c['Kind'] == 'header':
            r['String'] = m.encode().decode('latin-1')
            r['Unicode'] = unicode(m)
        else:
            r['String'] = m.as_string().decode('latin-1')
    except Exception, e:
        r['Error'] = e.__class__.__name__
    print json.dumps(r)
`

type noticeCase struct {
	Kind          string
	Lang, Charset string
	Errors        string
	Subject, Text map[string]string
	Recips        []map[string]string
	Moderators    bool
	Send          bool
	NoPrecedence  bool
}

type noticeResult struct {
	Charset, Pickle, String, Unicode, Data, Error string
}

var pieces = []string{
	"word", "a longer phrase of several words, with a comma; and more", " ", "  ", "\n", "\r\n", "\t", "é", "ü ö ä", "Ж", "日本", "€", "=", "_", "?",
	"From here\n", "\nFrom there\n", "trailing \n", "x\ny: z", ": ", "verylongword" + strings.Repeat("x", 70), strings.Repeat("wordy ", 20), "~", "\\", "\"",
	"\x01", "\x7f",
}

// randomText is a str or a unicode, or None.
func randomText(r *rand.Rand, none bool) map[string]string {
	if none && r.IntN(5) == 0 {
		return nil
	}
	var b strings.Builder
	for range r.IntN(7) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	s := b.String()
	if r.IntN(2) == 0 {
		return map[string]string{"u": s}
	}

	// As str: bytes, spelled in Latin-1 for JSON.
	if r.IntN(3) == 0 {
		for _, c := range s {
			if c > 255 {
				s = strings.ReplaceAll(s, string(c), "ÿ")
			}
		}
		return map[string]string{"s": s}
	}

	return map[string]string{"s": latin1(s)}
}

func latin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

func bytesOf(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func textOf(v map[string]string) Text {
	if v == nil {
		return nil
	}
	if u, ok := v["u"]; ok {
		return pickle.Unicode(u)
	}
	return bytesOf(v["s"])
}

func noticeCases(n int) []noticeCase {
	r := rand.New(rand.NewPCG(7, 0))
	cases := make([]noticeCase, n)
	for i := range cases {
		c := &cases[i]
		c.Kind = []string{"user", "user", "owner", "text", "header", "header"}[r.IntN(6)]
		c.Errors = []string{"strict", "replace"}[r.IntN(2)]

		if c.Kind == "user" || c.Kind == "owner" {
			c.Lang = []string{"en", "de", "fr", "pl", "es", "tr"}[r.IntN(6)]
			if c.Kind == "user" && r.IntN(4) == 0 {
				c.Lang = ""
			}
			c.Send = r.IntN(3) > 0
		} else {
			c.Charset = []string{"us-ascii", "iso-8859-1", "utf-8", "latin-1", "iso-8859-15", "UTF8", "x-none"}[r.IntN(7)]
		}

		c.Subject = randomText(r, true)
		c.Text = randomText(r, c.Kind != "text" && c.Kind != "header")
		for range 1 + r.IntN(3) {
			a := map[string]string{"s": fmt.Sprintf("user%d@example.com", r.IntN(100))}
			if r.IntN(4) == 0 {
				a = map[string]string{"u": a["s"]}
			}
			c.Recips = append(c.Recips, a)
		}

		c.Moderators = r.IntN(2) == 0
		c.NoPrecedence = r.IntN(2) == 0
	}

	return cases
}

// makeNotice does what the Python script does.
func makeNotice(reg *Charsets, c noticeCase, want noticeResult, modern bool) (pickled *pickle.Instance, text, unicode string, data []Attr, err error) {
	var charset *Charset
	if want.Charset != "" {
		if charset, err = reg.New(want.Charset); err != nil {
			return
		}
	}

	body, subject := textOf(c.Text), textOf(c.Subject)
	switch c.Kind {
	case "header":
		var h *HeaderValue
		if h, err = NewHeader(body, charset, HeaderOptions{HeaderName: "Subject", Errors: c.Errors}); err != nil {
			return
		}

		pickled = (&pickler{}).header(h)
		if text, err = h.Encode(); err == nil {
			unicode, err = h.Unicode()
		}

		return
	case "text":
		var m *Message
		if m, err = NewMIMEText(reg, body, "plain", want.Charset); err != nil {
			return
		}
		pickled = m.ToPickle()
		text, err = m.AsString(false, true)
		return
	}

	var n *Notification
	if c.Kind == "owner" {
		n, err = NewOwnerNotification(OwnerFacts{
			Owner: []Text{"one@example.com", "two@example.com"}, Moderator: []Text{"three@example.com"},
			SiteBounces: "mailman-bounces@lists.example", OwnerEmail: "list-owner@lists.example", ListPrecedence: modern,
		}, subject, body, charset, c.Moderators)
	} else {
		var recips []Text
		for _, r := range c.Recips {
			recips = append(recips, textOf(r))
		}
		n, err = NewUserNotification(recips, "list-bounces@lists.example", subject, body, charset)
	}

	if err != nil {
		return
	}

	if body == nil {
		n.SetType("multipart/mixed")
		var part *Message
		if part, err = NewMIMEText(reg, "some text", "plain", cmp.Or(want.Charset, "us-ascii")); err != nil {
			return
		}

		inner, _ := Parse("Subject: x\n\nbody\n")
		alternative := newMIME(Class{"email.mime.multipart", "MIMEMultipart"}, "multipart/alternative")
		alternative.Payload = []*Message{}
		html, _ := NewMIMEText(reg, "a\nb", "html", "us-ascii")

		for _, p := range []*Message{part, NewMIMEMessage(inner), alternative} {
			if err = n.Attach(p); err != nil {
				return
			}
		}

		if err = alternative.Attach(html); err != nil {
			return
		}
	}

	if c.Send {
		data = n.Send(SendFacts{
			ListName: "list", OwnerEmail: "list-owner@lists.example", Now: time.Unix(1700000000, 0),
			MessageID: func() string { return "<id@lists.example>" }, NoPrecedence: c.NoPrecedence, OwnerIsList: modern,
		}, Attr{"extra", pickle.Str("x")})
	}

	pickled = n.ToPickle()
	text, err = n.AsString(false, true)
	return
}

func TestNoticesAgainstPython(t *testing.T) {
	prefix := mmtest.Prefix(t)
	cases := noticeCases(1500)
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}

	out := mmtest.RunPythonInput(t, prefix, input, notices)
	reg := DefaultCharsets()
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("got %d results, need %d", len(lines), len(cases))
	}

	failed := 0
	for i, c := range cases {
		var want noticeResult
		if err := json.Unmarshal([]byte(lines[i]), &want); err != nil {
			t.Fatal(err)
		}

		if problem := checkNotice(reg, c, want); problem != "" {
			t.Errorf("%+v: %s", c, problem)
			if failed++; failed > 10 {
				t.Fatal("and more")
			}
		}
	}
}

func checkNotice(reg *Charsets, c noticeCase, want noticeResult) string {
	in, text, unicode, data, err := makeNotice(reg, c, want, true)
	if err != nil || want.Error != "" {
		kind := ""
		if e, ok := err.(*py.Error); ok {
			kind = e.Class
		}

		if kind != want.Error {
			return fmt.Sprintf("got error %v, need %q", err, want.Error)
		}
		return ""
	}

	b, err := hex.DecodeString(want.Pickle)
	if err != nil {
		return err.Error()
	}
	v, _, err := pickle.Load(b)
	if err != nil {
		return err.Error()
	}
	if !pickle.Equal(v, in) {
		return fmt.Sprintf("pickles differ: %v", pickle.Diff(v, in, 3))
	}
	if text != bytesOf(want.String) {
		return fmt.Sprintf("got %q, need %q", text, bytesOf(want.String))
	}
	if unicode != want.Unicode {
		return fmt.Sprintf("got unicode %q, need %q", unicode, want.Unicode)
	}

	if c.Send {
		b, _ := hex.DecodeString(want.Data)
		kept, _, err := pickle.Load(b)
		if err != nil {
			return err.Error()
		}

		d := pickle.NewDict()
		for _, a := range data {
			d.SetStr(a.Name, a.Value)
		}
		if !pickle.Equal(kept, d) {
			return fmt.Sprintf("metadata differ: %v", pickle.Diff(kept, d, 3))
		}
	}

	if c.Kind == "header" {
		return ""
	}
	// What Python pickled is read, written and pickled as it was.
	m, err := FromPickle(v.(*pickle.Instance))
	if err != nil {
		return err.Error()
	}
	if !pickle.Equal(v, m.ToPickle()) {
		return fmt.Sprintf("read and pickled again: %v", pickle.Diff(v, m.ToPickle(), 3))
	}

	again, err := m.AsString(false, true)
	if err != nil || again != text {
		return fmt.Sprintf("read from its pickle: got %q (%v), need %q", again, err, text)
	}

	return ""
}
