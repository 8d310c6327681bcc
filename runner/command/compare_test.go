package command

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/spamhaus"
)

//go:embed testdata/dump.py
var dumpProgram string

// scene is lists and queued commands in a Mailman of their own, for Mailman and
// mmrunner to go through one after the other.
type scene struct {
	t      testing.TB
	prefix string
	from   string // the release that it is a copy of
	specs  []mmtest.ListSpec
	mail   []mmtest.EntrySpec
	cookie int
	late   []func()                             // what is done when the lists are made
	checks []func(s *scene, got map[string]any) // of what mmrunner leaves behind

	told func(where string) string // what is odd about the lists that a difference is of

	resolver spamhaus.Resolver // what mmrunner asks for names
	batches  []int             // the sizes of mmrunner's batches, if not the usual one
	alone    bool              // mmrunner's usual batches stand for Mailman
}

// newScene copies the Mailman at release and gives it a site list.
func newScene(t testing.TB, release string) *scene {
	t.Helper()
	s := &scene{t: t, prefix: mmtest.CloneOf(t, release), from: release}
	s.specs = []mmtest.ListSpec{{Name: "mailman"}}
	return s
}

// settings adds lines to the site's mm_cfg.py.
func (s *scene) settings(lines string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.prefix, "Mailman", "mm_cfg.py"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}

	if _, err := f.WriteString("\n" + lines + "\n"); err != nil {
		s.t.Fatal(err)
	}

	if err := f.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// lists makes lists. Their Python may use pend(cookie, op, item...), held(id,
// sender, subject, body) and UserDesc.
func (s *scene) lists(specs ...mmtest.ListSpec) {
	s.t.Helper()
	for i := range specs {
		specs[i].Python = helpers + specs[i].Python
	}
	s.specs = append(s.specs, specs...)
}

// helpers are the functions that a list's Python may call.
const helpers = `
import email, time
# A list that was just made does not know these yet.
m._Pending__pendfile = os.path.join(m.fullpath(), 'pending.pck')
m._ListAdmin__filename = os.path.join(m.fullpath(), 'request.pck')
def pend(cookie, *record):
    db = m._Pending__load()
    db[cookie] = record
    db['evictions'][cookie] = time.time() + mm_cfg.PENDING_REQUEST_LIFE
    m._Pending__save(db)
def desc(address, fullname, password, digest, lang, invitation=None):
    u = UserDesc.UserDesc(address, fullname, password, digest, lang)
    if invitation:
        u.invitation = invitation
    return u
def held(sender, subject, body, **data):
    msg = email.message_from_string('From: %s\nSubject: %s\nMessage-ID: <held@example.org>\n\n%s' % (sender, subject, body), Message.Message)
    return m.HoldMessage(msg, 'a reason', data)
def expired(cookie):
    db = m._Pending__load()
    db['evictions'][cookie] = 1.0
    import cPickle
    cPickle.dump(db, open(m._Pending__pendfile, 'w'))
`

// newCookie is a cookie that the comparison does not mask.
func (s *scene) newCookie() string {
	s.cookie++
	return fmt.Sprintf("%040x", s.cookie)
}

// queue adds a message to what the runners will find. key says to which of the
// list's addresses it came ("torequest"); text may be without a Message-ID.
func (s *scene) queue(list, key, text string) {
	s.entry(mmtest.EntrySpec{List: list, Data: "{'" + key + "': 1}", Text: []byte(text)})
}

func (s *scene) entry(e mmtest.EntrySpec) {
	if e.Queue == "" {
		e.Queue = "commands"
	}
	s.mail = append(s.mail, e)
}

// bounce queues a message to the list's -bounces address. text is without the
// To and the Message-ID.
func (s *scene) bounce(list, extra, text string) {
	s.entry(mmtest.EntrySpec{Queue: "bounces", List: list, Text: fmt.Appendf(nil,
		"To: %s-bounces%s@lists.example.com\nMessage-ID: <b%d@example.org>\n%s", list, extra, len(s.mail), text)})
}

// queues are those that have mail, in the order in which they are emptied.
func (s *scene) queues() (queues []string) {
	for _, q := range []string{"bounces", "commands"} {
		if slices.ContainsFunc(s.mail, func(e mmtest.EntrySpec) bool { return e.Queue == q }) {
			queues = append(queues, q)
		}
	}
	return queues
}

// command queues a message to the list's -request address.
func (s *scene) command(list, from, subject, body string) {
	s.queue(list, "torequest", fmt.Sprintf(
		"From: %s\nTo: %s-request@lists.example.com\nSubject: %s\nMessage-ID: <m%d@example.org>\n\n%s",
		from, list, subject, len(s.mail), body))
}

// varDirs are the directories that the runners write to.
var varDirs = []string{"lists", "qfiles", "logs", "locks", "data"}

// compare has Mailman and mmrunner go through the same scene, once for each size of
// batches, and fails the test for each difference.
func (s *scene) compare() {
	s.t.Helper()
	mmtest.MakeLists(s.t, s.prefix, s.specs...)
	for _, f := range s.late {
		f()
	}
	mmtest.Enqueue(s.t, s.prefix, s.mail...)
	before := filepath.Join(s.t.TempDir(), "before")
	copyDirs(s.t, s.prefix, before)
	s.age()

	if s.alone {
		drain(s.t, s.prefix, s.resolver)
	} else {
		for _, q := range s.queues() {
			if q == "bounces" && s.told != nil {
				mmtest.RunPython(s.t, s.prefix, survivingRunner)
				continue
			}
			mmtest.Drain(s.t, s.prefix, map[string]string{"bounces": "BounceRunner", "commands": "CommandRunner"}[q], q)
		}
	}

	want := s.dump()
	if want["queues"] == nil || !s.alone && len(want["logs"].(map[string]any)) == 0 {
		s.t.Error("Mailman has done nothing")
	}

	if s.batches == nil {
		s.batches = []int{0}
	}

	for _, size := range s.batches {
		for _, d := range varDirs {
			if err := os.RemoveAll(filepath.Join(s.prefix, d)); err != nil {
				s.t.Fatal(err)
			}
		}

		copyDirs(s.t, before, s.prefix)
		s.age()
		for _, q := range s.queues() {
			drainQueue(s.t, s.prefix, q, s.resolver, size)
		}
		s.hold(want, s.dump(), size)
	}
}

// hold holds what mmrunner has left behind against what Mailman has.
func (s *scene) hold(want, got map[string]any, size int) {
	s.t.Helper()
	for _, check := range s.checks {
		check(s, got)
	}
	n, most := 0, 40

	if s.told != nil {
		most = 1000
	}

	differ("", want, got, func(path string, a, b any) {
		if n++; n > most {
			return
		}
		odd := ""

		if s.told != nil {
			odd = s.told(path + asJSON(a) + asJSON(b))
		}

		s.t.Errorf("batches of %d: %s%s\n Mailman:  %s\n mmrunner: %s", size, path, odd, shorten(a), shorten(b))
	})

	if n > most {
		s.t.Errorf("batches of %d: %d differences", size, n)
	}
}

// age makes the lists look as if they were last saved a while ago: what Mailman
// reads again depends on whether that was in this very second.
func (s *scene) age() {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.prefix, "lists", "*", "config.pck"))
	if err != nil {
		s.t.Fatal(err)
	}

	then := time.Now().Add(-time.Hour)
	for _, f := range files {
		if err := os.Chtimes(f, then, then); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *scene) dump() map[string]any {
	s.t.Helper()
	var how []string

	if s.told != nil {
		how = []string{"equal"}
	}

	out := mmtest.RunPython(s.t, s.prefix, dumpProgram, how...)
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		s.t.Fatalf("%v in %.200q", err, out)
	}

	return v
}

func copyDirs(t testing.TB, from, to string) {
	t.Helper()
	for _, d := range varDirs {
		src, dst := filepath.Join(from, d), filepath.Join(to, d)
		if err := os.CopyFS(dst, os.DirFS(src)); err != nil {
			t.Fatal(err)
		}
	}
}

// differ calls f for each place where a and b differ. In lists of strings (log
// lines, lines of mail) and of queue entries it pairs what is equal first.
func differ(path string, a, b any, f func(path string, a, b any)) {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			break
		}

		for _, k := range unionKeys(a, b) {
			x, inA := a[k]
			y, inB := b[k]
			if inA && inB {
				differ(path+"/"+k, x, y, f)
			} else {
				f(path+"/"+k, x, y)
			}
		}

		return
	case []any:
		b, ok := b.([]any)
		if !ok {
			break
		}

		left, right := unpaired(a, b)
		if !strings.HasPrefix(path, "/queues") && !strings.HasPrefix(path, "/logs") && !strings.HasSuffix(path, "pending.pck") {
			if len(left)+len(right) > 0 || !slices.EqualFunc(a, b, same) {
				f(path, a, b)
			}
			return
		}

		for i := range max(len(left), len(right)) {
			var x, y any
			if i < len(left) {
				x = left[i]
			}

			if i < len(right) {
				y = right[i]
			}

			if p, q := object(x), object(y); p != nil && q != nil {
				differ(fmt.Sprintf("%s[%d]", path, i), p, q, f)
			} else {
				f(fmt.Sprintf("%s[%d]", path, i), x, y)
			}
		}

		return
	}

	if !same(a, b) {
		f(path, a, b)
	}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func unionKeys(a, b map[string]any) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}

	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}

	slices.Sort(keys)
	return keys
}

func unpaired(a, b []any) (left, right []any) {
	have := map[string]int{}
	for _, y := range b {
		have[asJSON(y)]++
	}

	for _, x := range a {
		if k := asJSON(x); have[k] > 0 {
			have[k]--
		} else {
			left = append(left, x)
		}
	}

	for _, y := range b {
		if k := asJSON(y); have[k] > 0 {
			have[k]--
			right = append(right, y)
		}
	}

	return left, right
}

func same(a, b any) bool { return asJSON(a) == asJSON(b) }

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(b)
}

func shorten(v any) string {
	s := asJSON(v)
	if len(s) > 1500 {
		return s[:1500] + "..."
	}
	return s
}
