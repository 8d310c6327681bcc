package shadow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/membership"
)

func handlers(name string, s *site.Site) (runner.Handler, error) {
	if name == "CommandRunner" {
		return command.New(membership.NewServices(s)), nil
	}
	d, err := detect.New(s.Profile)
	if err != nil {
		return nil, err
	}
	return bounce.New(d, membership.NewServices(s)), nil
}

const dsn = `From: MAILER-DAEMON@mx.example.net
To: test-bounces@lists.example.com
Subject: failed
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="AAA"

--AAA
Content-Type: text/plain

gone
--AAA
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; %s
Action: failed
Status: 5.1.1

--AAA--
`

// newSite makes a clone with a list and entries in both queues.
func newSite(t *testing.T) *site.Site {
	t.Helper()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "other"},
		mmtest.ListSpec{Name: "test", Members: []string{"anne@example.net", "bart@example.net", "Cate@example.net"}, Python: "m.Save()"})
	fill(t, prefix)
	s, err := site.Open(prefix, site.Options{Watch: true})
	if err != nil {
		t.Fatal(err)
	}

	return s
}

func fill(t *testing.T, prefix string) {
	t.Helper()
	var specs []mmtest.EntrySpec
	for _, a := range []string{"anne@example.net", "cate@example.net"} {
		specs = append(specs, mmtest.EntrySpec{Queue: "bounces", List: "test", Text: fmt.Appendf(nil, dsn, a)})
	}

	for _, c := range []struct{ from, subject, to string }{
		{"dora@example.org", "subscribe secret1", "torequest"}, {"ed@example.org", "", "tojoin"}, {"bart@example.net", "unsubscribe pw1", "torequest"},
		{"anne@example.net", "help", "torequest"},
	} {
		specs = append(specs, mmtest.EntrySpec{Queue: "commands", List: "test", Data: "{'" + c.to + "': 1}", Pickled: c.to == "tojoin",
			Text: []byte("From: " + c.from + "\nTo: test-request@lists.example.com\nSubject: " + c.subject + "\nMessage-ID: <1@example.org>\n\n")})
	}

	mmtest.Enqueue(t, prefix, specs...)
}

// tree is everything that can be seen of a directory, reading apart.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}

		st := info.Sys().(*syscall.Stat_t)
		modified, changed := disk.Times(st)
		fmt.Fprintf(&out, "%s %v %d %d %d %v %v", path, info.Mode(), info.Size(), st.Ino, st.Nlink, modified, changed)

		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %x", sha256.Sum256(b))
		}

		out.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return out.String()
}

// Making a site takes longer than to shadow it, so one does for both.
func TestShadowFindsDifferencesAndChangesNothing(t *testing.T) {
	s := newSite(t)
	t.Run("once", func(t *testing.T) { once(t, s) })
	t.Run("live", func(t *testing.T) { live(t, s) })
	t.Run("ended", func(t *testing.T) { ended(t, s) })
}

func once(t *testing.T, s *site.Site) {
	before := tree(t, s.Prefix)
	spool := filepath.Join(t.TempDir(), "spool")
	o := Options{Site: s, Runners: []string{"BounceRunner", "CommandRunner"}, Handler: handlers, Spool: spool, Once: true}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range r.Differences {
		t.Error(d)
	}
	if r.Entries != 6 || r.Agreed != 6 || len(r.Batches) != 2 || !r.OK() || r.Python.Held <= 0 || r.Mmrunner.Held <= 0 {
		t.Errorf("got %+v, need 6 entries in agreement, in 2 batches with locks held", r)
	}

	if after := tree(t, s.Prefix); after != before {
		t.Errorf("the site changed:\nbefore\n%s\nafter\n%s", before, after)
	}

	left, err := os.ReadDir(spool)
	if err != nil || len(left) != 1 || left[0].Name() != "lock" {
		t.Errorf("got %v, %v left in the spool, need its lock alone", left, err)
	}

	if c := r.Coverage; c.Outcomes["BounceRunner"][runner.Registered] != 2 || c.Commands["join"] != 1 || c.Commands["help"] != 1 || len(c.NotSeen) == 0 {
		t.Errorf("got %+v, need two bounces that were registered, and the commands", c)
	}

	if !strings.HasPrefix(r.Recommendation, "Let it run longer: 6 entries are few. Not seen yet: a member who is disabled by bounces; the commands ") {
		t.Errorf("got %q for 6 entries", r.Recommendation)
	}

	// An mmrunner that forgets entries is found out.
	o.Handler = func(name string, s *site.Site) (runner.Handler, error) {
		h, err := handlers(name, s)
		return &lazy{Handler: h}, err
	}

	r, err = Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}

	wheres := map[string]bool{}
	for _, d := range r.Differences {
		wheres[d.Where] = true
		if strings.Contains(d.Python+d.Mmrunner, "secret1") {
			t.Errorf("%v shows a password", d)
		}
	}

	for _, want := range []string{"list test, config.pck", "list test, pending.pck", "queue virgin", "log bounce"} {
		if !wheres[want] {
			t.Errorf("got differences in %v, need one in %s", wheres, want)
		}
	}

	if r.OK() || r.Agreed == r.Entries {
		t.Errorf("got %+v, need differences", r)
	}

	var page bytes.Buffer
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{`<span class="python" style="width:`, "list test, config.pck", "differences in 6 entries", "Differences by cause", "prefers-color-scheme: dark"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}

	for _, not := range []string{" src=", "<link", "@import", "url("} {
		if strings.Contains(page.String(), not) {
			t.Errorf("the page has %q and so needs other files", not)
		}
	}
}

// lazy leaves the first entry of each batch undone.
type lazy struct {
	runner.Handler
	done bool
}

func (l *lazy) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	if !l.done {
		l.done = true
		return runner.Discarded, nil
	}
	return l.Handler.Apply(b, e)
}

// Entries that come while it runs are replayed when it is stopped, at the latest.
func live(t *testing.T, s *site.Site) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	second := false
	o := Options{Site: s, Runners: []string{"BounceRunner", "CommandRunner"}, Handler: handlers, Spool: filepath.Join(t.TempDir(), "spool"),
		BatchSize: 2, Every: tick,
		Tell: func(r *Report, _ bool) {
			switch {
			case r.Entries >= 6 && !second:
				second = true
				fill(t, s.Prefix)
			case r.Entries >= 8:
				cancel()
			}
		}}

	r, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range r.Differences {
		t.Error(d)
	}
	if r.Entries != 12 || r.Vanished != 0 {
		t.Errorf("got %d entries and %d gone, need 12 and none", r.Entries, r.Vanished)
	}
}

// A shadow that is told to end does not wait for replays longer than its Grace; the entries that it leaves are counted.
func ended(t *testing.T, s *site.Site) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fill(t, s.Prefix)
	o := Options{Site: s, Runners: []string{"BounceRunner", "CommandRunner"}, Handler: handlers, Spool: filepath.Join(t.TempDir(), "spool"),
		Every: time.Hour, Grace: time.Nanosecond,
		Tell: func(r *Report, _ bool) { cancel() }}

	r, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Entries != 0 || r.Found != 0 || r.NotReplayed == 0 {
		t.Errorf("got %d entries replayed, %d differences and %d entries left, need only entries left", r.Entries, r.Found, r.NotReplayed)
	}
}

func TestShadowRefusesWhatItCannotDo(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	o := Options{Site: s, Spool: filepath.Join(t.TempDir(), "spool"), Handler: handlers, Once: true}
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "Python") {
		t.Errorf("got %v, need to hear that there is no Python", err)
	}

	s.Probed = true
	o.Spool = filepath.Join(s.Prefix, "data", "spool")
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "VAR_PREFIX") {
		t.Errorf("got %v, need to hear that the spool is in the site", err)
	}

	dir := filepath.Join(t.TempDir(), "spool")
	sp, err := openSpool(dir)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := openSpool(dir); err == nil || !strings.Contains(err.Error(), "another shadow") {
		t.Errorf("got %v, need to hear of the other shadow", err)
	}

	if err := sp.close(); err != nil {
		t.Fatal(err)
	}

	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	if _, err := openSpool(dir); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("got %v, need to hear of the mode", err)
	}
}
