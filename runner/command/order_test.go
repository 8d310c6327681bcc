package command

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// TestEntriesTakeEffectInTheirOrder has commands of which each needs what the one before it did: they
// take effect in the order in which they came, whatever address they came to.
// No answer leaves before the list is saved, and each leaves once.
func TestEntriesTakeEffectInTheirOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t, mmtest.Prefix(t))
	s.settings("MAX_AUTORESPONSES_PER_DAY = 0")
	s.specs = append(s.specs, mmtest.ListSpec{Name: "one", Members: people, Python: "m.subscribe_policy = 0\nm.send_welcome_msg = m.send_goodbye_msg = 0\n"})
	const n = 30
	for i := range n {
		s.command("one", "anne@example.net", "", fmt.Sprintf("password %s next%d\n", chained(i), i+1))
		switch i % 3 {
		case 0:
			s.queue("one", "tojoin", fmt.Sprintf("From: in%d@example.org\n\n", i))
			s.command("one", fmt.Sprintf("in%d@example.org", i), "password", "")
		case 1:
			s.command("one", "joe@example.org", fmt.Sprintf("subscribe joe%d", i), "")
			s.command("one", "joe@example.org", "", fmt.Sprintf("set authenticate joe%d\nset hide on\n", i))
		case 2:
			s.command("one", "joe@example.org", fmt.Sprintf("unsubscribe joe%d", i-1), "")
		}
	}

	mmtest.MakeLists(t, s.prefix, s.specs...)
	mmtest.Enqueue(t, s.prefix, s.mail...)

	// What Save replaces cannot be replaced: a directory has its name.
	last := filepath.Join(s.prefix, "lists", "one", "config.pck.last")
	inTheWay := filepath.Join(last, "x")

	if err := os.RemoveAll(last); err != nil {
		t.Fatal(err)
	}

	if err := os.MkdirAll(inTheWay, 0o770); err != nil {
		t.Fatal(err)
	}

	drain(t, s.prefix, nil)
	if left := entries(t, s.prefix, "virgin"); len(left) > 0 {
		t.Errorf("%d messages left although the list was not saved", len(left))
	}

	if left := entries(t, s.prefix, "commands"); len(left) != len(s.mail) {
		t.Errorf("%d of %d entries wait", len(left), len(s.mail))
	}

	if err := os.RemoveAll(last); err != nil {
		t.Fatal(err)
	}

	stats := drain(t, s.prefix, nil)
	if got := stats.Outcomes["applied"]; got != len(s.mail) {
		t.Errorf("%d entries were applied, wanted %d", got, len(s.mail))
	}

	// Each command is answered.
	if left := entries(t, s.prefix, "virgin"); len(left) != len(s.mail) {
		t.Errorf("%d answers, wanted %d", len(left), len(s.mail))
	}

	st, err := site.Open(s.prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	l, err := maillist.Open(st, "one", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	pw, err := l.GetMemberPassword("anne@example.net")
	if err != nil || !pickle.Equal(pw, pickle.Str(chained(n))) {
		t.Errorf("the last password is %v (%v), wanted %s", pw, err, chained(n))
	}

	if l.IsMember("joe@example.org") || !l.IsMember("in0@example.org") {
		t.Error("who has left is a member, or who has joined is none")
	}
}

func chained(i int) string {
	if i == 0 {
		return "pw0"
	}
	return fmt.Sprintf("next%d", i)
}

// entries are the files that wait in a queue.
func entries(t *testing.T, prefix, queue string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(prefix, "qfiles", queue, "*.pck"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
