package bounce_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
)

const dsn = "From: MAILER-DAEMON@mx.example.net\nMessage-ID: <5@mx.example.net>\n" +
	"Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\nContent-Type: text/plain\n\nSorry.\n" +
	"--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n" +
	"Final-Recipient: rfc822; user0@example.net\nAction: failed\nStatus: 5.7.1\nRemote-MTA: dns; in.example.net\n" +
	"Diagnostic-Code: smtp; 550 5.7.1 <user0@example.net>: blocked by\n our list\n--B--\n"

// eventsOf are a site's events, without their times.
func eventsOf(t *testing.T, s *site.Site) (all []events.Event) {
	t.Helper()
	for e, err := range events.Read(s.DataDir(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}

		if time.Since(e.At) > time.Hour {
			t.Errorf("got an event of %v", e.At)
		}

		e.At = time.Time{}
		all = append(all, e)
	}

	// Entries are in the order of their hashes.
	slices.SortFunc(all, func(a, b events.Event) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	return all
}

func recordOptions(t *testing.T, s *site.Site, p settings.Privacy) bounce.Options {
	t.Helper()
	r, err := events.NewRecorder(s.DataDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	return bounce.Options{Beyond: true, IgnoreNested: true, Events: r}
}

func TestEventsOfBounces(t *testing.T) {
	s := newSite(t)
	for _, text := range []string{dsn, vacation, forNobody} {
		enqueue(t, s, text, nil)
	}
	drainWith(t, s, recordOptions(t, s, settings.Keep))

	want := []events.Event{
		{List: "small", Kind: events.Bounce, Member: "user0@example.net", Domain: "example.net", Server: "in.example.net", Status: "5.7.1",
			Class: "policy", Diagnostic: "550 5.7.1 <user0@example.net>: blocked by our list", Module: "DSN", After: 1},
		{List: "small", Kind: events.NoBounce, Class: "autoreply", Module: "beyond/autoreply"},
		{List: "small", Kind: events.Unknown, Class: "unknown"},
	}

	if diff := cmp.Diff(want, eventsOf(t, s)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}

	info, err := os.Stat(filepath.Join(s.DataDir(), events.Log))
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("got %v, %v, want mode 0660", info, err)
	}
}

func TestEventsKeepNoAddressUnlessAsked(t *testing.T) {
	for _, p := range []settings.Privacy{settings.Hash, settings.Omit} {
		s := newSite(t)
		enqueue(t, s, dsn, nil)
		drainWith(t, s, recordOptions(t, s, p))
		b, err := os.ReadFile(filepath.Join(s.DataDir(), events.Log))
		if err != nil {
			t.Fatal(err)
		}

		if strings.Contains(string(b), "user0") {
			t.Errorf("%s: the address is in %s", p, b)
		}

		had := eventsOf(t, s)
		if len(had) != 1 || had[0].Domain != "example.net" || had[0].Diagnostic != "550 5.7.1 <ADDRESS>: blocked by our list" {
			t.Errorf("%s: got %+v", p, had)
		}

		names := events.NewNames(s.DataDir()).Of("USER0@example.net")
		if known := len(names) == 2 && len(had) == 1 && names[1] == had[0].Member; known != (p == settings.Hash) {
			t.Errorf("%s: got the names %v and %+v", p, names, had)
		}
	}
}

func TestNoEventsUnlessAsked(t *testing.T) {
	s := newSite(t)
	enqueue(t, s, dsn, nil)
	drainWith(t, s, bounce.Options{})
	left, err := filepath.Glob(filepath.Join(s.DataDir(), "mmrunner-events*"))
	if err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
}

func TestEventTellsWhatFollowed(t *testing.T) {
	s := newSite(t)
	o := recordOptions(t, s, settings.Keep)

	// One bounce a day counts, and the threshold is 2.
	for day := range 3 {
		enqueue(t, s, dsn, nil)
		drainAt(t, s, o, func() time.Time { return time.Now().AddDate(0, 0, day) })
	}

	var had []string
	for e, err := range events.Read(s.DataDir(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		had = append(had, fmt.Sprint(e.Before, " ", e.After, " ", e.Then))
	}

	want := []string{"0 1 ", "1 2 disabled", "2 2 "}
	if diff := cmp.Diff(want, had); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
