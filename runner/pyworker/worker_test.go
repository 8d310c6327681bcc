package pyworker_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// count is a command of a site's own: it notes how many members there are, so
// that what came before it and what came after it shows.
const count = `
STOP = 1
def gethelp(mlist):
    return 'count'
def process(res, args):
    res.mlist.info = res.mlist.info + '%d ' % len(res.mlist.getMembers())
    return STOP
`

// extension makes a list count its own members whenever one is added.
const extension = `
from Mailman import MailList
class Counting(MailList.MailList):
    def ApprovedAddMember(self, *args, **kws):
        MailList.MailList.ApprovedAddMember(self, *args, **kws)
        self.info = self.info + 'x%d ' % len(self.getMembers())
def extend(mlist):
    mlist.__class__ = Counting
`

// module detects what no other does.
const module = `
def process(msg):
    if msg['x-gone']:
        return [msg['x-gone']]
`

func open(t *testing.T, prefix string) *site.Site {
	t.Helper()
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drain(t *testing.T, s *site.Site, h runner.Handler, batch int) engine.Stats {
	t.Helper()
	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	e.BatchSize = batch
	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Error(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	if left, _ := os.ReadDir(s.QueueDir(h.Queue())); len(left) != 0 {
		t.Errorf("got %d entries left in %s, need none", len(left), h.Queue())
	}

	if b, _ := os.ReadFile(filepath.Join(s.LogDir(), "error")); len(b) > 0 {
		t.Errorf("got in the error log:\n%s", b)
	}

	return stats
}

// attributes reads a list as Mailman does.
func attributes(t *testing.T, prefix string) (a struct {
	Info    string
	Members []string
	Version int
	Bounced []string
}) {
	t.Helper()
	out := mmtest.RunPython(t, prefix, `
import json
from Mailman import MailList
m = MailList.MailList('test', lock=0)
members = m.getMembers()
members.sort()
json.dump({'Info': m.info, 'Members': members, 'Version': m.data_version, 'Bounced': sorted(m.getBouncingMembers())}, sys.stdout)
`)

	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}

	return a
}

func mail(addr, subject string) mmtest.EntrySpec {
	return mmtest.EntrySpec{Queue: "commands", List: "test", Data: "{'torequest': 1}", Text: fmt.Appendf(nil,
		"From: %s\nTo: test-request@lists.example.com\nSubject: %s\nMessage-ID: <%s@example.com>\n\n", addr, subject, addr)}
}

// Commands that Mailman ships alternate with one that it does not, and with
// info, which the site has changed.
func TestCustomCommandsInTheirTurn(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	write(t, filepath.Join(prefix, "Mailman", "Commands", "cmd_count.py"), count)
	info := filepath.Join(prefix, "Mailman", "Commands", "cmd_info.py")
	write(t, info, "from Mailman.Commands.cmd_count import gethelp\nSTOP = 1\ndef process(res, args):\n    res.mlist.info = res.mlist.info + 'info '\n")
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{
		Name: "test", Members: []string{"a@example.com"}, Python: "m.subscribe_policy = 0; m.info = ''"})
	var entries []mmtest.EntrySpec
	for i := range 6 {
		addr := fmt.Sprintf("new%d@example.com", i)
		entries = append(entries, mail("a@example.com", "count"), mail(addr, "subscribe"))
	}

	entries = append(entries, mail("b@example.com", "info"), mail("a@example.com", "count"))
	mmtest.Enqueue(t, prefix, entries...)
	s := open(t, prefix)
	stats := drain(t, s, command.New(membership.NewServices(s)), 0)
	if stats.Outcomes[runner.Delegated] != 8 || stats.Outcomes[runner.Applied] != 6 {
		t.Errorf("got %v, need 8 delegated and 6 applied", stats.Outcomes)
	}

	a := attributes(t, prefix)
	if want := "1 2 3 4 5 6 info 7 "; a.Info != want {
		t.Errorf("got %q, need %q", a.Info, want)
	}
}

// All entries of a list with an extend.py go to Python, in their order.
func TestListWithAnExtensionGoesToPython(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{
		Name: "test", Members: []string{"a@example.com"}, Python: "m.subscribe_policy = 0; m.info = ''"})
	write(t, filepath.Join(prefix, "lists", "test", "extend.py"), extension)
	var entries []mmtest.EntrySpec
	var want strings.Builder
	for i := range 9 {
		entries = append(entries, mail(fmt.Sprintf("new%d@example.com", i), "subscribe"))
		fmt.Fprintf(&want, "x%d ", i+2)
	}

	mmtest.Enqueue(t, prefix, entries...)
	s := open(t, prefix)
	stats := drain(t, s, command.New(membership.NewServices(s)), 4)
	if stats.Outcomes[runner.Delegated] != len(entries) {
		t.Errorf("got %v, need all delegated", stats.Outcomes)
	}

	if a := attributes(t, prefix); a.Info != want.String() {
		t.Errorf("got %q, need %q", a.Info, want.String())
	}
}

// Python brings a list of an older release up to date with its first entry;
// mmrunner does the others.
func TestListOfAnOldVersionGoesToPython(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{
		Name: "test", Members: []string{"a@example.com"}, Python: "m.subscribe_policy = 0; m.data_version = 90"})
	var entries []mmtest.EntrySpec
	for i := range 5 {
		entries = append(entries, mail(fmt.Sprintf("new%d@example.com", i), "subscribe"))
	}
	mmtest.Enqueue(t, prefix, entries...)
	s := open(t, prefix)
	stats := drain(t, s, command.New(membership.NewServices(s)), 0)
	if stats.Outcomes[runner.Delegated] != 1 || stats.Outcomes[runner.Applied] != 4 {
		t.Errorf("got %v, need 1 delegated and 4 applied", stats.Outcomes)
	}

	if a := attributes(t, prefix); a.Version != s.Profile.DataFileVersion || len(a.Members) != 6 {
		t.Errorf("got version %d and members %v, need version %d and 6 members", a.Version, a.Members, s.Profile.DataFileVersion)
	}
}

// A bounce module of the site's own is run by Python, and what it finds is
// registered.
func TestCustomBounceModule(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	write(t, filepath.Join(prefix, "Mailman", "Bouncers", "Gone.py"), module)
	bouncer := filepath.Join(prefix, "Mailman", "Bouncers", "BouncerAPI.py")
	b, err := os.ReadFile(bouncer)
	if err != nil {
		t.Fatal(err)
	}

	write(t, bouncer, strings.Replace(string(b), "'DSN',", "'DSN',\n    'Gone',", 1))
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{
		Name: "test", Members: []string{"a@example.com", "b@example.com"}})
	var entries []mmtest.EntrySpec
	for _, addr := range []string{"a@example.com", "b@example.com"} {
		entries = append(entries, mmtest.EntrySpec{Queue: "bounces", List: "test", Text: fmt.Appendf(nil,
			"From: postmaster@example.net\nTo: test-bounces@lists.example.com\nX-Gone: %s\nSubject: gone\n\nsorry\n", addr)})
	}

	mmtest.Enqueue(t, prefix, entries...)
	s := open(t, prefix)
	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}

	stats := drain(t, s, bounce.New(d, membership.NewServices(s)), 0)
	if stats.Outcomes[runner.Delegated] != 2 {
		t.Errorf("got %v, need 2 delegated", stats.Outcomes)
	}

	if a := attributes(t, prefix); len(a.Bounced) != 2 {
		t.Errorf("got bounces of %v, need both members", a.Bounced)
	}

	if left, _ := filepath.Glob(filepath.Join(s.DataDir(), "bounce-events-*")); len(left) != 0 {
		t.Errorf("got %v left", left)
	}
}

// lockOfDead is the file of a worker whose mmrunner is dead.
func lockOfDead(t *testing.T, s *site.Site) string {
	t.Helper()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Skip(err)
	}

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	return filepath.Join(s.DataDir(), fmt.Sprintf("mmrunner-worker-%s-%d-1.lock", host, gone.Process.Pid))
}

// A worker whose mmrunner dies sees its entry through before the next mmrunner
// looks at what is left.
func TestWorkerOutlivesItsStarter(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{
		Name: "test", Members: []string{"a@example.com"}, Python: "m.subscribe_policy = 0; m.info = ''"})
	write(t, filepath.Join(prefix, "lists", "test", "extend.py"), extension)
	s := open(t, prefix)
	lock := lockOfDead(t, s)
	mmtest.Enqueue(t, prefix, mail("new@example.com", "subscribe"))
	entries, _ := filepath.Glob(filepath.Join(s.QueueDir("commands"), "*.pck"))
	if len(entries) != 1 {
		t.Fatalf("got entries %v, need one", entries)
	}

	// It holds its lock while the entry is at hand, for longer than a drain takes to begin.
	worker := mmtest.PythonCmd(t, prefix, `
import fcntl, time
lock = open(sys.argv[1], 'w')
fcntl.flock(lock, fcntl.LOCK_EX)
bak = sys.argv[2][:-4] + '.bak'
os.rename(sys.argv[2], bak)
time.sleep(1)
os.unlink(bak)
`, lock, entries[0])

	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}

	for _, err := os.Stat(entries[0]); err == nil; _, err = os.Stat(entries[0]) {
		time.Sleep(time.Millisecond)
	}
	stats := drain(t, s, command.New(membership.NewServices(s)), 0)
	if err := worker.Wait(); err != nil {
		t.Error(err)
	}

	if stats.Entries != 0 {
		t.Errorf("got %v, need nothing left to do", stats.Outcomes)
	}

	if left, _ := filepath.Glob(filepath.Join(s.DataDir(), "mmrunner-worker-*")); len(left) > 0 {
		t.Errorf("got %v left", left)
	}
}

// A worker that is killed with a list's lock in hand, alone or together with its
// mmrunner, does not leave the list locked until the lock's time is over.
func TestWorkerIsKilled(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test"}, mmtest.ListSpec{Name: "other"})

	write(t, filepath.Join(prefix, "lists", "test", "extend.py"), `
import os, signal
def extend(mlist):
    take = mlist.Lock
    def lock(timeout=0):
        take(timeout)
        os.kill(os.getpid(), signal.SIGKILL)
    mlist.Lock = lock
`)

	mmtest.Enqueue(t, prefix, mail("new@example.com", "subscribe"))
	s := open(t, prefix)
	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, command.New(membership.NewServices(s)), 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	unlocked := func() {
		t.Helper()
		if left, _ := os.ReadDir(s.LockDir()); len(left) > 0 {
			t.Errorf("got %v left in the lock directory, need none", left)
		}
	}

	unlocked()

	out := mmtest.RunPython(t, prefix, `
import os
from Mailman import MailList
m = MailList.MailList('other', lock=1)
print os.getpid()
sys.stdout.flush()
os._exit(0)
`)

	if left, _ := os.ReadDir(s.LockDir()); len(left) != 2 {
		t.Fatalf("got %v in the lock directory, need a lock and its claim", left)
	}

	write(t, lockOfDead(t, s), string(out))
	if _, err := engine.Recover(t.Context(), env); err != nil {
		t.Fatal(err)
	}

	unlocked()
}

// Without Python the entry stays, those behind it too, and the error log says why.
func TestEntryStaysWithoutAPython(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test"})
	write(t, filepath.Join(prefix, "lists", "test", "extend.py"), extension)
	mmtest.Enqueue(t, prefix, mail("a@example.com", "subscribe"), mail("b@example.com", "subscribe"))
	s := open(t, prefix)
	s.Python = ""
	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, command.New(membership.NewServices(s)), 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	stats, err := e.Drain(t.Context())
	if err != nil || stats.Outcomes[runner.Kept] != 2 {
		t.Errorf("got %v (%v), need 2 kept", stats.Outcomes, err)
	}

	if waiting, _ := filepath.Glob(filepath.Join(s.QueueDir("commands"), "*.pck")); len(waiting) != 2 {
		t.Errorf("got %v waiting, need 2 entries", waiting)
	}

	log, _ := os.ReadFile(filepath.Join(s.LogDir(), "error"))
	for _, want := range []string{"list test", "extend.py", "no Python"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("got no %q in the error log:\n%s", want, log)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o664); err != nil {
		t.Fatal(err)
	}
}
