package reason_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/runner/bounce/reason"
)

func parse(t testing.TB, text string) *message.Message {
	t.Helper()
	m, err := message.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReasonsAreFound(t *testing.T) {
	report := parse(t, `From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: text/plain

550 5.0.0 not this
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; amy@example.net
Action: failed
Status: 5.1.1 (no such user)
Remote-MTA: dns; in.example.net
Diagnostic-Code: smtp; 550 5.1.1 User
 unknown

Final-Recipient: rfc822; ben@example.net
Action: failed
Status: 5.2.2
--B--
`)

	text := parse(t, "From: MAILER-DAEMON@mx.example.net\n\nIn the year 2024 it failed:\n<amy@example.net>: host in.example.net said:\n  554-5.7.1 blocked by our list\n")
	for _, c := range []struct {
		m     *message.Message
		addr  string
		want  reason.Reason
		class reason.Class
	}{
		{report, "AMY@example.net", reason.Reason{Status: "5.1.1", Diagnostic: "550 5.1.1 User unknown", Server: "in.example.net"}, reason.Hard},
		{report, "ben@example.net", reason.Reason{Status: "5.2.2", Server: "mx.example.net"}, reason.Full},
		{text, "amy@example.net", reason.Reason{Status: "5.7.1", Diagnostic: "554-5.7.1 blocked by our list"}, reason.Policy},
		{parse(t, "From: MAILER-DAEMON@mx.example.net\n\n<amy@example.net>:\nSorry, no mailbox here by that name. (#5.1.1)\n"), "amy@example.net",
			reason.Reason{Status: "5.1.1", Diagnostic: "Sorry, no mailbox here by that name. (#5.1.1)"}, reason.Hard},
		{parse(t, "From: a@example.net\n\nGone.\n"), "amy@example.net", reason.Reason{}, reason.Unknown},
	} {
		had := reason.Find(c.m, c.addr)
		if diff := cmp.Diff(c.want, had); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", c.addr, diff)
		}

		if had.Class() != c.class {
			t.Errorf("%s: got class %s, want %s", c.addr, had.Class(), c.class)
		}
	}
}

// BenchmarkFind measures how long it takes to find the reason in a usual report.
func BenchmarkFind(b *testing.B) {
	m := parse(b, "From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\nContent-Type: text/plain\n\n"+
		strings.Repeat("A line of the text that every report begins with.\n", 10)+"--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"+
		"Final-Recipient: rfc822; amy@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no\n--B--\n")
	for b.Loop() {
		reason.Find(m, "amy@example.net").Class()
	}
}
