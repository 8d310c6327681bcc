package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/outgoing"
	"github.com/mmrunner/mmrunner/runner/settings"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

// drain is Options.Drain without a process of its own.
func drain(dir, name string) (d Drained, err error) { return drainWith(dir, name, false) }

// drainWith is drain, with or without events.
func drainWith(dir, name string, record bool) (d Drained, err error) {
	s := site.FromProfile(dir, site.Builtin())
	env := txn.NewEnv(s)
	defer env.Log.Close()
	world := membership.NewServices(s)
	var h runner.Handler = command.New(world)

	switch name {
	case "VirginRunner":
		h = virgin.New(s)
	case "OutgoingRunner":
		// Without a mail server all is to be tried again.
		s.Profile.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(1)}
		h = outgoing.New(s, bounce.NewRefusals(nil), outgoing.Options{})
	case "BounceRunner":
		found, err := detect.New(s.Profile)
		if err != nil {
			return d, err
		}

		var o bounce.Options
		if record {
			if o.Events, err = events.NewRecorder(s.DataDir(), settings.Keep); err != nil {
				return d, err
			}
		}

		h = bounce.New(found, world).With(o)
	}

	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		return d, err
	}
	defer e.Close()
	d.Stats, err = e.Drain(context.Background())
	d.Peak = 1

	return d, err
}

func TestBatchesAreMeasured(t *testing.T) {
	rows, err := Run(Options{Members: []int{300, 600}, Bounces: 40, Commands: 20, Drain: drain})
	if err != nil {
		t.Fatal(err)
	}

	if len(rows) != 8 {
		t.Fatalf("got %d rows, need 8", len(rows))
	}

	for i, r := range rows {
		if i%4 >= 2 {
			// As many as there are notices of the batches before; none of them needs the lock.
			if r.Stats.Entries == 0 || r.Stats.Held != 0 || r.Stats.Entries != rows[i/4*4+2].Stats.Entries {
				t.Errorf("got row %+v, need all notices, and no lock held", r)
			}
			continue
		}

		want := 40
		if i%4 == 1 {
			want = 20
		}

		if r.Stats.Entries != want || r.Stats.Commits != 1 || r.Bytes < int64(100*r.Members) || r.Copy <= 0 || r.Stats.Held <= 0 {
			t.Errorf("got row %+v, need %d entries in a commit", r, want)
		}

		if r.Stats.Outcomes[runner.Kept]+r.Stats.Outcomes[runner.Shunted] > 0 {
			t.Errorf("got %v, need all done", r.Stats.Outcomes)
		}
	}
}

// Each of the other loads is handled whole, on as many lists as it is for.
func TestEachLoadIsMeasured(t *testing.T) {
	rows, err := Loads(Options{Drain: drain}, 100, nil)
	if err != nil {
		t.Fatal(err)
	}

	if len(rows) != len(loads) {
		t.Fatalf("got %d rows, need %d", len(rows), len(loads))
	}

	for i, r := range rows {
		if want := max(1, loads[i].bounces/100); r.Entries != want || r.Elapsed <= 0 || r.Copy <= 0 {
			t.Errorf("got row %+v, need %d entries", r, want)
		}
		if r.limit.disable && (r.Longest <= 0 || r.Longest > r.Held) {
			t.Errorf("got the lock for %v s at most and %v s in all", r.Longest, r.Held)
		}
	}

	r := LoadRow{Load: "x", Elapsed: 1, Mailman: 2, Longest: 1, Copy: .1, Peak: 1 << 40, limit: load{disable: true, memory: true}}
	if over := OverLoads([]LoadRow{r}); len(over) != 3 {
		t.Errorf("got %q, need all three budgets", over)
	}
}

// Mailman's runners work on the list that mmrunner's are measured on.
func TestMailman(t *testing.T) {
	s, err := site.Open(mmtest.Prefix(t), site.Options{NoCache: true})
	if err != nil {
		t.Fatal(err)
	}

	rows := []Row{
		{Members: 200, Drained: Drained{Stats: engine.Stats{Runner: "BounceRunner"}}},
		{Members: 200, Drained: Drained{Stats: engine.Stats{Runner: "CommandRunner"}}},
		{Members: 9, Drained: Drained{Stats: engine.Stats{Runner: "CommandRunner"}}},
	}

	if err := Mailman(s, rows, 200, 10, 1, nil); err != nil {
		t.Fatal(err)
	}

	if rows[0].Mailman <= 0 || rows[1].Mailman <= 0 || rows[2].Mailman != 0 {
		t.Errorf("got %+v, need a time in the first two", rows)
	}
}

func TestPrintAndOver(t *testing.T) {
	r := Row{Members: 1000, Bytes: 1e6, Copy: time.Millisecond, Mailman: time.Second,
		Drained: Drained{Peak: 80e6, Stats: engine.Stats{Runner: "BounceRunner", Entries: 10, Elapsed: 20 * time.Millisecond, Held: 6 * time.Millisecond}}}
	var b strings.Builder
	if err := Print(&b, []Row{r}); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"10 bounces", "2.000 ms", " 500 ", "6.0 ms", "80.0 MB", "70.1 MB"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got no %q in\n%s", want, b.String())
		}
	}

	if over := Over([]Row{r}); len(over) != 3 {
		t.Errorf("got %q, need memory, lock and rate", over)
	}

	r.Peak, r.Stats.Held, r.Mailman = 70e6, 5*time.Millisecond, 2*time.Second
	if over := Over([]Row{r}); len(over) != 0 {
		t.Errorf("got %q, need nothing", over)
	}
}
