package status

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/history"
)

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o770); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o660); err != nil {
		t.Fatal(err)
	}
}

// fakeProc has processes that started an hour ago.
func fakeProc(t *testing.T, commands map[int][]string) string {
	t.Helper()
	proc := t.TempDir()
	boot := time.Now().Add(-time.Hour).Unix()
	put(t, filepath.Join(proc, "stat"), fmt.Sprintf("cpu 1\nbtime %d\n", boot))
	for pid, args := range commands {
		dir := filepath.Join(proc, itoa(pid))
		put(t, filepath.Join(dir, "cmdline"), strings.Join(args, "\x00")+"\x00")
		put(t, filepath.Join(dir, "stat"), fmt.Sprintf("%d (a (b) c) S%s 0\n", pid, strings.Repeat(" 0", 19)))
		if err := os.Symlink(args[0], filepath.Join(dir, "exe")); err != nil {
			t.Fatal(err)
		}
	}
	return proc
}

func entry(t *testing.T, list string) string {
	t.Helper()
	d := pickle.NewDict()
	d.SetStr("listname", pickle.Str(list))
	var all []byte
	for _, v := range []pickle.Value{pickle.Str("From: a\n\nb"), d} {
		b, err := pickle.Dump(v, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return string(all)
}

func TestLook(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	qrunner := filepath.Join(s.Str("BIN_DIR"), "qrunner")
	proc := fakeProc(t, map[int][]string{
		11: {"/opt/python2.7", filepath.Join(s.Str("BIN_DIR"), "mailmanctl"), "-s", "start"},
		12: {"/opt/python2.7", qrunner, "--runner=BounceRunner:1:2", "-s"},
		13: {"/opt/mmrunner", qrunner, "--runner=CommandRunner:0:1", "-s"},
		14: {"/opt/mmrunner", "run", "--prefix", s.Prefix, "Bounce"},
		15: {"/opt/mmrunner", "run", "--prefix=/elsewhere"},
		16: {"/opt/python2.7", "/elsewhere/bin/qrunner", "--runner=BounceRunner:0:1", "-s"},
		17: {"/opt/python2.7", qrunner, "--runner=OutgoingRunner:0:1", "-s"},
		18: {"/opt/editor", qrunner},
	})
	put(t, filepath.Join(s.DataDir(), "master-qrunner.pid"), "11\n")
	received := time.Now().Add(-time.Hour).Unix()
	bounces := s.QueueDir("bounces")
	for i, list := range []string{"a", "b", "a"} {
		put(t, filepath.Join(bounces, fmt.Sprintf("%d.5+%02x.pck", received+int64(i), i)), entry(t, list))
	}
	put(t, filepath.Join(bounces, "2.0+aa.bak"), entry(t, "a"))
	put(t, filepath.Join(bounces, "3.0+aa.pck"), "torn")
	put(t, filepath.Join(bounces, "foreign"), "")
	lists := filepath.Join(s.ListDataDir(), "a")
	put(t, filepath.Join(lists, "config.pck"), "")
	put(t, filepath.Join(lists, "config.pck.tmp.here.99"), "")
	put(t, filepath.Join(lists, "config.pck.tmp.here.12"), "")
	put(t, filepath.Join(lists, "config.pck.tmp.there.99"), "")
	put(t, filepath.Join(lists, "pending.pck.tmp.98.1000"), "")
	put(t, filepath.Join(s.DataDir(), "bounce-events-00097.pck"), "")
	put(t, filepath.Join(s.DataDir(), "bounce-events-00012.pck"), "")
	lifetime := s.Duration("LIST_LOCK_LIFETIME")
	for _, c := range []struct {
		name string
		pid  int
		ago  time.Duration
	}{{"a.lock", 13, 10 * time.Second}, {"b.lock", 96, time.Minute}} {
		path := filepath.Join(s.LockDir(), c.name)
		claim := fmt.Sprintf("%s.here.%d.1", path, c.pid)
		put(t, claim, claim)
		if err := os.Link(claim, path); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(lifetime - c.ago)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	wait := filepath.Join(s.LockDir(), "a.lock.there.5.0")
	put(t, wait, wait)
	at := time.Now().Add(lifetime)
	if err := os.Chtimes(wait, at, at); err != nil {
		t.Fatal(err)
	}
	if err := history.Open(s.DataDir(), "BounceRunner", 0, 1).Add(history.Commit{Runner: "BounceRunner", List: "a", Entries: 4}); err != nil {
		t.Fatal(err)
	}

	st := Look(s, Options{Commits: 5, Host: "here", Proc: proc})
	for _, p := range st.Problems {
		t.Error(p)
	}
	if st.Master == nil || st.Master.PID != 11 {
		t.Errorf("had master %+v, wanted 11", st.Master)
	}
	var runners []string
	for _, r := range st.Runners {
		runners = append(runners, fmt.Sprint(r.PID, " ", r.Runner, " ", r.Slice, " ", r.Mmrunner))
		if age := time.Since(r.Since); age < 59*time.Minute || age > 2*time.Hour {
			t.Errorf("%d: since %v, wanted an hour ago", r.PID, r.Since)
		}
	}
	if had, want := strings.Join(runners, "; "), "12 BounceRunner 1/2 false; 14 BounceRunner 0/1 true; 13 CommandRunner 0/1 true"; had != want {
		t.Errorf("had runners %s\nwanted %s", had, want)
	}
	q := st.Queues[0]
	if q.Waiting != 4 || q.AtHand != 1 || q.Unread != 1 || len(q.Lists) != 2 || q.Lists[0] != (OfList{"a", 2}) || q.AgeSeconds < 3600 {
		t.Errorf("had queue %+v, wanted 4 waiting, 1 at hand, 2 of list a, the oldest long ago", q)
	}
	if st.Queues[1].Waiting != 0 || st.Queues[1].AgeSeconds != 0 {
		t.Errorf("had %+v, wanted an empty queue", st.Queues[1])
	}
	if len(st.Locks) != 2 {
		t.Fatalf("had locks %+v, wanted two", st.Locks)
	}
	a, b := st.Locks[0], st.Locks[1]
	if a.List != "a" || a.Holder == nil || a.Holder.PID != 13 || a.Holder.Dead || a.Holder.Seconds < 9 || a.Holder.Seconds > 60 ||
		len(a.Waiting) != 1 || a.Waiting[0].PID != 5 || a.Waiting[0].Host != "there" {
		t.Errorf("had %+v with holder %+v, wanted 13 for 10 seconds, and 5 to wait", a, a.Holder)
	}
	if b.Holder == nil || !b.Holder.Dead || len(b.Waiting) != 0 {
		t.Errorf("had %+v, wanted one that a dead process holds", b)
	}
	var orphans []string
	for _, o := range st.Orphans {
		orphans = append(orphans, filepath.Base(o.Path))
	}
	// The entry at hand is another's, who is there.
	if had, want := strings.Join(orphans, " "), "bounce-events-00097.pck config.pck.tmp.here.99 pending.pck.tmp.98.1000"; had != want {
		t.Errorf("had orphans %s, wanted %s", had, want)
	}
	if len(st.Commits) != 1 || st.Commits[0].Entries != 4 {
		t.Errorf("had commits %+v, wanted one", st.Commits)
	}

	// With nobody at work, what is at hand is an orphan too.
	st = Look(s, Options{Host: "here", Proc: fakeProc(t, nil)})
	found := false
	for _, o := range st.Orphans {
		found = found || strings.HasSuffix(o.Path, "2.0+aa.bak")
	}
	if !found || st.Master != nil || len(st.Runners) != 0 || len(st.Commits) != 0 {
		t.Errorf("had %+v, wanted nobody at work and a .bak file left", st)
	}
	if _, err := json.Marshal(st); err != nil {
		t.Error(err)
	}
}
