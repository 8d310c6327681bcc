package status

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
	put(t, filepath.Join(proc, "stat"), fmt.Sprintf("cpu  1 0 0 0 0 0 0 0 0 0\nbtime %d\n", boot))
	put(t, filepath.Join(proc, "1", "cmdline"), "init\x00")

	for pid, args := range commands {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		put(t, filepath.Join(dir, "cmdline"), strings.Join(args, "\x00")+"\x00")
		put(t, filepath.Join(dir, "stat"), fmt.Sprintf("%d (a (b) c) S%s\n", pid, strings.Repeat(" 0", 18)+" 100"+strings.Repeat(" 0", 30)))
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

func TestStatusShowsQueuesLocksAndOrphans(t *testing.T) {
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
		19: {"/opt/python2.7", "-S", qrunner, "-s", "-rVirgin", "--run", "News:1:4"},
	})

	put(t, filepath.Join(s.DataDir(), "master-qrunner.pid"), "11\n")
	for host, pid := range map[string]int{"here": 96, "there": 96} {
		put(t, filepath.Join(s.DataDir(), "mmrunner-lmtp-"+host+".json"), fmt.Sprintf(`{"host": %q, "pid": %d}`, host, pid))
		put(t, filepath.Join(s.DataDir(), "mmrunner-lmtp-"+host+"-redo1"), "")
	}
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

	st := Look(s, Options{Batches: 5, Host: "here", Proc: proc})
	for _, what := range st.Unseen {
		t.Error(what)
	}

	if st.Master.State != Running || st.Master.Process == nil || st.Master.Process.PID != 11 {
		t.Errorf("got master %+v, need 11", st.Master)
	}

	var runners []string
	for _, r := range st.Runners {
		runners = append(runners, fmt.Sprint(r.PID, " ", r.Runner, " ", r.Slice, " ", r.Mmrunner))
		if age := time.Since(r.Since); age < 59*time.Minute || age > 2*time.Hour {
			t.Errorf("%d: since %v, need an hour ago", r.PID, r.Since)
		}
	}

	if got, want := strings.Join(runners, "; "), "14 BounceRunner 0/1 true; 12 BounceRunner 1/2 false; 13 CommandRunner 0/1 true; "+
		"19 NewsRunner 1/4 false; 17 OutgoingRunner 0/1 false; 19 VirginRunner 0/1 false"; got != want {
		t.Errorf("got runners %s\nneed %s", got, want)
	}

	queues := map[string]Queue{}
	for _, q := range st.Queues {
		queues[q.Name] = q
	}
	q := queues["bounces"]
	if q.Waiting != 4 || q.AtHand != 1 || q.Unread != 1 || len(q.Lists) != 2 || q.Lists[0].List != "a" || q.Lists[0].Entries != 2 || q.Lists[0].ByAge[4] != 2 || q.AgeSeconds < 3600 {
		t.Errorf("got queue %+v, need 4 waiting, 1 at hand, 2 of list a, the oldest long ago", q)
	}

	if c := queues["commands"]; c.Waiting != 0 || c.AgeSeconds != 0 {
		t.Errorf("got %+v, need an empty queue", c)
	}

	if len(st.Locks) != 2 {
		t.Fatalf("got locks %+v, need two", st.Locks)
	}

	a, b := st.Locks[0], st.Locks[1]
	if a.List != "a" || a.Holder == nil || a.Holder.PID != 13 || a.Holder.Dead || a.Holder.Seconds < 9 || a.Holder.Seconds > 60 ||
		len(a.Waiting) != 1 || a.Waiting[0].PID != 5 || a.Waiting[0].Host != "there" {
		t.Errorf("got %+v with holder %+v, need 13 for 10 seconds, and 5 to wait", a, a.Holder)
	}

	if b.Holder == nil || !b.Holder.Dead || len(b.Waiting) != 0 {
		t.Errorf("got %+v, need one that a dead process holds", b)
	}

	var orphans []string
	for _, o := range st.Orphans {
		orphans = append(orphans, filepath.Base(o.Path))
	}
	// The entry at hand is another's, who is there.
	if got, want := strings.Join(orphans, " "), "bounce-events-00097.pck mmrunner-lmtp-here-redo1 config.pck.tmp.here.99 pending.pck.tmp.98.1000"; got != want {
		t.Errorf("got orphans %s, need %s", got, want)
	}

	if len(st.Batches) != 1 || st.Batches[0].Entries != 4 {
		t.Errorf("got batches %+v, need one", st.Batches)
	}

	// With no runner at work, an entry in hand is an orphan too.
	st = Look(s, Options{Host: "here", Proc: fakeProc(t, nil)})
	found := false
	for _, o := range st.Orphans {
		found = found || strings.HasSuffix(o.Path, "2.0+aa.bak")
	}

	if !found || st.Master.State != Stopped || len(st.Runners) != 0 || len(st.Batches) != 0 {
		t.Errorf("got %+v, need nobody at work and a .bak file left", st)
	}

	if _, err := json.Marshal(st); err != nil {
		t.Error(err)
	}
}

// What the one who looks may not see is said, and not taken for nothing.
func TestLookSaysWhatItCannotSee(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	// A file in the place of a directory cannot be read even by root.
	put(t, s.QueueDir("bounces"), "")
	put(t, filepath.Join(s.DataDir(), "master-qrunner.pid"), strconv.Itoa(os.Getppid()))
	proc := t.TempDir() // hidepid=2: no process of another user's

	st := Look(s, Options{Host: "here", Proc: proc})
	if st.Master.State != Unknown || st.Master.Reason == "" || !st.Blind {
		t.Errorf("got master %+v, need one of which nothing is known", st.Master)
	}

	for _, q := range st.Queues {
		if (q.Unseen != "") != (q.Name == "bounces") {
			t.Errorf("got %+v, need bounces alone to be unseen", q)
		}
	}

	level, alarms := st.Judge(UsualWarn, UsualCrit)
	if level != Unclear || len(alarms) == 0 {
		t.Errorf("got %v, %+v, need it to be unclear", level, alarms)
	}
	said := 0
	for _, a := range alarms {
		if strings.Contains(a.Text, s.QueueDir("bounces")) {
			said++
		}
	}
	if said != 1 {
		t.Errorf("got %+v, need one alarm for the queue that cannot be read", alarms)
	}

	// A pid file that cannot be read.
	if err := os.Remove(filepath.Join(s.DataDir(), "master-qrunner.pid")); err != nil {
		t.Fatal(err)
	}

	if err := os.Mkdir(filepath.Join(s.DataDir(), "master-qrunner.pid"), 0o700); err != nil {
		t.Fatal(err)
	}

	if st = Look(s, Options{Host: "here", Proc: fakeProc(t, nil)}); st.Master.State != Unknown || len(st.Unseen) == 0 {
		t.Errorf("got master %+v and %v unseen, need one of which nothing is known", st.Master, st.Unseen)
	}
}

func TestJudgeSaysWhatWantsLookingAt(t *testing.T) {
	python := Process{PID: 5, Runner: "BounceRunner", Slice: "0/1"}
	all := []Process{python, {PID: 6, Runner: "CommandRunner", Mmrunner: true}, {PID: 7, Runner: "VirginRunner", Mmrunner: true}}
	late := func(name, runner string, minutes float64) Queue {
		return Queue{Name: name, Runner: runner, Waiting: 3, AgeSeconds: minutes * 60}
	}
	for _, test := range []struct {
		name  string
		st    Status
		level Level
		text  string
	}{
		{"nothing", Status{Runners: all, Master: Master{State: Running}}, OK, ""},
		{"nobody works", Status{Master: Master{State: Stopped, Reason: "why"}}, Critical, "no runner works: mailmanctl does not run (why)"},
		{"one does not", Status{Runners: all[1:], Master: Master{State: Running}}, Critical, "BounceRunner: no process does its work"},
		{"a late queue", Status{Runners: all, Queues: []Queue{late("out", "OutgoingRunner", 40)}}, Warning, "queue out: the oldest of 3 entries waits for 40 min"},
		{"a very late one", Status{Runners: all, Queues: []Queue{late("out", "OutgoingRunner", 300)}}, Critical, "queue out: the oldest of 3 entries waits for 5 h"},
		{"five shunted", Status{Runners: all, Queues: []Queue{{Name: "shunt", Waiting: 5}}}, Warning, "5 entries shunted: mmrunner shunt list says why"},
		{"not active", Status{Runners: all, Installed: true, python: all[:1]}, Warning, "BounceRunner 5"},
		{"a dead lock", Status{Runners: all, Locks: []Lock{{List: "a", Holder: &Holder{PID: 9, Dead: true}}}}, Warning, "list a: its lock is held by process 9, which is dead"},
		{"a leftover", Status{Runners: all, Orphans: []Orphan{{Path: "/x"}}}, Warning, "1 file was left by a process that died: /x"},
		{"not seen", Status{Runners: all, Unseen: []string{"that"}}, Unclear, "cannot be seen: that"},
	} {
		level, alarms := test.st.Judge(UsualWarn, UsualCrit)
		if level != test.level || (len(alarms) > 0) != (test.text != "") || test.text != "" && !strings.Contains(alarms[0].Text, test.text) {
			t.Errorf("%s: got %v, %+v, need %v and %q", test.name, level, alarms, test.level, test.text)
		}
	}
}

func TestParseLimits(t *testing.T) {
	got, err := ParseLimits("age=1h, shunted=0,waiting=9", UsualWarn)
	if want := (Limits{Age: time.Hour, Waiting: 9, Lock: UsualWarn.Lock}); err != nil || got != want {
		t.Errorf("got %+v, %v, need %+v", got, err, want)
	}

	for _, bad := range []string{"age", "age=9", "shunted=x", "waiting=-1", "colour=3"} {
		if _, err := ParseLimits(bad, UsualWarn); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

// The page needs nothing else, and no name can put anything into it.
func TestHTMLIsSelfContainedAndEscaped(t *testing.T) {
	st := &Status{Host: "here", Master: Master{State: Stopped}, Queues: []Queue{{Name: "bounces", Runner: "BounceRunner", Waiting: 2,
		Lists: []OfList{{List: "<script>\x1b[2J\u202e", Entries: 2}}}}, Runners: []Process{{PID: 1, Runner: "BounceRunner"}},
		Batches: []history.Commit{{List: "a", Entries: 3, Outcomes: map[string]int{"registered": 2, "shunted": 1}}}}
	level, alarms := st.Judge(UsualWarn, UsualCrit)
	var b strings.Builder
	if err := st.HTML(&b, level, alarms, 30); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{`&lt;script&gt;\x1b[2J\u202e 2`, "2 registered, 1 shunted", `http-equiv="refresh" content="30"`, "prefers-color-scheme: dark"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}

	for _, not := range []string{"<script", " src=", "<link", "@import", "url(", "\x1b", "\u202e"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("there is %q in the page", not)
		}
	}
}

// Bounces wait for others of their list, and say so; an entry without a runner says that.
func TestQueuesSayWhyEntriesWait(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	proc := fakeProc(t, map[int][]string{14: {"/opt/mmrunner", "run", "--prefix", s.Prefix, "Bounce"}})
	name := fmt.Sprintf("%d.5+aa.pck", time.Now().Add(-time.Minute).Unix())
	put(t, filepath.Join(s.QueueDir("bounces"), name), entry(t, "a"))
	put(t, filepath.Join(s.QueueDir("commands"), name), entry(t, "a"))
	why := map[string]string{}
	for _, q := range Look(s, Options{Host: "here", Proc: proc}).Queues {
		why[q.Name] = q.Why
	}

	if !strings.HasPrefix(why["bounces"], "registered in 14 min at the latest: REGISTER_BOUNCES_EVERY") || why["commands"] != "no runner works on it" || why["virgin"] != "" {
		t.Errorf("got %q", why)
	}
}

// mm_cfg.py names mmrunner, and mailmanctl has not been started since. OutgoingRunner, and a runner whose module the
// site has changed, stay Python's.
func TestInstalledButNotActive(t *testing.T) {
	const python, mmrunner = "/opt/python2.7", "/usr/local/bin/mmrunner"
	for _, test := range []struct {
		name, bounce, command, out string
		settings                   map[string]pickle.Value
		custom                     []string
		active                     bool
		alarm                      string
	}{
		{name: "not started anew", bounce: python, command: python, out: python, alarm: "BounceRunner 12, CommandRunner 13"},
		{name: "started", bounce: mmrunner, command: mmrunner, out: python, active: true},
		{name: "out too", bounce: mmrunner, command: mmrunner, out: python, settings: map[string]pickle.Value{"MMRUNNER_OUTGOING": pickle.Int(1)}, alarm: "OutgoingRunner 14"},
		{name: "changed module", bounce: python, command: mmrunner, out: python, custom: []string{"Queue/BounceRunner"}, active: true},
		{name: "changes ignored", bounce: python, command: mmrunner, out: python, custom: []string{"Queue/BounceRunner"},
			settings: map[string]pickle.Value{"MMRUNNER_IGNORE_CHANGES": pickle.Int(1)}, alarm: "BounceRunner 12"},
	} {
		profile := site.Builtin()
		profile.Custom = test.custom
		profile.Settings["PYTHON"] = site.Setting{Value: pickle.Str(mmrunner)}
		for name, v := range test.settings {
			profile.Settings[name] = site.Setting{Value: v}
		}
		s := site.FromProfile(t.TempDir(), profile)
		qrunner := filepath.Join(s.Str("BIN_DIR"), "qrunner")
		st := Look(s, Options{Host: "here", Proc: fakeProc(t, map[int][]string{
			12: {test.bounce, qrunner, "--runner=BounceRunner:0:1", "-s"},
			13: {test.command, qrunner, "--runner=CommandRunner:0:1", "-s"},
			14: {test.out, qrunner, "--runner=OutgoingRunner:0:1", "-s"},
		})})

		_, alarms := st.Judge(Limits{}, Limits{})
		said := ""
		for _, a := range alarms {
			if _, after, ok := strings.Cut(a.Text, "installed but not active"); ok {
				_, said, _ = strings.Cut(after, "(")
			}
		}
		if !st.Installed || st.Active != test.active || strings.TrimSuffix(said, ")") != test.alarm {
			t.Errorf("%s: got installed %v, active %v and %q, need active %v and %q", test.name, st.Installed, st.Active, said, test.active, test.alarm)
		}
	}
}
