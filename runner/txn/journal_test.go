package txn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
func TestFinished(t *testing.T) {
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
	b, err := json.Marshal(sc.record)
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
func TestUndone(t *testing.T) {
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

// The temporary files of a list that was removed or renamed went with
// it. That they are gone does not tell that they were published: the entries are
// handled anew, as those of a list that is not there.
func TestListGone(t *testing.T) {
	sc := newScene(t)
	if err := os.RemoveAll(filepath.Dir(sc.config)); err != nil {
		t.Fatal(err)
	}

	if r := sc.recover(t); r.Finished != 0 || r.Undone != 1 {
		t.Errorf("got %+v, need one entry put back", r)
	}

	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".pck", "bounce")
}

// What had begun to leave when a list was removed leaves whole, and once.
func TestListGoneWhileMailLeft(t *testing.T) {
	sc := newScene(t)
	if err := errors.Join(os.RemoveAll(filepath.Dir(sc.config)), os.Remove(sc.commit.Outbox[0].Tmp)); err != nil {
		t.Fatal(err)
	}

	if r := sc.recover(t); r.Finished != 1 || r.Undone != 0 {
		t.Errorf("got %+v, need one commit finished", r)
	}

	wantFile(t, sc.mail, "")
	wantFile(t, sc.bounce+".bak", "")
	wantFile(t, sc.bounce+".pck", "")
}

// Of a commit to two lists, one of which was removed half-way, the other gets what
// is its own.
func TestOneListOfTwoGone(t *testing.T) {
	for _, begun := range []bool{false, true} {
		t.Run(fmt.Sprint(begun), func(t *testing.T) {
			sc := newScene(t)
			other := maillist.ListPath(sc.env.Site, "other")
			if err := os.Mkdir(other, 0o770); err != nil {
				t.Fatal(err)
			}

			config := filepath.Join(other, "config.pck")
			write(t, config, "old too")
			from, err := stage.Identify(config)
			if err != nil {
				t.Fatal(err)
			}

			write(t, config+".tmp.here.1.2", "new too")
			id, err := stage.Identify(config + ".tmp.here.1.2")
			if err != nil {
				t.Fatal(err)
			}

			sc.commit.Files = append(sc.commit.Files, stage.File{Tmp: config + ".tmp.here.1.2", Final: config, ID: id})
			sc.commit.Locks = append(sc.commit.Locks, "other")
			sc.commit.From[config] = from
			b, err := json.Marshal(sc.record)
			if err != nil {
				t.Fatal(err)
			}

			files, err := filepath.Glob(filepath.Join(sc.env.Site.DataDir(), "mmrunner-*.json"))
			if len(files) != 1 || err != nil {
				t.Fatalf("got %v, %v, need one record", files, err)
			}

			write(t, files[0], string(b))
			gone, want := filepath.Dir(sc.config), "new too"
			if begun {
				if err := sc.commit.Files[0].Publish(nil); err != nil {
					t.Fatal(err)
				}
				gone, want = other, ""
			}

			if err := os.RemoveAll(gone); err != nil {
				t.Fatal(err)
			}

			r := sc.recover(t)
			if !begun {
				// Nothing had been done, and the other list's file may be what another process has made since.
				if r.Undone != 1 {
					t.Errorf("got %+v, need one entry put back", r)
				}
				wantFile(t, config, "old too")
				return
			}

			if r.Finished != 1 {
				t.Errorf("got %+v, need one commit finished", r)
			}

			wantFile(t, sc.config, "new")
			wantFile(t, config, want)
			wantFile(t, sc.mail, "mail")
		})
	}
}

// A host that was given another name since finds its own, where the kernel's locks
// tell that their process is gone. A lock under the old name is left to its time.
func TestRenamedHost(t *testing.T) {
	for _, locked := range []bool{false, true} {
		t.Run(fmt.Sprint(locked), func(t *testing.T) {
			sc := newScene(t)
			sc.record.Host = "before"
			b, err := json.Marshal(sc.record)
			if err != nil {
				t.Fatal(err)
			}

			write(t, sc.journalFile(t, record), string(b))
			for _, kind := range []string{work, record} {
				file := sc.journalFile(t, kind)
				if err := os.Rename(file, strings.Replace(file, prefix+sc.env.Host()+"-", prefix+"before-", 1)); err != nil {
					t.Fatal(err)
				}
			}

			if !locked {
				if r := sc.recover(t); r.Finished != 1 {
					t.Errorf("got %+v, need one commit finished", r)
				}
				wantFile(t, sc.config, "new")
				return
			}

			path := maillist.LockPath(sc.env.Site, "test")
			l, err := lockfile.New(path, lockfile.Options{Host: "before", PID: sc.record.PID})
			if err == nil {
				err = l.Lock(t.Context(), time.Second)
			}

			if err != nil {
				t.Fatal(err)
			}

			if r, err := Recover(t.Context(), sc.env); err != nil || len(r.Problems) != 1 || r.Finished != 0 {
				t.Errorf("got %+v, %v, need the lock to be waited for", r, err)
			}

			if held, err := l.Renew(); !held || err != nil {
				t.Errorf("the lock was broken (%v)", err)
			}
		})
	}
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

// The work file is not flushed. Whatever a loss of power has left of it, the
// record is finished, and where there is none the entries that can be read are
// put back.
func TestGarbledWork(t *testing.T) {
	for _, c := range []struct {
		what   string
		garble func(b []byte) []byte
		known  bool // that the entry was claimed
	}{
		{"zeros at the begin", func(b []byte) []byte { return append(make([]byte, 40), b[40:]...) }, false},
		{"zeros at the end", func(b []byte) []byte { return append(b[:len(b)-10], make([]byte, 10)...) }, true},
		{"zeros in an entry", func(b []byte) []byte {
			i := bytes.Index(b, []byte("entry 1.0")) + len("entry 1.0")
			return slices.Concat(b[:i], make([]byte, 3), b[i+3:])
		}, false},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }, false},
		{"noise", func(b []byte) []byte { return append(b, "entry ../x\ndir a \"/etc\"\n\xff\n\n"...) }, true},
	} {
		for _, committed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, %v", c.what, committed), func(t *testing.T) {
				sc := newScene(t)
				file := sc.journalFile(t, work)
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}

				write(t, file, string(c.garble(b)))
				if committed {
					err = sc.commit.Files[0].Publish(nil)
				} else {
					err = os.Remove(sc.journalFile(t, record))
				}

				if err != nil {
					t.Fatal(err)
				}

				r, err := Recover(t.Context(), sc.env)
				if err != nil || len(r.Problems) > 0 || (r.Finished == 1) != committed {
					t.Fatalf("got %+v, %v, need a commit finished: %v", r, err, committed)
				}

				if committed {
					wantFile(t, sc.config, "new")
					wantFile(t, sc.bounce+".bak", "")
				} else if c.known {
					wantFile(t, sc.bounce+".pck", "bounce")
				} else if r.Taken["1.0+aa"] {
					t.Error("an entry is kept that nobody has")
				}
			})
		}
	}
}

// A record that cannot be read tells not whether its entries have taken effect:
// they stay, and all others go on.
func TestGarbledRecord(t *testing.T) {
	sc := newScene(t)
	file := sc.journalFile(t, record)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	write(t, file, string(b[:len(b)/2]))
	for range 2 {
		r, err := Recover(t.Context(), sc.env)
		if err != nil || len(r.Problems) != 1 || !r.Taken["1.0+aa"] {
			t.Fatalf("got %+v, %v, need the entry kept and a problem", r, err)
		}
		wantFile(t, sc.config, "old")
		wantFile(t, sc.bounce+".bak", "bounce")
	}

	// Recovery has read it, and removes it.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}

	if r := sc.recover(t); r.Undone != 1 {
		t.Errorf("got %+v, need one entry put back", r)
	}
}

// Where nothing tells what a record was about, no entry may be recovered.
func TestGarbledBoth(t *testing.T) {
	sc := newScene(t)
	write(t, sc.journalFile(t, record), "{")
	write(t, sc.journalFile(t, work), "")
	if r, err := Recover(t.Context(), sc.env); err == nil {
		t.Errorf("got %+v, need an error", r)
	}
}

// What another process has in hand is left alone, whatever it looks like.
func TestLivesStill(t *testing.T) {
	sc := newScene(t)
	sc.recover(t)
	j, err := OpenJournal(sc.env, "BounceRunner", sc.env.Site.QueueDir("bounces"), sc.env.Site.QueueDir("bad"))
	if err != nil {
		t.Fatal(err)
	}

	write(t, sc.bounce+".bak", "bounce")
	if err := j.note([]string{"1.0+aa"}); err != nil {
		t.Fatal(err)
	}

	r, err := Recover(t.Context(), sc.env)
	if err != nil || r.Undone != 0 || !r.Taken["1.0+aa"] {
		t.Errorf("got %+v, %v, need the entry left to its process", r, err)
	}

	wantFile(t, sc.bounce+".bak", "bounce")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	sc.recover(t)
}

// A user who may write to DATA_DIR cannot have recovery remove another user's files.
func TestRefused(t *testing.T) {
	sc := newScene(t)
	sc.recover(t)

	for what, spoil := range map[string]func(r *Record){
		"a queue elsewhere":       func(r *Record) { r.Queue = "/etc" },
		"an entry elsewhere":      func(r *Record) { r.Commits[0].Entries = []string{"../../etc/passwd"} },
		"a file elsewhere":        func(r *Record) { r.Commits[0].Files[0].Final = "/etc/passwd" },
		"a way to elsewhere":      func(r *Record) { r.Commits[0].Files[0].Tmp = filepath.Dir(sc.config) + "/../../../etc/passwd" },
		"a list that is not held": func(r *Record) { r.Commits[0].Locks = nil },
		"no file":                 func(r *Record) { r.Commits[0].Outbox[0].Final = "" },
		"a log elsewhere":         func(r *Record) { r.Commits[0].Logs = map[string]*Log{"../x": {}} },
	} {
		r := *sc.record
		c := *r.Commits[0]
		c.Files, c.Outbox = append([]stage.File(nil), c.Files...), append([]stage.File(nil), c.Outbox...)
		r.Commits = []*Commit{&c}
		b, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}

		if _, err := decode(b, sc.env.Site); err != nil {
			t.Fatalf("the record itself: %v", err)
		}

		spoil(&r)
		if b, err = json.Marshal(&r); err != nil {
			t.Fatal(err)
		}

		if _, err := decode(b, sc.env.Site); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}

	if _, err := decode([]byte(`{"mmrunner_journal": 3}`), sc.env.Site); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, need ErrNewer", err)
	}
}

func TestUnwritten(t *testing.T) {
	const text = "A 1\nA 2\nA 3\n"
	for _, c := range []struct{ written, want string }{
		{"", text},
		{"other\n", text},
		{text, ""},
		{"other\n" + text + "other\n", ""},
		{"A 1\nother\n", "A 2\nA 3\n"},
		{"A 1\nother\nA 2\nA 3\n", ""},
		{"A 1\nA", " 2\nA 3\n"},
		{"other\nA 1", "\nA 2\nA 3\n"},
		{"A 1\nA 2\nA 3", "\n"},
	} {
		if had := unwritten([]byte(text), []byte(c.written)); string(had) != c.want {
			t.Errorf("after %q: got %q left, need %q", c.written, had, c.want)
		}
	}
}

// No other user may read an engine's files, and no message is in
// them.
func TestModes(t *testing.T) {
	sc := newScene(t)
	files, err := filepath.Glob(filepath.Join(sc.env.Site.DataDir(), "mmrunner-*"))
	if len(files) != 2 || err != nil {
		t.Errorf("got %v, %v, need the work file and the record", files, err)
	}

	for _, file := range files {
		st, err := os.Stat(file)
		if err != nil || st.Mode().Perm()&0o007 != 0 {
			t.Errorf("got mode %v, %v", st.Mode(), err)
		}

		b, err := os.ReadFile(file)
		if err != nil || bytes.Contains(b, []byte("mail\"")) || bytes.Contains(b, []byte("old")) {
			t.Errorf("%s: got %v and %q", file, err, b)
		}
	}
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
