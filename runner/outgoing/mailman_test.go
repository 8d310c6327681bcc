package outgoing_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/outgoing"
	"github.com/mmrunner/mmrunner/runner/txn"
)

//go:embed testdata/fill.py
var fillProgram string

//go:embed testdata/dump.py
var dumpProgram string

// left holds the files and log lines that a runner left.
type left struct {
	Queues map[string][][]string `json:"queues"`
	Log    map[string][]string   `json:"log"`
	Lists  map[string][]string   `json:"lists"`
	Given  []string              `json:"-"` // to the mail server
}

// boundary matches the MIME boundaries, which Python makes at random.
var boundary = regexp.MustCompile(`={15}\d+==`)

func dump(t *testing.T, prefix string, s *server) (l left) {
	t.Helper()
	out := mmtest.RunPython(t, prefix, dumpProgram)
	if err := json.Unmarshal(out, &l); err != nil {
		t.Fatalf("%v in %.200q", err, out)
	}

	for _, lines := range l.Log {
		slices.Sort(lines) // lists take turns in another order
	}
	for _, text := range s.take() {
		l.Given = append(l.Given, boundary.ReplaceAllString(text, "BOUNDARY"))
	}
	slices.Sort(l.Given)
	return l
}

// open is a site's OutgoingRunner.
func open(t testing.TB, s *site.Site, o outgoing.Options) (*txn.Env, []*engine.Engine) {
	t.Helper()
	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	h := outgoing.New(s, bounce.NewRefusals(bounce.New(d, membership.NewServices(s))), o)
	engines, err := engine.Open(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	return env, engines
}

// drain has mmrunner empty the queue, and register what was refused.
func drain(t testing.TB, s *site.Site, o outgoing.Options) engine.Stats {
	t.Helper()
	env, engines := open(t, s, o)
	defer env.Log.Close()
	var first engine.Stats
	for i, e := range engines {
		stats, err := e.Drain(t.Context())
		if err != nil {
			t.Error(err)
		}

		if err := e.Close(); err != nil {
			t.Error(err)
		}

		if i == 0 {
			first = stats
		}
	}

	return first
}

func openSite(t testing.TB, prefix string) *site.Site {
	t.Helper()
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settings adds lines to a copy's mm_cfg.py.
func settings(t testing.TB, prefix, lines string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(prefix, "Mailman", "mm_cfg.py"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("\n" + lines + "\n"); err != nil {
		t.Fatal(err)
	}
}

// varDirs are the directories that a runner writes to.
var varDirs = []string{"lists", "qfiles", "logs", "locks", "data"}

func copyDirs(t testing.TB, from, to string) {
	t.Helper()
	for _, d := range varDirs {
		if err := os.RemoveAll(filepath.Join(to, d)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(to, d), os.DirFS(filepath.Join(from, d))); err != nil {
			t.Fatal(err)
		}
	}

	// What Mailman reads again depends on whether it was saved in this very second.
	then := time.Now().Add(-time.Hour)
	files, err := filepath.Glob(filepath.Join(to, "lists", "*", "config.pck"))
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range files {
		if err := os.Chtimes(f, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

// Lists in many languages with all kinds of settings, messages of all kinds, and
// recipients that are refused, put off or taken: the mail server is given the same,
// and queues, logs and lists are left the same, as by Mailman's OutgoingRunner.
func TestDeliveryIsMailmans(t *testing.T) {
	t.Parallel()
	for i, release := range mmtest.Releases(t) {
		for j, lines := range []string{
			"",
			"SMTP_MAX_RCPTS = 3\nVERP_FORMAT = '%(bounces)s-%(mailbox)s=%(host)s'\nUSE_ENVELOPE_SENDER = Yes\nRCPT_BASE64_HEADER_NAME = 'X-Rcpt'\nSMTP_MAX_SESSIONS_PER_CONNECTION = 2",
			"SMTP_MAX_RCPTS = 0\nSMTP_LOG_EVERY_MESSAGE = None\nSMTP_LOG_SUCCESS = ('post', '%(msg_subject)s %(allmsg_to)s %(nobody)s %(msg_nobody)s %(#recips)d')",
		} {
			if i > 0 && j != i%3 {
				continue // the installed release is held in all of them
			}

			t.Run(fmt.Sprintf("%s/%d", mmtest.Version(t, release), j), func(t *testing.T) {
				t.Parallel()
				prefix := mmtest.CloneOf(t, release)
				s := newServer(t)

				if j == 1 {
					s.offers = []string{"PIPELINING", "SIZE 1000000", "8BITMIME"}
				}

				settings(t, prefix, s.settings()+lines)
				mmtest.RunPython(t, prefix, fmt.Sprintf("SEED, COUNT = %d, 250\n", 10*i+j)+fillProgram)
				before := t.TempDir()
				copyDirs(t, prefix, before)
				copyDirs(t, before, prefix)
				mmtest.Drain(t, prefix, "OutgoingRunner", "out")
				want := dump(t, prefix, s)
				if len(want.Given) < 100 || len(want.Queues["retry"]) < 10 {
					t.Errorf("Mailman has delivered %d messages and will try %d again: too few to tell anything", len(want.Given), len(want.Queues["retry"]))
				}

				for _, sessions := range []int{1, 3} {
					copyDirs(t, before, prefix)
					stats := drain(t, openSite(t, prefix), outgoing.Options{Sessions: sessions})
					if n := stats.Outcomes[runner.Delivered]; n < 150 {
						t.Errorf("got %v, need most of them delivered", stats.Outcomes)
					}

					if diff := cmp.Diff(want, dump(t, prefix, s)); diff != "" {
						t.Errorf("%d sessions (- Mailman, + mmrunner):\n%.7000s", sessions, diff)
					}
				}
			})
		}
	}
}
