package txn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o660); err != nil {
		t.Fatal(err)
	}
}

// wantFile fails unless a file holds that; "" means that there is none.
func wantFile(t *testing.T, name, text string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if string(b) != text || text == "" && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: got %q, %v, need %q", filepath.Base(name), b, err, text)
	}
}

// scene is a commit that died after it was in the journal.
type scene struct {
	env    *Env
	record *Record
	commit *Commit // the record's only one
	config string
	bounce string // an entry's file, without extension
	mail   string // the file of one that leaves
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := site.FromProfile(t.TempDir(), site.Builtin())
	list := maillist.ListPath(s, "test")
	for _, dir := range []string{list, s.DataDir(), s.LockDir(), s.LogDir(), s.QueueDir("bounces"), s.QueueDir("bad"), s.QueueDir("out")} {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}
	}

	env := &Env{Site: s, Log: mlog.Open(s.LogDir()), Now: time.Now, LockTimeout: time.Second}
	t.Cleanup(func() { env.Log.Close() })
	sc := &scene{env: env, config: filepath.Join(list, "config.pck"),
		bounce: filepath.Join(s.QueueDir("bounces"), "1.0+aa"), mail: filepath.Join(s.QueueDir("out"), "2.0+bb.pck")}
	write(t, sc.config, "old")
	write(t, sc.bounce+".bak", "bounce")
	from, err := stage.Identify(sc.config)
	if err != nil {
		t.Fatal(err)
	}

	j, err := OpenJournal(env, "BounceRunner", s.QueueDir("bounces"), s.QueueDir("bad"))
	if err != nil {
		t.Fatal(err)
	}

	temp := "here.1.2"
	if err := errors.Join(j.note([]string{"1.0+aa"}), j.staging(temp, list), j.staging(temp, s.QueueDir("out"))); err != nil {
		t.Fatal(err)
	}

	write(t, sc.config+".tmp."+temp, "new")
	write(t, sc.mail+".tmp."+temp, "mail")
	id, err := stage.Identify(sc.config + ".tmp." + temp)
	if err != nil {
		t.Fatal(err)
	}

	sc.commit = &Commit{
		Entries: []string{"1.0+aa"},
		Files:   []stage.File{{Tmp: sc.config + ".tmp." + temp, Final: sc.config, LinkLast: sc.config + ".last", ID: id}},
		Outbox:  []stage.File{{Tmp: sc.mail + ".tmp." + temp, Final: sc.mail}},
		Locks:   []string{"test"},
		From:    map[string]stage.Identity{sc.config: from},
		lines:   []mlog.Line{{Log: "bounce", Text: "one", At: time.Now()}, {Log: "bounce", Text: "two", At: time.Now()}},
	}

	sc.record = &Record{Commits: []*Commit{sc.commit}}
	if err := errors.Join(j.write(sc.record), j.commit(1), j.Abandon()); err != nil {
		t.Fatal(err)
	}

	return sc
}

// recover recovers, and makes sure that nothing of the journal is left.
func (sc *scene) recover(t *testing.T) *Recovery {
	t.Helper()
	r, err := Recover(t.Context(), sc.env)
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("got %v, %+v", err, r)
	}

	if left, err := filepath.Glob(filepath.Join(sc.env.Site.DataDir(), prefix+"*")); len(left) != 0 || err != nil {
		t.Errorf("got %v left in the data directory, %v", left, err)
	}

	if left, err := filepath.Glob(filepath.Dir(sc.config) + "/*.tmp*"); len(left) != 0 || err != nil {
		t.Errorf("got %v left, %v", left, err)
	}

	return r
}

// What did not get further than its record is finished, once.
func TestCommittedTransactionIsFinished(t *testing.T) {
	sc := newScene(t)
	if r := sc.recover(t); r.Finished != 1 || r.Undone != 0 {
		t.Errorf("got %+v, need one commit finished", r)
	}

	wantFile(t, sc.config, "new")
	wantFile(t, sc.config+".last", "old")
	wantFile(t, sc.mail, "mail")
	wantFile(t, sc.bounce+".bak", "")
	wantFile(t, sc.bounce+".pck", "")
	b, err := os.ReadFile(sc.env.Log.Path("bounce"))
	if lines := strings.Count(string(b), "\n"); lines != 2 || err != nil {
		t.Errorf("got the log %q, %v, need 2 lines", b, err)
	}

	if r := sc.recover(t); r.Finished != 0 {
		t.Errorf("got %+v the second time", r)
	}
}

// What was prepared and not committed is undone: no list file has its name yet, and
// nothing says that it is committed.
func TestPreparedIsUndone(t *testing.T) {
	sc := newScene(t)
	file := sc.journalFile(t, work)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	write(t, file, strings.Replace(string(b), "commit 1\n", "", 1))
	if r := sc.recover(t); r.Finished != 0 || r.Undone != 1 {
		t.Errorf("got %+v, need one entry put back", r)
	}

	wantFile(t, sc.config, "old")
	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".pck", "bounce")
}

// A list file that has its name is as good as a line that says so.
func TestFirstRenameCommits(t *testing.T) {
	sc := newScene(t)
	file := sc.journalFile(t, work)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	write(t, file, strings.Replace(string(b), "commit 1\n", "", 1))
	if err := sc.commit.Files[0].Publish(nil); err != nil {
		t.Fatal(err)
	}

	if r := sc.recover(t); r.Finished != 1 {
		t.Errorf("got %+v, need one commit finished", r)
	}

	wantFile(t, sc.config, "new")
	wantFile(t, sc.mail, "mail")
	wantFile(t, sc.bounce+".bak", "")
}

// A record of the version before, which had one transaction and was its commit
// point, is finished.
func TestRecordOfVersionOneIsFinished(t *testing.T) {
	sc := newScene(t)
	c := struct {
		Version int    `json:"mmrunner_journal"`
		Host    string `json:"host"`
		PID     int    `json:"pid"`
		Runner  string `json:"runner"`
		Queue   string `json:"queue"`
		Bad     string `json:"bad"`
		*Commit
	}{1, sc.record.Host, sc.record.PID, sc.record.Runner, sc.record.Queue, sc.record.Bad, sc.commit}

	for _, g := range sc.commit.Logs {
		g.Old = g.Text
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}

	write(t, sc.journalFile(t, record), string(b))
	write(t, sc.journalFile(t, work), fmt.Sprintf("mmrunner-work 1 at 0000000000\n%q %q %q\nentry 1.0+aa\n", sc.record.Runner, sc.record.Queue, sc.record.Bad))
	if r := sc.recover(t); r.Finished != 1 {
		t.Errorf("got %+v, need one commit finished", r)
	}

	wantFile(t, sc.config, "new")
	wantFile(t, sc.mail, "mail")
}

// A process may die after a file got its name and before it got its time, while
// it has the list's lock.
func TestFinishedFileHasTheTimeOfRecovery(t *testing.T) {
	sc := newScene(t)
	f := sc.commit.Files[0]
	if err := f.Publish(nil); err != nil {
		t.Fatal(err)
	}

	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(sc.config, old, old); err != nil {
		t.Fatal(err)
	}

	sc.record.PID = dieWithLock(t, maillist.LockPath(sc.env.Site, "test"))
	b, err := encoded(sc.record)
	if err != nil {
		t.Fatal(err)
	}

	write(t, sc.journalFile(t, record), string(b))

	before := time.Now()
	sc.recover(t)
	wantFile(t, sc.config, "new")

	if st, err := os.Stat(sc.config); err != nil || st.ModTime().Unix() < before.Unix() {
		t.Errorf("got %v, %v, need at least %v", st.ModTime(), err, before)
	}
}

// dieWithLock has another process of ours take a lock and end, and returns its id.
func dieWithLock(t *testing.T, path string) (pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDieWithLock$")
	cmd.Env = append(os.Environ(), "MMRUNNER_TEST_LOCK="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cmd.Process.Pid
}

// TestDieWithLock is that other process.
func TestDieWithLock(t *testing.T) {
	path := os.Getenv("MMRUNNER_TEST_LOCK")
	if path == "" {
		t.Skip("it is for a process that another test starts")
	}

	l, err := lockfile.New(path, lockfile.Options{Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}

	if err := l.Lock(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
}

// A message that has left, and a line that was written, are not there again.
func TestFinishedFromHalfWay(t *testing.T) {
	sc := newScene(t)
	f := sc.commit.Files[0]
	if err := errors.Join(f.Publish(nil), os.Remove(sc.commit.Outbox[0].Tmp)); err != nil {
		t.Fatal(err)
	}

	text := string(sc.commit.Logs["bounce"].Text)
	first, second, _ := strings.Cut(text, "\n")
	write(t, sc.env.Log.Path("bounce"), "another's\n"+first+"\n"+second[:5])
	sc.recover(t)
	wantFile(t, sc.config, "new")
	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".bak", "")
	wantFile(t, sc.env.Log.Path("bounce"), "another's\n"+text)
}

// A list that another process has changed meanwhile is not overwritten: the entries are
// handled anew.
func TestTransactionOfAChangedListIsUndone(t *testing.T) {
	sc := newScene(t)
	if err := os.Remove(sc.config); err != nil {
		t.Fatal(err)
	}

	write(t, sc.config, "theirs")
	if r := sc.recover(t); r.Finished != 0 || r.Undone != 1 {
		t.Errorf("got %+v, need one entry put back", r)
	}

	wantFile(t, sc.config, "theirs")
	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".pck", "bounce")
}

// journalFile returns the scene's file of a kind.
func (sc *scene) journalFile(t *testing.T, kind string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sc.env.Site.DataDir(), prefix+"*"+kind))
	if len(files) != 1 || err != nil {
		t.Fatalf("got %v, %v, need one %s file", files, err, kind)
	}
	return files[0]
}

// BenchmarkRecord measures what a batch of 5,000 bounces costs beside its list: the work
// file and the record.
func BenchmarkRecord(b *testing.B) {
	s := site.FromProfile(b.TempDir(), site.Builtin())
	for _, dir := range []string{s.DataDir(), s.LogDir()} {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			b.Fatal(err)
		}
	}

	env := &Env{Site: s, Log: mlog.Open(s.LogDir()), Now: time.Now}
	j, err := OpenJournal(env, "BounceRunner", s.QueueDir("bounces"), s.QueueDir("bad"))
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	c := &Commit{}
	for i := range 5000 {
		c.Entries = append(c.Entries, fmt.Sprintf("%d.5+%040x", 1_700_000_000+i, i))
		c.lines = append(c.lines, mlog.Line{Log: "bounce", At: time.Now(),
			Text: fmt.Sprintf("biglist: user%06d@host%03d.example.net bounce score: 1.0", i, i%500)})
	}

	for b.Loop() {
		if err := errors.Join(j.note(c.Entries), j.write(&Record{Commits: []*Commit{c}}), j.forget()); err != nil {
			b.Fatal(err)
		}
	}
}

// encoded returns a record's file.
func encoded(r *Record) ([]byte, error) {
	pieces, err := r.encode()
	return bytes.Join(pieces, nil), err
}
