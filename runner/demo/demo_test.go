package demo

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

func drain(t *testing.T, s *site.Site) []engine.Stats {
	t.Helper()
	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}

	if bad := d.Unsupported(); len(bad) > 0 {
		t.Errorf("the built-in profile's bounce modules need Python: %q", bad)
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	world := membership.NewServices(s)
	var all []engine.Stats
	for _, h := range []runner.Handler{bounce.New(d, world), command.New(world)} {
		e, err := engine.New(env, h, 0, 1)
		if err != nil {
			t.Fatal(err)
		}

		stats, err := e.Drain(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		all = append(all, stats)
	}

	return all
}

func TestDemoSiteIsHandled(t *testing.T) {
	dir := t.TempDir()
	s, want, err := Make(dir, Options{Members: 2000, Bounces: 500, Commands: 61, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	all := drain(t, s)
	got, err := Check(s, 0)
	if err != nil {
		t.Fatal(err)
	}

	steps := Steps(561, time.Second, all, Recorded)
	var out strings.Builder
	if err := Compare(&out, want, got, all, steps); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}

	if err := Report(&out, steps, Recorded); err != nil || !strings.Contains(out.String(), "bounces registered              500") || !strings.Contains(out.String(), "commands obeyed                  61") {
		t.Errorf("got %v and the report\n%s", err, &out)
	}

	if b, err := os.ReadFile(filepath.Join(dir, "logs", "error")); len(b) > 0 {
		t.Errorf("got the error log %q, %v", b, err)
	}

	if want.ByBounce == 0 || want.Forwarded == 0 || want.Pending == 0 {
		t.Errorf("nothing much happened: %+v", want)
	}

	got.Score++
	if err := Compare(io.Discard, want, got, all, steps); err == nil || !strings.Contains(err.Error(), "sum of their scores") {
		t.Errorf("a wrong score was not found: %v", err)
	}
}

// Mailman's own runners make of the site what we expect of ours.
func TestMailmanAgrees(t *testing.T) {
	prefix := mmtest.CloneOf(t, sameRelease(t))
	made := t.TempDir()
	_, want, err := Make(made, Options{Members: 300, Bounces: 60, Commands: 30, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range []string{"lists", "qfiles"} {
		if err := os.RemoveAll(filepath.Join(prefix, d)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(prefix, d), os.DirFS(filepath.Join(made, d))); err != nil {
			t.Fatal(err)
		}
	}

	mmtest.Drain(t, prefix, "BounceRunner", "bounces")
	mmtest.Drain(t, prefix, "CommandRunner", "commands")
	got, err := Check(site.FromProfile(prefix, site.Builtin()), 0)
	if err != nil {
		t.Fatal(err)
	}

	got.Registered, got.Forwarded, got.Discarded = want.Registered, want.Forwarded, want.Discarded
	if *got != *want {
		t.Errorf("Mailman made %+v, wanted %+v", *got, *want)
	}

	if b, err := os.ReadFile(filepath.Join(prefix, "logs", "error")); err == nil && strings.Contains(string(b), "Traceback") {
		t.Errorf("Mailman had trouble with it:\n%s", b)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, o := range []Options{{}, {Members: 5, Commands: 5}, {Members: 5, Bounces: -1}, {Members: -1, Commands: -2}} {
		if _, _, err := Make(t.TempDir(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// Who does not want to wait need not.
func TestMakeEndsWhenToldTo(t *testing.T) {
	enough := errors.New("enough")
	seen := []string{}
	_, _, err := Make(t.TempDir(), Options{Members: 2000, Bounces: 3000, Now: time.Now(), Progress: func(what string, done, total int) error {
		seen = append(seen, what)
		if what == "bounces" {
			return enough
		}
		return nil
	}})
	if !errors.Is(err, enough) || strings.Join(seen, " ") != "members members bounces" {
		t.Errorf("got %v after %q", err, seen)
	}
}

// Mail that comes by LMTP does what the same mail in the queues does, and its notices
// reach the mail server.
func TestMailGoesTheWholeWay(t *testing.T) {
	s, mails, want, err := Prepare(t.TempDir(), Options{Members: 1000, Bounces: 120, Commands: 30, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	last := 0
	if _, err := Deliver(t.Context(), s, mails, func(done, total int) { last = done }); err != nil || last != 150 {
		t.Fatalf("delivered %d of 150: %v", last, err)
	}

	got, err := Check(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got.Mails != 0 {
		t.Errorf("%d notices before anything is handled", got.Mails)
	}

	all := drain(t, s)
	if got, err = Check(s, 0); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Compare(&out, want, got, all, Steps(150, time.Second, all, Recorded)); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestDeliveryEndsWithItsContext(t *testing.T) {
	s, mails, _, err := Prepare(t.TempDir(), Options{Members: 100, Bounces: 50, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Deliver(ctx, s, mails, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
