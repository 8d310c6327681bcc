package virgin_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

//go:embed testdata/fill.py
var fillProgram string

//go:embed testdata/dump.py
var dumpProgram string

// made holds the files and log lines that a runner left.
type made struct {
	Queues map[string][][]string `json:"queues"`
	Log    []string              `json:"log"`
}

func dump(t *testing.T, prefix string) (m made) {
	t.Helper()
	out := mmtest.RunPython(t, prefix, dumpProgram)
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%v in %.200q", err, out)
	}
	// Lists take turns in another order.
	slices.Sort(m.Log)
	return m
}

// drain has mmrunner empty the queue.
func drain(t *testing.T, prefix string, batch int) engine.Stats {
	t.Helper()
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	e, err := engine.New(env, virgin.New(s), 0, 1)
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

	return stats
}

// settings adds lines to a copy's mm_cfg.py.
func settings(t *testing.T, prefix, lines string) {
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

func copyDirs(t *testing.T, from, to string) {
	t.Helper()
	for _, d := range varDirs {
		if err := os.RemoveAll(filepath.Join(to, d)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(to, d), os.DirFS(filepath.Join(from, d))); err != nil {
			t.Fatal(err)
		}
	}
}

// Lists in every language with all kinds of settings, and messages of all kinds:
// the same comes out, in the same order, as from Mailman's VirginRunner.
func TestHeadersAreMailmans(t *testing.T) {
	t.Parallel()
	for i, release := range mmtest.Releases(t) {
		for j, lines := range []string{
			"VERP_DELIVERY_INTERVAL = 0\nVERP_PERSONALIZED_DELIVERIES = No",
			"VERP_DELIVERY_INTERVAL = 3\nVERP_PERSONALIZED_DELIVERIES = Yes\nUSE_ENVELOPE_SENDER = Yes\nPUBLIC_ARCHIVE_URL = 'https://%(hostname)s/archive/%(listname)s'",
			"VERP_DELIVERY_INTERVAL = 1",
		} {
			if i > 0 && j != i%3 {
				continue // the installed release is held in all of them
			}

			t.Run(fmt.Sprintf("%s/%d", mmtest.Version(t, release), j), func(t *testing.T) {
				t.Parallel()
				prefix := mmtest.CloneOf(t, release)
				settings(t, prefix, lines)
				mmtest.RunPython(t, prefix, fmt.Sprintf("SEED, COUNT = %d, 200\n", 10*i+j)+fillProgram)
				before := t.TempDir()
				copyDirs(t, prefix, before)
				mmtest.Drain(t, prefix, "VirginRunner", "virgin")
				want := dump(t, prefix)
				if len(want.Queues["out"]) < 100 || len(want.Queues["shunt"]) == 0 {
					t.Errorf("Mailman has sent %d messages on and shunted %d: too few to tell anything", len(want.Queues["out"]), len(want.Queues["shunt"]))
				}

				for _, batch := range []int{0, 7} {
					copyDirs(t, before, prefix)
					stats := drain(t, prefix, batch)
					if n := stats.Outcomes[runner.Forwarded]; n < 100 {
						t.Errorf("got %v, need most of them forwarded", stats.Outcomes)
					}

					if diff := cmp.Diff(want, dump(t, prefix)); diff != "" {
						t.Errorf("batches of %d (- Mailman, + mmrunner):\n%.6000s", batch, diff)
					}
				}
			})
		}
	}
}
