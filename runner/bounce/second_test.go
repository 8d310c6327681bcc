package bounce_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// drainWith is drainBounces with options.
func drainWith(t *testing.T, s *site.Site, o bounce.Options) {
	t.Helper()
	drainAt(t, s, o, time.Now)
}

// drainAt is drainWith at another time.
func drainAt(t *testing.T, s *site.Site, o bounce.Options, now func() time.Time) {
	t.Helper()
	drainHandler(t, s, newHandler(t, s, o), now)
}

func newHandler(t *testing.T, s *site.Site, o bounce.Options) *bounce.Handler {
	t.Helper()
	d, err := detect.New(s.Profile)
	if err != nil {
		t.Fatal(err)
	}
	return bounce.New(d, membership.NewServices(s)).With(o)
}

// drainHandler has a handler empty its queue at some time.
func drainHandler(t *testing.T, s *site.Site, h runner.Handler, now func() time.Time) {
	t.Helper()
	env := txn.NewEnv(s)
	defer env.Log.Close()
	env.Now = now
	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}

	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

const (
	unknownForm = "From: MAILER-DAEMON <>\nMessage-ID: <1@mx.example.net>\nSubject: Mail delivery failed\n\n" +
		"There was an error delivering your mail to <user0@example.net>.\n"
	forNobody = "From: MAILER-DAEMON <>\nMessage-ID: <2@mx.example.net>\nSubject: Mail delivery failed\n\n" +
		"There was an error delivering your mail to <stranger@example.net>.\n"
	vacation = "From: user0@example.net\nMessage-ID: <3@example.net>\nSubject: Automatic reply: News\nAuto-Submitted: auto-replied\n\n" +
		"Mail to user1@example.net is not delivered.\n"
	nestedReport = "From: MAILER-DAEMON@mx.example.net\nMessage-ID: <4@mx.example.net>\nContent-Type: multipart/mixed; boundary=B\n\n" +
		"--B\nContent-Type: text/plain\n\nSorry.\n--B\nContent-Type: message/rfc822\n\nFrom: poster@example.com\n" +
		"Content-Type: multipart/mixed; boundary=C\n\n--C\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n" +
		"Final-Recipient: rfc822; user0@example.net\nAction: failed\n--C--\n--B--\n"
)

func forwarded(id string) []string {
	return []string{"small: bounce message w/no discernable addresses: " + id, "small: forwarding unrecognized, message-id: " + id}
}

func TestSecondLookChargesMembersOnly(t *testing.T) {
	for _, c := range []struct {
		name, text string
		off, on    []string // the bounce log without and with it
	}{
		{"a form that Mailman does not know", unknownForm, forwarded("<1@mx.example.net>"), registered},
		{"an address that is no member", forNobody, forwarded("<2@mx.example.net>"), forwarded("<2@mx.example.net>")},
		{"a vacation", vacation, forwarded("<3@example.net>"), []string{"small: discarding autoreply, no bounce, message-id: <3@example.net>"}},
		{"a report inside the returned post", nestedReport, registered, forwarded("<4@mx.example.net>")},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range []bounce.Options{{}, {Beyond: true, IgnoreNested: true}} {
				s := newSite(t)
				enqueue(t, s, c.text, nil)
				drainWith(t, s, o)
				want := c.off

				if o.Beyond {
					want = c.on
				}

				if diff := cmp.Diff(place{Bounce: want}, found(t, s)); diff != "" {
					t.Errorf("%+v: want -, got +:\n%s", o, diff)
				}
			}
		})
	}
}

// TestEncodedMemberIsCharged has Mailman's modules find addresses as mail servers
// encode them: xtext, and the octal escapes of Exim.
func TestEncodedMemberIsCharged(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"xtext", strings.ReplaceAll(dsn, "user0@", "user+30@")},
		{"octal escapes", "From: MAILER-DAEMON@mx.example.net\nMessage-ID: <6@mx.example.net>\n\nThis message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\n" +
			"recipients. This is a permanent error. The following address(es) failed:\n\n  user\\060@example.net\n    unknown\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, on := range []bool{false, true} {
				s := newSite(t)
				enqueue(t, s, c.text, nil)
				drainWith(t, s, bounce.Options{Beyond: on})
				want := []string{}
				if on {
					want = registered
				}
				if diff := cmp.Diff(place{Bounce: want}, found(t, s)); diff != "" {
					t.Errorf("%v: want -, got +:\n%s", on, diff)
				}
			}
		})
	}
}

// TestMemberInAnotherForm is about a member whose address a report writes in
// another way: in capitals, and with a domain that is the same by RFC 5895 only.
func TestMemberInAnotherForm(t *testing.T) {
	s := newSite(t)
	enqueue(t, s, "From: MAILER-DAEMON <>\nContent-Type: text/plain; charset=utf-8\n\nDelivery to USER0@ｅxample.net failed.\n", nil)
	drainWith(t, s, bounce.Options{Beyond: true})
	if diff := cmp.Diff(place{Bounce: []string{"small: USER0@example.net bounce score: 1.0"}}, found(t, s)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
