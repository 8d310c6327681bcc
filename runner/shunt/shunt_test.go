package shunt

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

func handler(_ string, s *site.Site) (runner.Handler, error) {
	d, err := detect.New(s.Profile)
	if err != nil {
		return nil, err
	}
	return bounce.New(d, membership.NewServices(s)), nil
}

func newSite(t *testing.T) *site.Site {
	t.Helper()
	s, _, err := demo.Make(t.TempDir(), demo.Options{Members: 20, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entry writes a bounce for a list into a queue, as one that came from whichq, and returns its base name.
func entry(t *testing.T, s *site.Site, queue, suffix, list, whichq string) string {
	t.Helper()
	data := qfile.NewData()
	data.Set("listname", list)

	if whichq != "" {
		data.Set("whichq", whichq)
	}

	text := "From: MAILER-DAEMON@example.net\nSubject: failed\nX-Failed-Recipients: " + member(t, s) + "\n\ngone\n"
	base, b, err := qfile.Encode(pickle.Str(text), data, float64(time.Now().UnixMicro())/1e6, s.Profile.QfileSchemaVersion)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.MkdirAll(s.QueueDir(queue), 0o770); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(s.QueueDir(queue), base+suffix), b, 0o660); err != nil {
		t.Fatal(err)
	}

	return base
}

// member is the address of a member of the demo's list.
func member(t *testing.T, s *site.Site) string {
	t.Helper()
	l, err := maillist.Open(s, demo.ListName, maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	for addr := range l.GetRegularMemberKeys() {
		return addr
	}
	t.Fatal("the list has no members")
	return ""
}

func drain(t *testing.T, s *site.Site) engine.Stats {
	t.Helper()
	env := txn.NewEnv(s)
	defer env.Log.Close()
	h, err := handler("BounceRunner", s)
	if err != nil {
		t.Fatal(err)
	}

	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	stats, err := e.Drain(context.Background())
	if err != nil {
		t.Fatal(err)
	}

	return stats
}

func all(t *testing.T, s *site.Site) []Entry {
	t.Helper()
	entries, err := All(s)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// What mmrunner shunts says why, and what stands in its way.
func TestAnEntryThatWasShuntedSaysWhy(t *testing.T) {
	s := newSite(t)
	entry(t, s, "bounces", ".pck", "nosuch", "")

	if stats := drain(t, s); stats.Outcomes[runner.Shunted] != 1 {
		t.Fatalf("got %+v, need one entry to be shunted", stats)
	}

	entries := all(t, s)
	if len(entries) != 1 {
		t.Fatalf("got %+v, need one entry", entries)
	}

	e := entries[0]
	if e.State != Shunted || e.List != "nosuch" || !strings.Contains(e.Why, "error opening list") || e.Now != "its list is not there" ||
		e.From != "MAILER-DAEMON@example.net" || e.Subject != "failed" || time.Since(e.Received) > time.Minute {
		t.Errorf("got %+v", e)
	}

	r, err := Rehearse(context.Background(), s, e, handler)
	if err != nil || r.Outcome != "" || r.Why != e.Now {
		t.Errorf("got %+v, %v, need it not to be tried", r, err)
	}
}

// The reason of an entry that Python has shunted is the exception before its name in Mailman's error log.
func TestTheErrorLogSaysWhyPythonShunted(t *testing.T) {
	s := newSite(t)
	base := entry(t, s, "shunt", ".pck", demo.ListName, s.QueueDir("bounces"))
	psv := entry(t, s, "bad", ".psv", demo.ListName, "")
	stamp := "Nov 27 08:00:00 2026 (123) "
	log := stamp + "Uncaught runner exception: 'NoneType' object is not iterable\n" +
		stamp + "Traceback (most recent call last):\n  File \"x\", line 1, in y\n    z()\nTypeError: 'NoneType' object is not iterable\n\n" +
		stamp + "SHUNTING: " + base + "\n" +
		stamp + "Uncaught runner exception: no good\n" + stamp + "SHUNTING FAILED, preserving original entry: " + psv + "\n"

	if err := os.WriteFile(filepath.Join(s.LogDir(), "error.1"), []byte(log), 0o660); err != nil {
		t.Fatal(err)
	}

	why := map[string]string{}
	for _, e := range all(t, s) {
		why[e.Base] = e.Why
	}
	if why[base] != "TypeError: 'NoneType' object is not iterable" || why[psv] != "no good" {
		t.Errorf("got %q", why)
	}
}

// A rehearsal tells what a retry then does, and changes nothing.
func TestRehearsalIsWhatHappensAfterARetry(t *testing.T) {
	s := newSite(t)
	base := entry(t, s, "shunt", ".pck", demo.ListName, s.QueueDir("bounces"))
	before := config(t, s)
	e := all(t, s)[0]
	r, err := Rehearse(context.Background(), s, e, handler)
	if err != nil || r.Outcome != runner.Registered || r.Why != "" {
		t.Fatalf("got %+v, %v, need the bounce to be registered", r, err)
	}

	if config(t, s) != before {
		t.Error("the rehearsal has changed the list")
	}

	if err := Retry(s, e, ""); err != nil {
		t.Fatal(err)
	}

	if left := all(t, s); len(left) != 0 {
		t.Errorf("got %+v, need no entry to be left", left)
	}

	if _, err := os.Stat(filepath.Join(s.QueueDir("bounces"), base+".pck")); err != nil {
		t.Fatal(err)
	}

	if stats := drain(t, s); stats.Outcomes[r.Outcome] != 1 {
		t.Errorf("got %+v, need what the rehearsal said, %v", stats, r.Outcome)
	}
}

func config(t *testing.T, s *site.Site) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(maillist.ListPath(s, demo.ListName), "config.pck"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Metadata cannot have an entry put anywhere but into a queue of the site, and nothing is put over another.
func TestRetryStaysWithinTheSitesQueues(t *testing.T) {
	s := newSite(t)
	elsewhere := t.TempDir()
	entry(t, s, "shunt", ".pck", demo.ListName, elsewhere)
	e := all(t, s)[0]
	if e.Queue != "" || !strings.Contains(e.Now, "--queue") {
		t.Errorf("got %+v, need its queue to be unknown", e)
	}

	for _, queue := range []string{"", "shunt", "../../x"} {
		if err := Retry(s, e, queue); err == nil {
			t.Errorf("queue %q: got no error", queue)
		}
	}

	if err := os.WriteFile(filepath.Join(s.QueueDir("bounces"), e.Base+".pck"), nil, 0o660); err != nil {
		t.Fatal(err)
	}

	if err := Retry(s, e, "bounces"); err == nil {
		t.Error("an entry of the same name was replaced")
	}

	if err := Discard(e); err != nil || len(all(t, s)) != 0 {
		t.Errorf("got %v, need the entry to be gone", err)
	}
}

func TestFindTakesTheBeginningOfAName(t *testing.T) {
	entries := []Entry{{Base: "12.5+aa"}, {Base: "12.5+ab"}, {Base: "13.5+aa"}}
	for name, want := range map[string]string{"13": "13.5+aa", "12.5+ab": "12.5+ab", "qfiles/shunt/12.5+aa.pck": "12.5+aa"} {
		if e, err := Find(entries, name); err != nil || e.Base != want {
			t.Errorf("%s: got %v, %v, need %s", name, e.Base, err, want)
		}
	}

	for _, name := range []string{"12", "14", ""} {
		if e, err := Find(entries, name); err == nil {
			t.Errorf("%q: got %v", name, e)
		}
	}
}
