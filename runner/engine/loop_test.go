package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// clock is a time that passes when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// teller is a handler that tells what it does and when. Entries with "waits"
// may wait a quarter of an hour.
type teller struct {
	clock *clock
	start time.Time
	told  []string
}

func (h *teller) Name() string                             { return "BounceRunner" }
func (h *teller) Queue() string                            { return "bounces" }
func (h *teller) Classify(*runner.Entry) error             { return nil }
func (h *teller) Waits(_ *site.Site, e *runner.Entry) bool { return e.Data.True("waits") }
func (h *teller) Every(*site.Site) time.Duration           { return 15 * time.Minute }
func (h *teller) Batched(runner.Batch) error               { h.tell("commit"); return nil }
func (h *teller) tell(format string, a ...any) {
	h.told = append(h.told, fmt.Sprintf("%v ", h.clock.Now().Sub(h.start).Round(time.Second))+fmt.Sprintf(format, a...))
}

func (h *teller) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	m, err := e.Message()
	if err != nil {
		return "", err
	}
	subject, _ := m.Get("subject")
	h.tell("%s %s", b.List().Name(), subject)
	return runner.Applied, nil
}

// newSite is a site with empty lists of those names.
func newSite(t *testing.T, lists ...string) *site.Site {
	t.Helper()
	s := site.FromProfile(t.TempDir(), site.Builtin())
	for _, dir := range []string{s.LockDir(), s.LogDir(), s.DataDir(), s.ListDataDir(), filepath.Join(s.Prefix, "qfiles")} {
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}
	}

	for _, name := range lists {
		newList(t, s, name)
	}
	return s
}

func newList(t *testing.T, s *site.Site, name string) {
	t.Helper()
	d := pickle.NewDict()
	d.SetStr("data_version", pickle.Int(s.Profile.DataFileVersion))
	d.SetStr("preferred_language", pickle.Str("en"))
	d.SetStr("count", pickle.Int(0))
	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	dir := filepath.Join(s.ListDataDir(), name)
	if err := os.MkdirAll(dir, 0o770); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "config.pck"), b, 0o660); err != nil {
		t.Fatal(err)
	}
}

// harness is an engine with a teller, on a clock of its own.
func harness(t *testing.T, s *site.Site) (*Engine, *teller) {
	t.Helper()
	c := &clock{now: time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)}
	env := txn.NewEnv(s)
	t.Cleanup(func() { env.Log.Close() })
	env.Now = c.Now
	h := &teller{clock: c, start: c.now}
	e, err := New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	return e, h
}

func enqueue(t *testing.T, e *Engine, list, subject string, waits bool) {
	t.Helper()
	data := qfile.NewData()
	data.Set("listname", pickle.Str(list))
	data.Set("_parsemsg", pickle.Int(1))

	if waits {
		data.Set("waits", pickle.Int(1))
	}

	if _, err := e.Queue.Enqueue(pickle.Str("Subject: "+subject+"\n\n"), data); err != nil {
		t.Fatal(err)
	}

	h := e.Handler.(*teller)
	h.clock.pass(time.Millisecond)
	h.start = h.start.Add(time.Millisecond)
}

// play runs a loop in which each wait is one of the given acts; after the last
// the loop is ended.
func play(t *testing.T, e *Engine, acts ...func(d time.Duration)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	l := &Loop{Engines: []*Engine{e}, Wait: func(_ context.Context, d time.Duration) {
		if len(acts) == 0 {
			stop()
			return
		}
		act := acts[0]
		acts = acts[1:]
		act(d)
	}}

	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}

	if len(acts) > 0 {
		t.Errorf("the loop ended with %d acts to come", len(acts))
	}
}

// Bounces that are to be registered wait, as in BounceMixin._doperiodic; all
// else is done at the next pass, and what waits is done before the end.
func TestLoopWaitsWithBounces(t *testing.T) {
	e, h := harness(t, newSite(t, "a", "b"))
	enqueue(t, e, "a", "one", true)
	enqueue(t, e, "a", "two", false)
	sleep := func(d time.Duration) { h.clock.pass(d) }
	until := func(at time.Duration) func(time.Duration) {
		return func(d time.Duration) { h.clock.pass(h.start.Add(at).Sub(h.clock.Now())) }
	}
	play(t, e,
		sleep,
		func(time.Duration) { enqueue(t, e, "b", "three", true) },
		until(14*time.Minute), sleep,
		// Long after, the next is registered at once, and another one waits.
		until(time.Hour),
		func(time.Duration) { enqueue(t, e, "b", "four", true) },
		func(time.Duration) { enqueue(t, e, "b", "five", true) },
	)

	want := []string{
		"0s a two", "0s commit",
		"15m0s a one", "15m0s commit", "15m0s b three", "15m0s commit",
		"1h0m0s b four", "1h0m0s commit",
		"1h0m0s b five", "1h0m0s commit",
	}

	if d := cmp.Diff(want, h.told); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A list with a full batch does not wait, the others do.
func TestLoopFullBatch(t *testing.T) {
	e, h := harness(t, newSite(t, "a", "b"))
	e.BatchSize = 2
	enqueue(t, e, "b", "one", true)
	for i := range 3 {
		enqueue(t, e, "a", fmt.Sprint(i), true)
	}
	end := 0
	play(t, e, func(time.Duration) { end = len(h.told) })
	want := []string{"0s a 0", "0s a 1", "0s commit"}
	if d := cmp.Diff(want, h.told[:end]); d != "" {
		t.Errorf("before the end: -want +got:\n%s", d)
	}

	want = append(want, "0s b one", "0s commit", "0s a 2", "0s commit")
	if d := cmp.Diff(want, h.told); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A list that cannot be had is tried again, less and less often; the others go on.
func TestLoopTriesAgain(t *testing.T) {
	e, h := harness(t, newSite(t, "a", "b"))
	locked := true
	var asked []time.Duration
	e.Env.Lock = func(_ context.Context, name string, _ time.Duration) (txn.Lock, error) {
		if name != "a" {
			return free{}, nil
		}
		if asked = append(asked, h.clock.Now().Sub(h.start).Round(time.Second)); locked {
			return nil, lockfile.ErrTimeout
		}
		return free{}, nil
	}

	enqueue(t, e, "a", "one", false)
	enqueue(t, e, "a", "two", false)
	enqueue(t, e, "b", "three", false)
	sleep := func(d time.Duration) { h.clock.pass(d) }
	play(t, e, sleep, sleep, sleep, func(d time.Duration) { locked = false; sleep(d) })

	// At first with the other list, which does not wait for it, and then alone.
	if d := cmp.Diff([]time.Duration{0, 0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}, asked); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	want := []string{"15s a one", "15s a two", "15s commit"}
	if had := h.told[len(h.told)-3:]; !cmp.Equal(want, had) {
		t.Errorf("got %q at the end, need %q", had, want)
	}

	if left, _ := os.ReadDir(e.Queue.Dir()); len(left) != 0 {
		t.Errorf("got %d entries left, need none", len(left))
	}
}

type free struct{}

func (free) Renew() (bool, error) { return true, nil }
func (free) Unlock(bool) error    { return nil }

// A queue that cannot be read for a while does not end the loop.
func TestLoopSurvivesItsQueue(t *testing.T) {
	s := newSite(t, "a")
	e, h := harness(t, s)
	away := e.Queue.Dir() + ".away"

	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Error(err)
		}
	}

	soon := func(d time.Duration) {
		if d > time.Second {
			t.Errorf("got a wait of %v for the queue, need at most a second", d)
		}
		h.clock.pass(d)
	}

	play(t, e,
		func(time.Duration) { move(e.Queue.Dir(), away) }, soon, soon,
		func(d time.Duration) { soon(d); move(away, e.Queue.Dir()); enqueue(t, e, "a", "one", false) })
	if len(h.told) != 2 {
		t.Errorf("got %q, need an entry and its commit", h.told)
	}

	log, _ := os.ReadFile(filepath.Join(s.LogDir(), "error"))
	if n := strings.Count(string(log), "\n"); n != 1 || !strings.Contains(string(log), e.Queue.Dir()) {
		t.Errorf("got in the error log:\n%swanted one line that names %s", log, e.Queue.Dir())
	}
}

// --once is one entry.
func TestLoopOnceHandlesOneEntry(t *testing.T) {
	e, h := harness(t, newSite(t, "a"))
	enqueue(t, e, "a", "one", true)
	enqueue(t, e, "a", "two", false)

	if err := (&Loop{Engines: []*Engine{e}, Once: true}).Run(context.Background()); err != nil {
		t.Fatal(err)
	}

	if d := cmp.Diff([]string{"0s a one", "0s commit"}, h.told); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Entries come while the loop waits, and are found without a clock's help.
func TestLoopFindsEntriesThatComeWhileItWaits(t *testing.T) {
	s := newSite(t, "a")
	e, h := harness(t, s)
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	w := newWatcher([]string{e.Queue.Dir()}, time.Hour)
	defer w.Close()

	if w.every != idleScan {
		t.Skip("the temporary directory cannot be watched")
	}

	w.every = time.Hour
	waits := 0
	l := &Loop{Engines: []*Engine{e}, Wait: func(ctx context.Context, d time.Duration) {
		if waits++; waits > 3 {
			stop()
			return
		}
		enqueue(t, e, "a", fmt.Sprint(waits), false)
		w.wait(ctx, time.Hour)
	}}

	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}

	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("an entry was not told of")
	}

	if had := strings.Join(h.told, "; "); had != "0s a 1; 0s commit; 0s a 2; 0s commit; 0s a 3; 0s commit" {
		t.Errorf("got %s", had)
	}
}

// One process works on a slice at a time.
func TestOneProcessWorksOnASlice(t *testing.T) {
	s := newSite(t)
	take := func(n, slices int) *SliceLock {
		slot, err := LockSlice(s, "BounceRunner", n, slices)
		if err != nil {
			t.Fatal(err)
		}
		return slot
	}

	first, second := take(0, 2), take(1, 2)
	if _, err := LockSlice(s, "BounceRunner", 1, 2); !errors.Is(err, ErrTaken) {
		t.Errorf("the same slice twice: got error %v", err)
	}

	if _, err := lockQueue(s, "BounceRunner"); !errors.Is(err, ErrTaken) {
		t.Errorf("all slices beside one: got error %v", err)
	}

	if err := errors.Join(first.Unlock(), second.Unlock()); err != nil {
		t.Error(err)
	}

	all, err := lockQueue(s, "BounceRunner")
	if err != nil {
		t.Fatal(err)
	}

	if _, err := LockSlice(s, "BounceRunner", 0, 2); !errors.Is(err, ErrTaken) {
		t.Errorf("a slice beside all: got error %v", err)
	}

	if err := all.Unlock(); err != nil {
		t.Error(err)
	}

	if err := take(0, 2).Unlock(); err != nil {
		t.Error(err)
	}
}
