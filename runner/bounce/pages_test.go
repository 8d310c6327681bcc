package bounce_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// pages is a Python program that acts as web pages do, until a stop file is there: one kind has
// the list's lock for a while and saves nothing, the other reads the list, waits
// for its lock, and saves a change. How many changes there were is printed.
const pages = `
import random, time
from Mailman import MailList
kind, stop = sys.argv[1:]
done = 0
while not os.path.exists(stop):
    if kind == 'holds':
        m = MailList.MailList('busy', lock=1)
        time.sleep(random.uniform(0, 1.2))
        m.Unlock()
        time.sleep(.05)
    else:
        m = MailList.MailList('busy', lock=0)
        time.sleep(random.uniform(0, .6))
        m.Lock()
        try:
            m.info = m.info + 'x'
            m.Save()
            done += 1
        finally:
            m.Unlock()
print done
`

// Pages that never stop save the list between a batch's beginning and its end,
// and read it in between. No page's change and no bounce may be lost. More rounds
// are had with $MMRUNNER_PAGE_ROUNDS.
func TestPagesAndBatchesLoseNothing(t *testing.T) {
	prefix := mmtest.Clone(t)
	rounds := 4

	if s := os.Getenv("MMRUNNER_PAGE_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}

	const batch = 20
	var members []string
	for i := range rounds * batch {
		members = append(members, fmt.Sprintf("user%d@example.net", i))
	}
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"},
		mmtest.ListSpec{Name: "busy", Members: members, Python: "m.bounce_score_threshold = 1.0\nm.info = ''"})
	s := site.FromProfile(prefix, site.Builtin())

	stop := filepath.Join(t.TempDir(), "stop")
	printed := make([]strings.Builder, 3)
	var wait []func() error
	for i, kind := range []string{"holds", "saves", "saves"} {
		cmd := mmtest.PythonCmd(t, prefix, pages, kind, stop)
		cmd.Stdout, cmd.Stderr = &printed[i], os.Stderr

		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { cmd.Process.Kill() })
		wait = append(wait, cmd.Wait)
	}

	for round := range rounds {
		var entries []mmtest.EntrySpec
		for i := range batch {
			addr := strings.Replace(members[round*batch+i], "@", "=", 1)
			entries = append(entries, mmtest.EntrySpec{Queue: "bounces", List: "busy",
				Text: fmt.Appendf(nil, "From: MAILER-DAEMON@example.net\nTo: busy-bounces+%s@lists.example.com\nMessage-ID: <%d.%d@example.net>\n\nGone.\n", addr, round, i)})
		}

		mmtest.Enqueue(t, prefix, entries...)
		for waits(t, s) > 0 {
			drainBounces(t, s)
		}
	}

	write(t, stop, "")
	saved := 0
	for i := range wait {
		if err := wait[i](); err != nil {
			t.Fatal(err)
		}

		n, err := strconv.Atoi(strings.TrimSpace(printed[i].String()))
		if err != nil {
			t.Fatal(err)
		}

		saved += n
	}

	had := string(mmtest.RunPython(t, prefix, `
from Mailman import MailList, MemberAdaptor
m = MailList.MailList('busy', lock=0)
print len(m.info), len([a for a in m.getMembers() if m.getDeliveryStatus(a) == MemberAdaptor.BYBOUNCE])
`))

	if want := fmt.Sprintf("%d %d\n", saved, rounds*batch); had != want {
		t.Errorf("got %s changes of pages, and members disabled; need %s", strings.TrimSpace(had), strings.TrimSpace(want))
	}
}

// waits is how many entries are in the queue.
func waits(t *testing.T, s *site.Site) int {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.QueueDir("bounces"), "*.pck"))
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}
