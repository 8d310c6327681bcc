package virgin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

// notice is an entry of the queue as text.
func notice(n int) mmtest.EntrySpec {
	return mmtest.EntrySpec{Queue: "virgin", List: "test", Data: fmt.Sprintf("{'recips': ['a@example.com'], 'received_time': %d.5}", 1700000000+n),
		Text: fmt.Appendf(nil, "From: test-bounces@lists.example.com\nMessage-ID: <%d@example.com>\n\ntext\n", n)}
}

func oneList(t *testing.T, python string) (prefix string) {
	t.Helper()
	prefix = mmtest.Clone(t)
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: []string{"a@example.com"}, Python: python})
	var entries []mmtest.EntrySpec
	for n := range 5 {
		entries = append(entries, notice(n))
	}
	mmtest.Enqueue(t, prefix, entries...)
	return prefix
}

// A list with an extend.py, and a site with a CookHeaders of its own, are Python's:
// what they do to a message is done.
func TestWhatIsChangedGoesToPython(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(prefix string) (file, text string){
		"extension": func(prefix string) (string, string) {
			return filepath.Join(prefix, "lists", "test", "extend.py"), `
from Mailman import MailList
class Elsewhere(MailList.MailList):
    def GetListEmail(self):
        return 'test@elsewhere.example.com'
def extend(mlist):
    mlist.__class__ = Elsewhere
`
		},
		"handler": func(prefix string) (string, string) {
			return filepath.Join(prefix, "Mailman", "Handlers", "CookHeaders.py"), `
def process(mlist, msg, msgdata):
    msg['X-BeenThere'] = 'test@elsewhere.example.com'
`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prefix := oneList(t, "")
			file, text := change(prefix)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}

			if stats := drain(t, prefix, 0); stats.Outcomes[runner.Delegated] != 5 {
				t.Errorf("got %v, need 5 delegated", stats.Outcomes)
			}

			out := dump(t, prefix).Queues["out"]
			if len(out) != 5 {
				t.Fatalf("got %d entries in out, need 5", len(out))
			}

			for i, e := range out {
				if all := strings.Join(e, "\n"); !strings.Contains(all, "X-BeenThere: 'test@elsewhere.example.com'") || !strings.Contains(all, fmt.Sprintf("<%d@example.com>", i)) {
					t.Errorf("entry %d: got no trace of the site's own code, or is out of place:\n%s", i, all)
				}
			}
		})
	}
}

// A site that says to ignore its changes has its notices made without them.
func TestChangesAreIgnoredWhereAsked(t *testing.T) {
	t.Parallel()
	prefix := oneList(t, "")
	settings(t, prefix, "MMRUNNER_IGNORE_CHANGES = True")
	if err := os.WriteFile(filepath.Join(prefix, "Mailman", "Handlers", "CookHeaders.py"), []byte("def process(mlist, msg, msgdata):\n    msg['X-Site'] = 'ours'\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	if stats := drain(t, prefix, 0); stats.Outcomes[runner.Forwarded] != 5 {
		t.Errorf("got %v, need 5 forwarded", stats.Outcomes)
	}
	for _, e := range dump(t, prefix).Queues["out"] {
		if all := strings.Join(e, "\n"); strings.Contains(all, "X-Site") || !strings.Contains(all, "X-BeenThere: 'test@lists.example.com'") {
			t.Errorf("got the site's own header fields, need Mailman's:\n%s", all)
		}
	}
}

// No list's lock is asked for, no list is saved, and what another process saves
// meanwhile is seen by the next batch.
func TestTakesNoLockAndSavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _, err := demo.Make(dir, demo.Options{Members: 100, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	env.Lock = func(context.Context, string, time.Duration) (txn.Lock, error) {
		t.Error("a list's lock was asked for")
		return nil, errors.New("no lock")
	}

	e, err := engine.New(env, virgin.New(s), 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	config := filepath.Join(s.ListDataDir(), demo.ListName, "config.pck")
	for round, description := range []string{"first", "second"} {
		l, err := env.Lists.Get(demo.ListName, maillist.Options{})
		if err != nil {
			t.Fatal(err)
		}

		l.Set("description", pickle.Str(description))
		files, err := l.Stage()
		if err != nil {
			t.Fatal(err)
		}

		for _, f := range files {
			if err := f.Publish(nil); err != nil {
				t.Fatal(err)
			}
		}

		env.Lists.Forget(demo.ListName)
		before, err := os.Stat(config)
		if err != nil {
			t.Fatal(err)
		}

		fill(t, s, 20)
		if _, err := e.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}

		after, err := os.Stat(config)
		if err != nil {
			t.Fatal(err)
		}

		if !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
			t.Error("config.pck was saved, wanted it left alone")
		}

		if n := count(t, s, "out", description); n != 20 {
			t.Errorf("round %d: got %d messages with the description %q, need 20", round, n, description)
		}
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// BenchmarkVirgin is a batch of 1,000 replies of a list of 138,000 members.
func BenchmarkVirgin(b *testing.B) {
	dir := b.TempDir()
	s, _, err := demo.Make(dir, demo.Options{Members: 138_000, Now: time.Now()})
	if err != nil {
		b.Fatal(err)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, virgin.New(s), 0, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	for b.Loop() {
		b.StopTimer()
		fill(b, s, 1000)
		b.StartTimer()
		if _, err := e.Drain(b.Context()); err != nil {
			b.Fatal(err)
		}
	}

	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*1000), "µs/entry")
}

// fill queues notices of the demo's list.
func fill(t testing.TB, s *site.Site, n int) {
	t.Helper()
	q, err := qfile.Open(s.QueueDir("virgin"), 0, 1, qfile.Options{Schema: s.Profile.QfileSchemaVersion})
	if err != nil {
		t.Fatal(err)
	}

	for i := range n {
		data := qfile.NewData()
		data.Set("listname", demo.ListName)
		data.Set("recips", pickle.NewList(pickle.Str("a@example.com")))
		if _, err := q.Enqueue(pickle.Str(fmt.Sprintf("From: x@example.com\nMessage-ID: <%d@example.com>\n\ntext\n", i)), data); err != nil {
			t.Fatal(err)
		}
	}
}

// count counts the entries of a queue with a text in them, and removes all.
func count(t testing.TB, s *site.Site, queue, text string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.QueueDir(queue), "*.pck"))
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}

		if strings.Contains(string(b), text) {
			n++
		}

		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}

	return n
}
