package bounce_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/settings"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// storm has members of small bounce for one reason, on a day.
func storm(t *testing.T, s *site.Site, o bounce.Options, day int, reason string, members ...string) {
	t.Helper()
	for _, m := range members {
		text := strings.ReplaceAll(strings.ReplaceAll(dsn, "user0@example.net", m), "blocked by\n our list", reason)
		enqueue(t, s, strings.Replace(text, "<5@", "<"+m+"-", 1), nil)
	}
	drainAt(t, s, o, func() time.Time { return time.Now().AddDate(0, 0, day) })
}

// statuses are the members of small who are disabled, and those who are held.
func statuses(t *testing.T, s *site.Site) (disabled, held []string) {
	t.Helper()
	l, err := maillist.Open(s, "small", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	for addr := range l.GetMembers() {
		if status, err := l.GetDeliveryStatus(addr); err != nil {
			t.Fatal(err)
		} else if status == maillist.ByBounce {
			disabled = append(disabled, addr)
		}
	}
	for addr := range bounce.Held(l) {
		held = append(held, addr)
	}

	slices.Sort(disabled)
	slices.Sort(held)
	return disabled, held
}

func guarded(t *testing.T, s *site.Site, g settings.Guard) bounce.Options {
	t.Helper()
	o := recordOptions(t, s, settings.Keep)
	o.Guard = func(string) settings.Guard { return g }
	return o
}

// some members of small; its threshold is 2.
var some = []string{"user0@example.net", "user2@example.net", "user3@example.net"}

func TestGuardHoldsAStorm(t *testing.T) {
	s := newSite(t)
	o := guarded(t, s, settings.Guard{Members: 2})
	storm(t, s, o, 0, "blocked by our list", some...)
	storm(t, s, o, 1, "blocked by our list", some...)
	disabled, held := statuses(t, s)
	if len(disabled) > 0 || !cmp.Equal(held, some) {
		t.Errorf("got disabled %v and held %v, want %v held", disabled, held, some)
	}

	// Whatever comes later, they stay so.
	storm(t, s, o, 2, "blocked by our list", some[0])
	if disabled, held = statuses(t, s); len(disabled) > 0 || len(held) != 3 {
		t.Errorf("the day after: had disabled %v and held %v", disabled, held)
	}

	var kinds []string
	for e, err := range events.Read(s.DataDir(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, string(e.Kind))
	}

	if diff := cmp.Diff([]string{"bounce", "bounce", "bounce", "held", "held", "held", "bounce"}, kinds); diff != "" {
		t.Errorf("events: want -, got +:\n%s", diff)
	}

	// The owner has had one notice.
	notices := noticesOfGuard(t, s)
	if len(notices) != 1 || !strings.Contains(notices[0], "3  example.net") || !strings.Contains(notices[0], "550 5.7.1 <ADDRESS>: blocked by our list") {
		t.Errorf("got the notices %q, want one with the figures", notices)
	}
}

// In one batch the guard holds some members and lets others be disabled, in any order.
func TestEventsOfTheGuardSayWhatFollowed(t *testing.T) {
	s := newSite(t)
	o := guarded(t, s, settings.Guard{Members: 2})
	for day := range 2 {
		for m, reason := range map[string]string{"user4@example.net": "no such user", "user10@example.net": "moved", some[0]: "", some[1]: "", some[2]: ""} {
			text := strings.ReplaceAll(dsn, "user0@example.net", m)
			if reason != "" {
				text = strings.ReplaceAll(strings.ReplaceAll(text, "5.7.1", "5.1.1"), "blocked by\n our list", reason)
			}
			enqueue(t, s, strings.Replace(text, "<5@", "<"+m+"-", 1), nil)
		}
		drainAt(t, s, o, func() time.Time { return time.Now().AddDate(0, 0, day) })
	}

	var last []string
	for e, err := range events.Read(s.DataDir(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == events.Held || e.Then != "" {
			last = append(last, strings.TrimSpace(string(e.Kind)+" "+e.Then))
		}
	}
	slices.Sort(last)
	if diff := cmp.Diff([]string{"bounce disabled", "bounce disabled", "held", "held", "held"}, last); diff != "" {
		t.Errorf("events: want -, got +:\n%s", diff)
	}
}

func TestGuardLetsPass(t *testing.T) {
	for _, c := range []struct {
		name     string
		guard    settings.Guard
		reasons  []string
		disabled int
	}{
		{"no more than the limit", settings.Guard{Members: 3}, []string{"blocked by our list", "blocked by our list", "blocked by our list"}, 3},
		{"no guard", settings.Guard{}, []string{"blocked by our list", "blocked by our list", "blocked by our list"}, 3},
		{"a domain's limit", settings.Guard{Percent: 1}, []string{"blocked by our list", "blocked by our list", "blocked by our list"}, 0},
		{"a list's own limit for a domain", settings.Guard{Percent: 100}, []string{"blocked by our list", "blocked by our list", "blocked by our list"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			o := guarded(t, s, c.guard)
			for day := range 2 {
				for i, m := range some {
					text := strings.ReplaceAll(strings.ReplaceAll(dsn, "user0@example.net", m), "blocked by\n our list", c.reasons[i])
					enqueue(t, s, strings.Replace(text, "<5@", "<"+m+"-", 1), nil)
				}
				drainAt(t, s, o, func() time.Time { return time.Now().AddDate(0, 0, day) })
			}

			disabled, held := statuses(t, s)
			if len(disabled) != c.disabled || len(held) != 3-c.disabled {
				t.Errorf("got disabled %v and held %v, want %d disabled", disabled, held, c.disabled)
			}
		})
	}
}

// TestGuardLeavesWhatIsNotAlike is about members whose addresses are dead, each in
// its own way.
func TestGuardLeavesWhatIsNotAlike(t *testing.T) {
	s := newSite(t)
	o := guarded(t, s, settings.Guard{Members: 1})
	for day := range 2 {
		for i, m := range some {
			text := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(dsn, "user0@example.net", m), "5.7.1", "5.1.1"), "blocked by\n our list",
				[]string{"no such user", "user unknown", "moved"}[i])
			enqueue(t, s, strings.Replace(text, "<5@", "<"+m+"-", 1), nil)
		}
		drainAt(t, s, o, func() time.Time { return time.Now().AddDate(0, 0, day) })
	}

	if disabled, held := statuses(t, s); len(disabled) != 3 || len(held) != 0 {
		t.Errorf("got disabled %v and held %v, want all disabled", disabled, held)
	}
}

func TestReleaseDisablesWhoWasHeld(t *testing.T) {
	s := newSite(t)
	o := guarded(t, s, settings.Guard{Members: 2})
	storm(t, s, o, 0, "blocked by our list", some...)
	storm(t, s, o, 1, "blocked by our list", some...)
	env := txn.NewEnv(s)
	defer env.Log.Close()
	var done []string
	err := engine.Change(t.Context(), env, "small", func(b runner.Batch) (err error) {
		done, err = bounce.Release(b, membership.NewServices(s), []string{some[0], some[1], "user10@example.net", "stranger@example.net"}, o.Events)
		return err
	})
	if err != nil || !cmp.Equal(done, some[:2]) {
		t.Errorf("got %v, %v, want %v", done, err, some[:2])
	}

	if disabled, held := statuses(t, s); !cmp.Equal(disabled, some[:2]) || !cmp.Equal(held, some[2:]) {
		t.Errorf("had disabled %v and held %v", disabled, held)
	}
}

// noticesOfGuard are the guard's notices to the owner that wait to be sent.
func noticesOfGuard(t *testing.T, s *site.Site) (notices []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.QueueDir("virgin"), "*.pck"))
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "members held by the bounce guard") {
			notices = append(notices, string(b))
		}
	}

	return notices
}

// TestGuardCountsTheWholeDay has the bounces of a day come in several batches, each
// handled by a new process: what one held counts for the next, and the owner has one
// notice.
func TestGuardCountsTheWholeDay(t *testing.T) {
	s := newSite(t)
	o := guarded(t, s, settings.Guard{Members: 1})
	storm(t, s, o, 0, "blocked by our list", some...)
	storm(t, s, o, 1, "blocked by our list", some[:2]...)
	storm(t, s, o, 1, "blocked by our list", some[2])

	if disabled, held := statuses(t, s); len(disabled) > 0 || !cmp.Equal(held, some) {
		t.Errorf("got disabled %v and held %v, want %v held", disabled, held, some)
	}

	if n := len(noticesOfGuard(t, s)); n != 1 {
		t.Errorf("got %d notices, want 1", n)
	}

	// Another day, another notice.
	storm(t, s, o, 2, "blocked by our list", "user10@example.net", "user4@example.net")
	storm(t, s, o, 3, "blocked by our list", "user10@example.net", "user4@example.net")
	if n := len(noticesOfGuard(t, s)); n != 2 {
		t.Errorf("two days later: got %d notices, want 2", n)
	}
}
