package bench

import (
	"context"
	"errors"
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
	"github.com/mmrunner/mmrunner/runner/devtools/torture"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/outgoing"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

// ownRunners are mmrunner's four runners in this process: they empty their queues in
// turn, over and over.
type ownRunners struct {
	stop  context.CancelFunc
	ended chan error
}

func startOwn(dir string, port int) (Runners, error) {
	p := site.Builtin()
	p.Settings["SMTPHOST"] = site.Setting{Value: pickle.Str("127.0.0.1")}
	p.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(port)}
	s := site.FromProfile(dir, p)
	found, err := detect.New(p)
	if err != nil {
		return nil, err
	}

	services := membership.NewServices(s)
	env := txn.NewEnv(s)
	var engines []*engine.Engine
	refusals := bounce.NewRefusals(bounce.New(found, services))
	for _, h := range []runner.Handler{bounce.New(found, services), command.New(services), virgin.New(s), outgoing.New(s, refusals, outgoing.Options{})} {
		more, err := engine.Open(env, h, 0, 1)
		if err != nil {
			return nil, err
		}
		engines = append(engines, more...)
	}

	ctx, stop := context.WithCancel(context.Background())
	r := &ownRunners{stop, make(chan error)}
	go func() {
		var errs []error
		for ctx.Err() == nil && len(errs) == 0 {
			for _, e := range engines {
				if _, err := e.Drain(ctx); err != nil && ctx.Err() == nil {
					errs = append(errs, err)
				}
			}
			time.Sleep(10 * time.Millisecond)
		}

		for _, e := range engines {
			errs = append(errs, e.Close())
		}
		r.ended <- errors.Join(errs...)
	}()

	return r, nil
}

func (r *ownRunners) Stop() (time.Duration, error) {
	r.stop()
	return time.Second, <-r.ended
}

// The whole way is done to its end by both, on one list, and each row says how long it
// took, and how a page fared meanwhile.
func TestWholeWayBesideMailman(t *testing.T) {
	box, err := torture.NewMailbox()
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	installed, err := site.Open(mmtest.Clone(t), site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	rows, err := Whole{Members: []int{200, 300}, Bounces: 20, Commands: 10, Start: startOwn, Installed: installed, ForMailman: 5, MailmanUpTo: 200, Server: box}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].Who != "mmrunner" || rows[1].Who != "Mailman" || rows[2].Members != 300 {
		t.Fatalf("got %+v, need mmrunner's and Mailman's of 200 members, and mmrunner's of 300", rows)
	}

	for i, r := range rows {
		bounces, commands := 20, 10
		if i == 1 {
			bounces, commands = 5, 1
		}
		if r.Bounces != bounces || r.Disabled != bounces*3/5 || r.Commands != commands || r.Messages < r.Disabled+r.Commands {
			t.Errorf("got %+v, need %d bounces and %d commands, and mail of all", r, bounces, commands)
		}
		if r.Elapsed <= 0 || r.CPU <= 0 || r.Pages == 0 || r.Longest < r.Median {
			t.Errorf("got %+v, need figures", r)
		}
	}
}

// A page that waits too long is over budget, Mailman's is not.
func TestPrintAndOverWhole(t *testing.T) {
	rows := []WholeRow{
		{Who: "mmrunner", Members: 1000, Bounces: 50, Commands: 50, Messages: 120, Elapsed: 2, CPU: 1, Held: 0.015, Median: 0.01, Longest: 2},
		{Who: "Mailman", Members: 1000, Bounces: 5, Commands: 5, Elapsed: 60, Median: 3, Longest: 9},
	}
	var b strings.Builder
	if err := PrintWhole(&b, rows); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"mmrunner", "20.0 ms", "10.0 ms", "1.5 %", "0.01-2.00 s", "6000.0 ms"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got no %q in\n%s", want, b.String())
		}
	}

	if over := OverWhole(rows); len(over) != 0 {
		t.Errorf("got %q, need nothing", over)
	}
	for _, longer := range []func(*WholeRow){func(r *WholeRow) { r.Median = 0.2 }, func(r *WholeRow) { r.Longest = 2.5 }} {
		r := rows[0]
		longer(&r)
		if over := OverWhole([]WholeRow{r}); len(over) != 1 {
			t.Errorf("got %q for %+v, need a sentence", over, r)
		}
	}
}
