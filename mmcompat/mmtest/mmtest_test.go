package mmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCloneRunsInItsOwnPlace(t *testing.T) {
	for _, prefix := range Releases(t) {
		t.Run(Version(t, prefix), func(t *testing.T) {
			dst := CloneOf(t, prefix)
			got := string(RunPython(t, dst, "from Mailman import mm_cfg\nprint mm_cfg.PREFIX, mm_cfg.LIST_DATA_DIR, sys.argv[1]", "arg"))
			if want := dst + " " + filepath.Join(dst, "lists") + " arg\n"; got != want {
				t.Errorf("got %q, need %q", got, want)
			}

			src, err := os.Stat(filepath.Join(prefix, "qfiles"))
			if err != nil {
				t.Fatal(err)
			}

			copied, err := os.Stat(filepath.Join(dst, "qfiles"))
			if err != nil {
				t.Fatal(err)
			}

			if src.Mode() != copied.Mode() {
				t.Errorf("qfiles has mode %v, wanted %v", copied.Mode(), src.Mode())
			}
		})
	}
}

func TestMakeAndDrain(t *testing.T) {
	dst := Clone(t)
	MakeLists(t, dst, ListSpec{Name: "mailman"}, ListSpec{Name: "one", Members: []string{"a@example.net", "B@example.net"}, Python: "m.bounce_score_threshold = 2.5"})
	got := string(RunPython(t, dst, `from Mailman import MailList
m = MailList.MailList('one', lock=0)
print m.bounce_score_threshold, m.getMemberCPAddresses(m.getMembers()), m.getMemberPassword('b@example.net')`))
	if !strings.Contains(got, "2.5 ") || !strings.Contains(got, "B@example.net") || !strings.HasSuffix(got, "pw1\n") {
		t.Errorf("the list came out as %q", got)
	}

	text := []byte("From: x@example.org\nTo: one-bounces@lists.example.com\nSubject: s\n\nbody \xff\n")
	made := Enqueue(t, dst, EntrySpec{Queue: "bounces", List: "one", Text: text}, EntrySpec{Queue: "bounces", List: "one", Text: text, Pickled: true, Data: "{'x': 1L}"})
	for _, base := range made {
		if _, err := os.Stat(filepath.Join(dst, "qfiles", "bounces", base+".pck")); err != nil {
			t.Error(err)
		}
	}

	Drain(t, dst, "BounceRunner", "bounces")
	log, err := os.ReadFile(filepath.Join(dst, "logs", "bounce"))
	if err != nil {
		t.Fatal(err)
	}

	if n := strings.Count(string(log), "forwarding unrecognized"); n != 2 {
		t.Errorf("got %d forwarded messages in %q, need 2", n, log)
	}
}
