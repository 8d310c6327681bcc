package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/report"
	"github.com/mmrunner/mmrunner/runner/txn"
)

var now = time.Date(2024, 5, 20, 12, 0, 0, 0, time.Local)

// newSite is a made-up site whose list has members with bounces, one of them
// disabled two days ago, and one of the demo's own.
func newSite(t *testing.T) *site.Site {
	t.Helper()
	dir := t.TempDir()
	if _, _, err := demo.Make(dir, demo.Options{Members: 40, Now: now}); err != nil {
		t.Fatal(err)
	}

	s := site.FromProfile(dir, site.Builtin())
	env := txn.NewEnv(s)
	defer env.Log.Close()
	env.Now = func() time.Time { return now.AddDate(0, 0, -2) }

	err := engine.Change(t.Context(), env, "biglist", func(b runner.Batch) error {
		n := 0
		for addr := range b.List().GetMembers() {
			if n++; n > 2 {
				break
			}
			info := maillist.NewBounceInfo(addr, 2.0, maillist.DateOf(now.AddDate(0, 0, -n)), nil, time.Local)
			if err := b.List().SetBounceInfo(addr, info); err != nil {
				return err
			}

			if n == 1 {
				if err := b.List().SetDeliveryStatus(addr, maillist.ByBounce); err != nil {
					return err
				}
			}
		}

		b.Save()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return s
}

// write has a site keep events.
func write(t testing.TB, s *site.Site, all ...events.Event) {
	t.Helper()
	var b bytes.Buffer
	for _, e := range all {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}

	if err := os.WriteFile(filepath.Join(s.DataDir(), events.Log), b.Bytes(), 0o660); err != nil {
		t.Fatal(err)
	}
}

// some are events of three days, with something in them that a terminal and a
// browser would act upon.
func some() []events.Event {
	at := now.AddDate(0, 0, -3)
	return []events.Event{
		{At: at, List: "biglist", Kind: events.Bounce, Member: "a@x.example", Domain: "x.example", Status: "5.7.1", Class: "policy", Server: "mx.x.example",
			Diagnostic: "550 5.7.1 <a@x.example> blocked, id 123456", Module: "DSN", After: 1},
		{At: at.AddDate(0, 0, 2), List: "biglist", Kind: events.Bounce, Member: "b@x.example", Domain: "x.example", Status: "5.7.1", Class: "policy", Server: "mx.x.example",
			Diagnostic: "550 5.7.1 <b@x.example> blocked, id 123457", Module: "DSN", After: 5, Then: events.Disabled},
		{At: at, List: "biglist", Kind: events.Bounce, Member: "c@\x1b[31my<b>.example", Domain: "\x1b[31my<b>.example", Class: "hard", Module: "VERP", After: 1},
		{At: at, List: "biglist", Kind: events.NoBounce, Class: "autoreply"},
		{At: at, List: "biglist", Kind: events.Unknown},
		{At: at.AddDate(-1, 0, 0), List: "biglist", Kind: events.Bounce, Member: "old@x.example", Domain: "x.example"},
		{At: at, List: "other", Kind: events.Bounce, Member: "z@x.example", Domain: "x.example"},
	}
}

func build(t testing.TB, s *site.Site) *report.Report {
	t.Helper()
	r, err := report.Build(s, report.Options{Lists: []string{"biglist"}, Since: now.AddDate(0, 0, -30), Now: now, Most: 10})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReportFromEvents(t *testing.T) {
	s := newSite(t)
	write(t, s, some()...)
	r := build(t, s)
	if r.Events != 5 || len(r.Lists) != 1 || r.Lists[0].Members != 40 || r.Lists[0].Bouncing != 3 || r.Lists[0].DisabledByBounce != 1 {
		t.Errorf("got %+v", r)
	}

	for _, c := range []struct {
		name string
		had  []report.Count
		want []report.Count
	}{
		{"days", r.Days, []report.Count{{Name: "2024-05-17", Bounces: 2}, {Name: "2024-05-18"}, {Name: "2024-05-19", Bounces: 1, Disabled: 1}}},
		{"domains", r.Domains[:1], []report.Count{{Name: "x.example", Bounces: 2, Disabled: 1}}},
		{"classes", r.Classes, []report.Count{{Name: "policy", Bounces: 2, Disabled: 1}, {Name: "hard", Bounces: 1}}},
		{"reasons", r.Reasons[:1], []report.Count{{Name: "550 5.7.1 <ADDRESS> blocked, id #", Bounces: 2, Disabled: 1}}},
		{"others", r.Others, []report.Count{{Name: "autoreply", Bounces: 1}, {Name: "no address found", Bounces: 1}}},
	} {
		if diff := cmp.Diff(c.want, c.had); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", c.name, diff)
		}
	}
}

func TestReportWithoutEventsTellsTheState(t *testing.T) {
	r := build(t, newSite(t))
	if want := []report.Count{{Name: "2024-05-18", Bounces: 1, Disabled: 1}, {Name: "2024-05-19", Bounces: 2}}; !cmp.Equal(want, r.Days) {
		t.Errorf("got %+v, want %+v", r.Days, want)
	}

	var b bytes.Buffer
	if err := r.Text(&b, 80); err != nil {
		t.Fatal(err)
	}

	if !strings.Contains(b.String(), "There are no events since 2024-04-20") {
		t.Errorf("had\n%s", b.String())
	}
}

func TestReportFitsEightyColumnsAndHarmsNoTerminal(t *testing.T) {
	s := newSite(t)
	all := some()
	all[0].Server = strings.Repeat("long.", 40) + "example"
	write(t, s, all...)
	var b bytes.Buffer
	if err := build(t, s).Text(&b, 80); err != nil {
		t.Fatal(err)
	}

	m, err := report.History(s, "A@x.example", report.Options{Since: now.AddDate(0, 0, -30), Now: now})
	if err != nil {
		t.Fatal(err)
	}

	if len(m.Events) != 1 {
		t.Errorf("got %d events of a member, want 1", len(m.Events))
	}

	if err := m.Text(&b, 80); err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("got %d columns: %s", n, line)
		}
	}

	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("got an escape in\n%q", b.String())
	}
}

func TestPageIsSelfContainedAndLabelled(t *testing.T) {
	s := newSite(t)
	write(t, s, some()...)
	var b bytes.Buffer
	if err := build(t, s).HTML(&b); err != nil {
		t.Fatal(err)
	}

	page := b.String()
	for _, not := range []string{"<script", "src=", "http://", "https://", "\x1b", "y<b>"} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q", not)
		}
	}

	if n := strings.Count(page, `role="img"`); n != 4 {
		t.Errorf("got %d charts, want 4", n)
	}

	for _, want := range []string{`aria-label="Bounces by day. 3 in all, most for 2024-05-17: 2."`, "policy: 2 (67%)", `<th scope="col">`, "@media print"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestUnknownListIsNamed(t *testing.T) {
	_, err := report.Build(newSite(t), report.Options{Lists: []string{"nosuch"}, Now: now})
	if want := `there is no list "nosuch"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// BenchmarkReport is a report of a list of 138,000 members with 20,000 events.
func BenchmarkReport(b *testing.B) {
	dir := b.TempDir()
	if _, _, err := demo.Make(dir, demo.Options{Members: 138_000, Now: now}); err != nil {
		b.Fatal(err)
	}

	s := site.FromProfile(dir, site.Builtin())
	var all []events.Event
	for i := range 20_000 {
		e := some()[i%3]
		e.Member = fmt.Sprintf("user%d@host%d.example", i, i%500)
		all = append(all, e)
	}

	write(b, s, all...)
	for b.Loop() {
		if err := build(b, s).HTML(&bytes.Buffer{}); err != nil {
			b.Fatal(err)
		}
	}
}
