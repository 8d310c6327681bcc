package bounce_test

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// place describes the result of a run: where the entry is, what the error log says of it,
// and what the bounce log says.
type place struct {
	Queues []string // queue and extension of each file, e.g. "bad .psv"
	Errors []string
	Bounce []string
}

const gone = "From: MAILER-DAEMON@mx.example.net\nX-Failed-Recipients: user0@example.net\nMessage-ID: <gone@mx.example.net>\n\nGone.\n"

var registered = []string{"small: user0@example.net bounce score: 1.0"}

// nothing holds the results for entries that are hard or impossible to handle.
var nothing = []struct {
	name    string
	prepare func(t *testing.T, s *site.Site)
	want    place
	slow    bool // Mailman takes long over it
}{
	{
		name:    "an ordinary entry",
		prepare: func(t *testing.T, s *site.Site) { enqueue(t, s, gone, nil) },
		want:    place{Bounce: registered},
	},
	{
		name:    "an empty file",
		prepare: func(t *testing.T, s *site.Site) { writeEntry(t, s, "") },
		want:    place{Queues: []string{"bad .psv"}, Errors: []string{"Uncaught runner exception: <why>", "Skipping and preserving unparseable message: <entry>"}},
	},
	{
		name:    "no pickle",
		prepare: func(t *testing.T, s *site.Site) { writeEntry(t, s, "To: small-bounces@lists.example.com\n\nHello.\n") },
		want:    place{Queues: []string{"bad .psv"}, Errors: []string{"Uncaught runner exception: <why>", "Skipping and preserving unparseable message: <entry>"}},
	},
	{
		name: "an entry cut short",
		prepare: func(t *testing.T, s *site.Site) {
			_, b := encode(t, gone, nil)
			writeEntry(t, s, string(b[:len(b)-20]))
		},
		want: place{Queues: []string{"bad .psv"}, Errors: []string{"Uncaught runner exception: <why>", "Skipping and preserving unparseable message: <entry>"}},
	},
	{
		name:    "metadata that is no dict",
		prepare: func(t *testing.T, s *site.Site) { writeEntry(t, s, "S'To: x\\n\\nHello.'\n.(lp0\n.") },
		want:    place{Queues: []string{"bad .psv"}, Errors: []string{"Uncaught runner exception: <why>", "Skipping and preserving unparseable message: <entry>"}},
	},
	{
		name: "an unknown list",
		prepare: func(t *testing.T, s *site.Site) {
			enqueue(t, s, gone, map[string]pickle.Value{"listname": pickle.Str("nosuch")})
		},
		want: place{Queues: []string{"shunt .pck"}, Errors: []string{"error opening list: nosuch", "Dequeuing message destined for missing list: nosuch"}},
	},
	{
		name: "a list without config.pck",
		prepare: func(t *testing.T, s *site.Site) {
			remove(t, filepath.Join(s.ListDataDir(), "small", "config.pck"))
			enqueue(t, s, gone, nil)
		},
		want: place{Queues: []string{"shunt .pck"}, Errors: []string{"error opening list: small", "Dequeuing message destined for missing list: small"}},
	},
	{
		name: "a broken config.pck with a good one before it",
		prepare: func(t *testing.T, s *site.Site) {
			config := filepath.Join(s.ListDataDir(), "small", "config.pck")
			b := read(t, config)
			write(t, config+".last", b)
			write(t, config, b[:len(b)/2])
			enqueue(t, s, gone, nil)
		},
		want: place{Bounce: registered, Errors: []string{
			"couldn't load config file <list>/config.pck", "fixing corrupt config file, using: <list>/config.pck.last"}},
	},
	{
		name: "a broken config.pck and nothing else",
		prepare: func(t *testing.T, s *site.Site) {
			config := filepath.Join(s.ListDataDir(), "small", "config.pck")
			b := read(t, config)
			write(t, config, b[:len(b)/2])
			enqueue(t, s, gone, nil)
		},
		want: place{Queues: []string{"shunt .pck"}, Errors: []string{
			"couldn't load config file <list>/config.pck",
			"couldn't load config file <list>/config.pck.last\n[Errno 2] No such file or directory: '<list>/config.pck.last'",
			"couldn't load config file <list>/config.db\n[Errno 2] No such file or directory: '<list>/config.db'",
			"couldn't load config file <list>/config.db.last\n[Errno 2] No such file or directory: '<list>/config.db.last'",
			"All small fallbacks were corrupt, giving up",
			"error opening list: small\n[Errno 2] No such file or directory: '<list>/config.db.last'",
			"Dequeuing message destined for missing list: small"}},
	},
	{
		name: "files that are no entries",
		prepare: func(t *testing.T, s *site.Site) {
			write(t, filepath.Join(s.QueueDir("bounces"), "README"), "Keep out.\n")
			write(t, filepath.Join(s.QueueDir("bounces"), "1.5+abc.pck.tmp"), "half")
			mkdir(t, filepath.Join(s.QueueDir("bounces"), "old"))
			enqueue(t, s, gone, nil)
		},
		want: place{Queues: []string{"bounces", "bounces .tmp", "bounces old"}, Bounce: registered},
	},
	{
		name: "50 megabytes",
		prepare: func(t *testing.T, s *site.Site) {
			enqueue(t, s, gone+strings.Repeat("All work and no play.\n", 50<<20/22), nil)
		},
		want: place{Bounce: registered},
		slow: true,
	},
	{
		name: "100,000 headers",
		prepare: func(t *testing.T, s *site.Site) {
			enqueue(t, s, strings.Repeat("Received: from a by b\n", 100_000)+gone, nil)
		},
		want: place{Bounce: registered},
	},
	{
		name: "1,000 messages in one another",
		prepare: func(t *testing.T, s *site.Site) {
			enqueue(t, s, strings.Repeat("Content-Type: message/rfc822\n\n", 1000)+gone, nil)
		},
		want: place{Queues: []string{"bad .psv"}, Errors: []string{"Uncaught runner exception: <why>", "Skipping and preserving unparseable message: <entry>"}},
	},
	{
		name:    "100 messages in one another",
		prepare: func(t *testing.T, s *site.Site) { enqueue(t, s, nested(100), nil) },
		want:    place{Bounce: registered},
	},
	{
		name:    "1,000 parts in one another",
		prepare: func(t *testing.T, s *site.Site) { enqueue(t, s, nested(1000), nil) },
		want:    place{Queues: []string{"bad .psv"}, Errors: []string{"Uncaught runner exception: <why>", "Skipping and preserving unparseable message: <entry>"}},
	},
}

// nested is a bounce that holds n multiparts, each in the one before.
func nested(n int) string {
	var b strings.Builder
	b.WriteString("X-Failed-Recipients: user0@example.net\n")
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("\nGone.\n")
	return b.String()
}

func TestNothingIsLost(t *testing.T) {
	for _, c := range nothing {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			c.prepare(t, s)
			drainBounces(t, s)
			if diff := cmp.Diff(c.want, found(t, s)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// TestMailmanLosesAsMuch asks the installed Mailman for the same.
func TestMailmanLosesAsMuch(t *testing.T) {
	prefix := mmtest.Clone(t)
	real, err := site.Open(prefix, site.Options{NoCache: true})
	if err != nil {
		t.Fatal(err)
	}

	s := site.FromProfile(prefix, real.Profile)
	for _, c := range nothing {
		t.Run(c.name, func(t *testing.T) {
			if c.slow && os.Getenv("MMRUNNER_TEST_SLOW") == "" {
				t.Skip("Mailman takes long over this: set MMRUNNER_TEST_SLOW to see it")
			}

			empty(t, s)
			fill(t, s)
			c.prepare(t, s)
			mmtest.RunPython(t, prefix, "from Mailman.Queue.BounceRunner import BounceRunner\nr = BounceRunner(0, 1)\nr._oneloop()\nr._cleanup()\n")

			if diff := cmp.Diff(c.want, found(t, s)); diff != "" {
				t.Errorf("want -, Mailman got +:\n%s", diff)
			}
		})
	}
}

// newSite is a site of a test's own, without a Mailman, with the list small.
func newSite(t *testing.T) *site.Site {
	t.Helper()
	s := site.FromProfile(t.TempDir(), site.Builtin())
	fill(t, s)
	return s
}

// empty takes away what a run before has left.
func empty(t *testing.T, s *site.Site) {
	t.Helper()
	for _, dir := range []string{s.ListDataDir(), s.LogDir(), s.LockDir(), s.DataDir(), filepath.Dir(s.QueueDir("bounces"))} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		mkdir(t, dir)
	}
}

// fill makes a site's directories, and the lists small and mailman as a real
// Mailman made them once.
func fill(t *testing.T, s *site.Site) {
	t.Helper()
	for _, dir := range []string{s.ListDataDir(), s.LogDir(), s.LockDir(), s.DataDir(), s.QueueDir("bounces")} {
		mkdir(t, dir)
	}
	z, err := zip.OpenReader("../../testdata/recorded/bounces.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, name := range []string{"small", "mailman"} {
		f, err := z.Open("before/lists/" + name + "/config.pck")
		if err != nil {
			t.Fatal(err)
		}

		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}

		write(t, filepath.Join(s.ListDataDir(), name, "config.pck"), string(b))
	}
}

func drainBounces(t *testing.T, s *site.Site) engine.Stats {
	t.Helper()
	env := txn.NewEnv(s)
	defer env.Log.Close()
	env.LockTimeout = 100 * time.Millisecond
	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}

	e, err := engine.New(env, bounce.New(d, membership.NewServices(s)), 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Error(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}

	return stats
}

var (
	stamp = regexp.MustCompile(`(?m)^\w{3} \d\d \d\d:\d\d:\d\d \d{4} \(\d+\) `)
	entry = regexp.MustCompile(`[0-9.]+\+[0-9a-f]{40}`)
	why   = regexp.MustCompile(`(?m)^(Uncaught runner exception: ).*$`)
)

// found looks at what a run has left.
func found(t *testing.T, s *site.Site) (p place) {
	t.Helper()
	top := filepath.Dir(s.QueueDir("bounces"))
	queues, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}

	for _, q := range queues {
		switch q.Name() {
		case "virgin", "out": // what was sent is not the subject here
			continue
		}

		files, err := os.ReadDir(filepath.Join(top, q.Name()))
		if err != nil {
			t.Fatal(err)
		}

		for _, f := range files {
			what := filepath.Ext(f.Name())
			if f.IsDir() {
				what = f.Name()
			}
			p.Queues = append(p.Queues, strings.TrimSpace(q.Name()+" "+what))
		}
	}

	slices.Sort(p.Queues)
	p.Errors = logged(t, s, "error")
	p.Bounce = slices.DeleteFunc(logged(t, s, "bounce"), func(line string) bool { return strings.Contains(line, "queued bounces") })
	return p
}

// exception is the class of an exception with its text; what a runner says of itself
// begins with a runner's name.
var exception = regexp.MustCompile(`^(\w*Error|\w*Exception|PickleError|Bad\w+)(: |$)`)

// logged is a log's messages, without those of what was raised and where.
func logged(t *testing.T, s *site.Site, name string) (messages []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.LogDir(), name))
	if os.IsNotExist(err) {
		return nil
	}

	if err != nil {
		t.Fatal(err)
	}

	text := strings.ReplaceAll(string(b), filepath.Join(s.ListDataDir(), "small"), "<list>")
	raised := false
	for _, m := range stamp.Split(text, -1) {
		m = strings.TrimRight(entry.ReplaceAllString(m, "<entry>"), "\n")
		if m == "" || strings.HasPrefix(m, "Traceback ") || raised && exception.MatchString(m) {
			continue
		}
		raised = why.MatchString(m)
		messages = append(messages, why.ReplaceAllString(m, "$1<why>"))
	}

	return messages
}

func encode(t *testing.T, text string, data map[string]pickle.Value) (base string, content []byte) {
	t.Helper()
	d := qfile.NewData()
	d.Set("listname", "small")
	for k, v := range data {
		d.Set(k, v)
	}
	base, b, err := qfile.Encode(pickle.Str(text), d, 1.7e9, 3)
	if err != nil {
		t.Fatal(err)
	}

	return base, b
}

func enqueue(t *testing.T, s *site.Site, text string, data map[string]pickle.Value) {
	t.Helper()
	base, b := encode(t, text, data)
	writeNamed(t, s, base, string(b))
}

func writeEntry(t *testing.T, s *site.Site, content string) {
	t.Helper()
	writeNamed(t, s, "1700000000.5+"+strings.Repeat("0a", 20), content)
}

// writeNamed writes an entry that is too old to be still in the middle of being written.
func writeNamed(t *testing.T, s *site.Site, base, content string) {
	t.Helper()
	writeQueued(t, s, "bounces", base, content)
}

// writeQueued is writeNamed for any queue.
func writeQueued(t *testing.T, s *site.Site, queue, base, content string) {
	t.Helper()
	file := filepath.Join(s.QueueDir(queue), base+qfile.Waiting)
	write(t, file, content)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o770); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	mkdir(t, filepath.Dir(file))
	if err := os.WriteFile(file, []byte(content), 0o660); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
