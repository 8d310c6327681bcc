package engine

import (
	"os"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// An entry that is written in its place, rather than renamed there, is
// not taken for a broken one; a broken one is reported at once if it was not written
// to it lately.
func TestEntryThatIsBeingWritten(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	for _, dir := range []string{s.LogDir(), s.DataDir(), s.Str("QUEUE_DIR"), s.QueueDir("bounces")} {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := New(env, &meddler{}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	data := qfile.NewData()
	data.Set("_parsemsg", pickle.Int(1))
	base, b, err := qfile.Encode(pickle.Str("Subject: whole\n\nbody\n"), data, 1e9, 3)
	if err != nil {
		t.Fatal(err)
	}

	path := e.Queue.Path(base, qfile.Waiting)
	if err := os.WriteFile(path, b[:len(b)-5], 0o660); err != nil {
		t.Fatal(err)
	}

	written := make(chan error)
	go func() {
		time.Sleep(3 * reread)
		written <- os.WriteFile(path, b, 0o660)
	}()

	_, m, err := e.readWhole(base, false)
	if err != nil {
		t.Fatal(err)
	}

	if subject, _ := m.Get("subject"); subject != "whole" {
		t.Errorf("got subject %q, need whole", subject)
	}

	if err := <-written; err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, b[:len(b)-5], 0o660); err != nil {
		t.Fatal(err)
	}

	old := time.Now().Add(-settled)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}

	if _, _, err := e.readWhole(base, false); err == nil {
		t.Error("got no error for a torn entry, need one")
	}
}
