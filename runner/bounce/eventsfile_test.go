package bounce_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// What Mailman's BounceRunner has detected and not registered when it dies would
// be lost; a living one's is left alone.
func TestBouncesOfDeadRunner(t *testing.T) {
	prefix, python := mmtest.Clone(t), mmtest.Python(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"},
		mmtest.ListSpec{Name: "one", Members: []string{"a@example.com", "b@example.com"}},
		mmtest.ListSpec{Name: "two", Members: []string{"a@example.com"}})
	var specs []mmtest.EntrySpec
	for _, s := range []struct{ list, member string }{{"one", "a=example.com"}, {"one", "b=example.com"}, {"two", "a=example.com"}} {
		specs = append(specs, mmtest.EntrySpec{Queue: "bounces", List: s.list, Text: fmt.Appendf(nil,
			"From: mailer-daemon@example.net\nTo: %s-bounces+%s@lists.example.com\nSubject: failed\nMessage-ID: <%[2]s@example.net>\n\ngone\n", s.list, s.member)})
	}

	mmtest.Enqueue(t, prefix, specs...)
	cmd := exec.Command(python, filepath.Join(prefix, "bin", "qrunner"), "--runner=BounceRunner:0:1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(prefix, "data", fmt.Sprintf("bounce-events-%05d.pck", cmd.Process.Pid))
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		left, _ := os.ReadDir(filepath.Join(prefix, "qfiles", "bounces"))
		if b, _ := os.ReadFile(file); len(left) == 0 && len(b) > 0 {
			break
		}

		if time.Now().After(end) {
			cmd.Process.Kill()
			t.Fatal("Mailman's runner has not detected its bounces in a minute")
		}
	}

	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	if n := drain(t, s).Entries; n != 0 {
		t.Errorf("got %d entries of a runner that lives, need none", n)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	cmd.Wait()
	// The process may die in the middle of a write, too.
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := f.WriteString("(U\x04torn"); err != nil {
		t.Fatal(err)
	}

	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	if had := drain(t, s).Outcomes[runner.Registered]; had != 3 {
		t.Errorf("got %d bounces registered, need 3", had)
	}

	if had := drain(t, s).Entries; had != 0 {
		t.Errorf("got %d more entries, need none", had)
	}

	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", file, err)
	}

	out := mmtest.RunPython(t, prefix, `
from Mailman import MailList
for name in 'one', 'two':
    m = MailList.MailList(name, lock=0)
    for addr in sorted(m.getBouncingMembers()):
        print name, addr, m.getBounceInfo(addr).score
`)

	if want := "one a@example.com 1.0\none b@example.com 1.0\ntwo a@example.com 1.0\n"; string(out) != want {
		t.Errorf("had\n%swanted\n%s", out, want)
	}

	log, _ := os.ReadFile(filepath.Join(s.LogDir(), "error"))
	if n := bytes.Count(log, []byte("not all of its bounces can be registered")); n != 1 {
		t.Errorf("got %d lines on the torn bounce, need 1:\n%s", n, log)
	}
}

func drain(t *testing.T, s *site.Site) engine.Stats {
	t.Helper()
	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, bounce.New(d, membership.NewServices(s)), 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Error(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	return stats
}
