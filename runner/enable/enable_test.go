package enable_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/enable"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// change is one commit on a list of a site.
func change(t *testing.T, s *site.Site, list string, apply func(runner.Batch) error) {
	t.Helper()
	env := txn.NewEnv(s)
	defer env.Log.Close()
	if err := engine.Change(t.Context(), env, list, apply); err != nil {
		t.Fatal(err)
	}
}

// disabled are two lists that are the same, in which Mailman has disabled members.
func disabled(t *testing.T) *site.Site {
	t.Helper()
	prefix := mmtest.Clone(t)
	members := []string{"a@example.com", "b@sub.example.net", "C@example.net", "d@example.com", "e@example.com"}
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "lista", Members: members}, mmtest.ListSpec{Name: "listb", Members: members})

	mmtest.RunPython(t, prefix, `
import time
from Mailman import MailList, MemberAdaptor
from Mailman.Bouncer import _BounceInfo
when = time.time
for name in 'lista', 'listb':
    m = MailList.MailList(name)
    for addr, score, at in ('a@example.com', 5.0, 1.7e9), ('b@sub.example.net', 3.0, 1.8e9), ('c@example.net', 7.0, 1.8e9 + 0.25):
        info = _BounceInfo(addr, score, (2024, 5, 1), 3)
        info.cookie = '0123456789'
        m.setBounceInfo(addr, info)
        time.time = lambda: at
        m.setDeliveryStatus(addr, MemberAdaptor.BYBOUNCE)
        time.time = when
    time.time = lambda: 1.75e9
    m.setDeliveryStatus('d@example.com', MemberAdaptor.BYUSER)
    time.time = when
    m.Save()
    m.Unlock()
`)

	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	return s
}

// same has Python compare all attributes of both lists but those that are of the
// name or the time of saving.
func same(t *testing.T, s *site.Site) {
	t.Helper()
	out := mmtest.RunPython(t, s.Prefix, `
from Mailman import MailList
def look(name):
    d = MailList.MailList(name, lock=0).__dict__
    all = {}
    for k, v in d.items():
        if k[0] == '_' or k in ('passwords', 'created_at', 'last_post_time'):
            continue
        if k == 'bounce_info':
            v = dict([(a, sorted(i.__dict__.items())) for a, i in v.items()])
        all[k] = repr(v).replace(name, 'NAME').replace(name.capitalize(), 'NAME')
    return all
one, two = look('lista'), look('listb')
for k in sorted(set(one) | set(two)):
    if one.get(k) != two.get(k):
        print k, one.get(k), two.get(k)
`)

	if len(out) > 0 {
		t.Errorf("the lists differ (mmrunner's first):\n%s", out)
	}
}

func TestEnabledAsMailmanDoesIt(t *testing.T) {
	s := disabled(t)
	same(t, s)

	mmtest.RunPython(t, s.Prefix, `
from Mailman import MailList, MemberAdaptor
m = MailList.MailList('listb')
for addr in 'b@sub.example.net', 'c@example.net':
    m.setDeliveryStatus(addr, MemberAdaptor.ENABLED)
m.Save()
m.Unlock()
`)

	filter := enable.Filter{Since: time.Unix(1_800_000_000, 0)}
	var done []enable.Member
	change(t, s, "lista", func(b runner.Batch) (err error) {
		done, err = enable.Apply(b, filter.Find(b.List()), nil)
		return err
	})

	if len(done) != 2 {
		t.Errorf("got %+v, want two members", done)
	}

	same(t, s)

	// And back.
	name, err := enable.Done{List: "lista", At: time.Now(), Members: done}.Write(s.DataDir())
	if err != nil {
		t.Fatal(err)
	}

	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: got %v, %v, want mode 0600", name, info, err)
	}

	was, err := enable.Read(name)
	if err != nil {
		t.Fatal(err)
	}

	change(t, s, "lista", func(b runner.Batch) error {
		_, err := enable.Undo(b, was.Members)
		return err
	})

	mmtest.RunPython(t, s.Prefix, `
import time
from Mailman import MailList, MemberAdaptor
from Mailman.Bouncer import _BounceInfo
when = time.time
m = MailList.MailList('listb')
for addr, score, at in ('b@sub.example.net', 3.0, 1.8e9), ('c@example.net', 7.0, 1.8e9 + 0.25):
    info = _BounceInfo(addr, score, (2024, 5, 1), 3)
    info.cookie = '0123456789'
    m.setBounceInfo(addr, info)
    time.time = lambda: at
    m.setDeliveryStatus(addr, MemberAdaptor.BYBOUNCE)
    time.time = when
m.Save()
m.Unlock()
`)

	same(t, s)
}

func TestFiltersChooseMembers(t *testing.T) {
	s := disabled(t)
	l, err := maillist.Open(s, "lista", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	codes := map[string]string{"b@sub.example.net": "5.7.1", "c@example.net": "5.1.1"}
	names := func(addr string) []string { return []string{addr} }
	for _, c := range []struct {
		name string
		f    enable.Filter
		want []string
	}{
		{"all", enable.Filter{}, []string{"a@example.com", "b@sub.example.net", "c@example.net"}},
		{"a moment", enable.Filter{Since: time.Unix(1_800_000_000, 1)}, []string{"c@example.net"}},
		{"a domain", enable.Filter{Domain: "*.EXAMPLE.net"}, []string{"b@sub.example.net"}},
		{"a score", enable.Filter{ScoreBelow: 5}, []string{"b@sub.example.net"}},
		{"a code", enable.Filter{Code: "5.7.*", Codes: codes, Names: names}, []string{"b@sub.example.net"}},
	} {
		var had []string
		for _, m := range c.f.Find(l) {
			had = append(had, m.Addr)
		}
		if diff := cmp.Diff(c.want, had); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", c.name, diff)
		}
	}

	if err := (enable.Filter{Domain: "["}).Check(); err == nil {
		t.Error("a pattern that is none was taken")
	}
}

// TestHeldMembersArePutBack is about those whom the bounce guard holds: enabled,
// with a score that has reached the threshold of 5.
func TestHeldMembersArePutBack(t *testing.T) {
	s := disabled(t)
	mmtest.RunPython(t, s.Prefix, `
from Mailman import MailList
from Mailman.Bouncer import _BounceInfo
m = MailList.MailList('lista')
for addr, score in ('d@example.com', 6.0), ('e@example.com', 5.0), ('b@sub.example.net', 6.0):
    m.setBounceInfo(addr, _BounceInfo(addr, score, (2024, 5, 1), 3))
m.Save()
m.Unlock()
`)

	filter := enable.Filter{Held: true}
	var done []enable.Member
	change(t, s, "lista", func(b runner.Batch) (err error) {
		done, err = enable.Apply(b, filter.Find(b.List()), nil)
		return err
	})

	if len(done) != 1 || done[0].Addr != "e@example.com" {
		t.Fatalf("got %+v, want e@example.com, who alone is enabled", done)
	}

	look := "from Mailman import MailList\nm = MailList.MailList('lista', lock=0)\ni = m.getBounceInfo('e@example.com')\nprint m.getDeliveryStatus('e@example.com'), i and i.score\n"
	if out := string(mmtest.RunPython(t, s.Prefix, look)); out != "0 None\n" {
		t.Errorf("got %q, want enabled and no bounce info", out)
	}

	change(t, s, "lista", func(b runner.Batch) error {
		_, err := enable.Undo(b, done)
		return err
	})

	if out := string(mmtest.RunPython(t, s.Prefix, look)); out != "0 5.0\n" {
		t.Errorf("got %q, want enabled with the score as it was", out)
	}
}
