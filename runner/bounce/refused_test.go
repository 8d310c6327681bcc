package bounce_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/smtplib"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// refuse has the mail server refuse recipients of small on a day.
func refuse(t *testing.T, s *site.Site, o bounce.Options, day int, reply smtplib.Reply, members ...string) {
	t.Helper()
	mkdir(t, s.QueueDir(bounce.RefusedQueue))
	now := func() time.Time { return time.Now().AddDate(0, 0, day) }
	for i, m := range members {
		data := bounce.RefusedRecipient("small", m, reply, 1.7e9+float64(i), now())
		base, content, err := qfile.Encode(pickle.Str("From: amy@example.com\n\nNews.\n"), data, 1.7e9+float64(i), 3)
		if err != nil {
			t.Fatal(err)
		}
		writeQueued(t, s, bounce.RefusedQueue, base, string(content))
	}
	drainHandler(t, s, bounce.NewRefusals(newHandler(t, s, o)), now)
}

func TestEventsOfRefusedRecipients(t *testing.T) {
	s := newSite(t)
	refuse(t, s, recordOptions(t, s, settings.Keep), 0, smtplib.Reply{Code: 550, Text: "5.1.1 <user0@example.net>: no such user"}, "user0@example.net")

	want := []events.Event{{List: "small", Kind: events.Bounce, Member: "user0@example.net", Domain: "example.net", Server: s.Str("SMTPHOST"),
		Status: "5.1.1", Class: "hard", Diagnostic: "550 5.1.1 <user0@example.net>: no such user", Module: "SMTP", After: 1}}
	if diff := cmp.Diff(want, eventsOf(t, s)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestGuardHoldsRefusedRecipients(t *testing.T) {
	s := newSite(t)
	o := guarded(t, s, settings.Guard{Members: 2})
	for day := range 2 {
		refuse(t, s, o, day, smtplib.Reply{Code: 554, Text: "5.7.1 blocked by our list"}, some...)
	}

	if disabled, held := statuses(t, s); len(disabled) > 0 || !cmp.Equal(held, some) {
		t.Errorf("got disabled %v and held %v, want %v held", disabled, held, some)
	}
}

func TestRefusalsWithoutOptionsDisableAsMailmanDoes(t *testing.T) {
	s := newSite(t)
	for day := range 2 {
		refuse(t, s, bounce.Options{}, day, smtplib.Reply{Code: 554, Text: "5.7.1 blocked by our list"}, some...)
	}

	if disabled, held := statuses(t, s); len(held) > 0 || !cmp.Equal(disabled, some) {
		t.Errorf("got disabled %v and held %v, want %v disabled", disabled, held, some)
	}
}
