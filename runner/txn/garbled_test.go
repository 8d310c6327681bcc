package txn

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/stage"
)

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
func TestJournalOfALivingProcessIsLeft(t *testing.T) {
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
func TestRecordCannotRemoveForeignFiles(t *testing.T) {
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
		b, err := encoded(&r)
		if err != nil {
			t.Fatal(err)
		}

		if _, err := decode(b, sc.env.Site); err != nil {
			t.Fatalf("the record itself: %v", err)
		}

		spoil(&r)
		if b, err = encoded(&r); err != nil {
			t.Fatal(err)
		}

		if _, err := decode(b, sc.env.Site); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}

	if _, err := decode([]byte(`{"mmrunner_journal": 4}`), sc.env.Site); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, need ErrNewer", err)
	}
}

func TestLogLinesThatWereNotWrittenYet(t *testing.T) {
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
func TestJournalFilesAreForTheirUserOnly(t *testing.T) {
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
