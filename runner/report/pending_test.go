package report_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/report"
	"github.com/mmrunner/mmrunner/runner/settings"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// flood has addresses ask to be subscribed to a list that wants confirmation.
func flood(t *testing.T, s *site.Site, limit settings.Subscriptions, addrs ...string) {
	t.Helper()
	env := txn.NewEnv(s)
	defer env.Log.Close()

	err := engine.Change(t.Context(), env, "biglist", func(b runner.Batch) error {
		b.List().Set("subscribe_policy", pickle.Int(1))
		b.Save()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	for i, addr := range addrs {
		d := qfile.NewData()
		d.Set("listname", "biglist")
		d.Set("tojoin", 1)
		text := fmt.Sprintf("From: %s\nTo: biglist-join@lists.example.com\nMessage-ID: <%d@x>\n\n", addr, i)
		base, b, err := qfile.Encode(pickle.Str(text), d, 1.7e9+float64(i), 3)
		if err != nil {
			t.Fatal(err)
		}

		file := filepath.Join(s.QueueDir("commands"), base+qfile.Waiting)
		if err := os.WriteFile(file, b, 0o660); err != nil {
			t.Fatal(err)
		}
	}

	world := membership.NewServices(s)
	world.Limit = limit
	e, err := engine.New(env, command.New(world), 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}

	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func pendingOf(t *testing.T, s *site.Site) *report.PendingReport {
	t.Helper()
	p, err := report.Pending(s, report.Options{Since: time.Now().AddDate(0, 0, -1), Now: time.Now(), Most: 10})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSubscriptionsOverTheLimitAreDropped(t *testing.T) {
	s := newSite(t)
	flood(t, s, settings.Subscriptions{PerDomain: 2}, "a@flood.example", "b@flood.example", "c@flood.example", "d@calm.example")
	p := pendingOf(t, s)
	if diff := cmp.Diff([]report.Number{{Name: "flood.example", Count: 2}, {Name: "calm.example", Count: 1}}, p.Domains); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}

	vette, err := os.ReadFile(filepath.Join(s.LogDir(), "vette"))
	if err != nil || strings.Count(string(vette), "dropped: too many are pending today") != 1 {
		t.Errorf("got the log %q, %v, want one line", vette, err)
	}

	sent, err := filepath.Glob(filepath.Join(s.QueueDir("virgin"), "*.pck"))
	if err != nil || len(sent) != 3 {
		t.Errorf("got %d messages, %v, want one for each that is pending", len(sent), err)
	}
}

func TestPendingSubscriptionsByAddressAndSource(t *testing.T) {
	s := newSite(t)
	flood(t, s, settings.Subscriptions{}, "a@flood.example", "a@flood.example", "a@flood.example", "b@flood.example")
	p := pendingOf(t, s)
	if p.Pending < 2 || p.Addresses[0].Name != "a@flood.example" || p.Lists[0] != (report.Number{Name: "biglist", Count: p.Pending}) {
		t.Errorf("got %+v", p)
	}

	total := 0
	for _, n := range p.Sources {
		total += n.Count
	}
	if total != p.Pending {
		t.Errorf("got the sources %+v, want %d in all", p.Sources, p.Pending)
	}

	var b bytes.Buffer
	if err := p.Text(&b, 80); err != nil || !strings.Contains(b.String(), "subscriptions wait for confirmation") {
		t.Errorf("got %v and\n%s", err, b.String())
	}
}
