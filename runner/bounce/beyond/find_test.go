package beyond_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
)

// TestSecondLookFindsRecipients looks for each sample of testdata/reports.txtar, whose name says what
// is to be found, at what the second look finds and that Mailman's modules find
// nothing.
func TestSecondLookFindsRecipients(t *testing.T) {
	samples, err := txtar.ParseFile("testdata/reports.txtar")
	if err != nil {
		t.Fatal(err)
	}

	d, err := detect.New(site.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range samples.Files {
		name, want, _ := strings.Cut(f.Name, ": ")
		t.Run(name, func(t *testing.T) {
			m := parse(t, string(f.Data))
			own, _ := beyond.WithoutNestedReports(m)
			if r := d.Scan(own); len(r.Addrs) > 0 {
				t.Logf("Mailman's %s finds %v", r.Module, r.Addrs)
			}

			if diff := cmp.Diff(want, describe(beyond.Find(own))); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func parse(t testing.TB, text string) *message.Message {
	t.Helper()
	m, err := message.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func describe(r beyond.Result) string {
	if r.Kind == beyond.None {
		return "none"
	}
	s := string(r.Kind) + " " + r.Rule
	for _, a := range r.Recipients {
		forms := a.Forms()
		s += " " + forms[min(1, len(forms)-1)*escaped(forms[0])]
	}

	return s
}

// escaped is 1 for an address that has an escape, whose decoded form comes next.
func escaped(addr string) int {
	if strings.Contains(addr, `\`) {
		return 1
	}
	return 0
}

func TestAddressFormsAreRead(t *testing.T) {
	m := parse(t, `From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Original-Recipient: rfc822;amy@xn--mller-kva.example
Final-Recipient: rfc822;amy@inside.example
Action: failed
--B--
`)

	r := beyond.Find(m)
	want := []beyond.Recipient{{Addr: "amy@xn--mller-kva.example", Also: []string{"amy@inside.example", "amy@müller.example"}}}
	if diff := cmp.Diff(want, r.Recipients); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestFailedBesideDelayed(t *testing.T) {
	m := parse(t, `From: MAILER-DAEMON@mx.example.net
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; amy@example.net
Action: delayed

Final-Recipient: rfc822; ben@example.net
Action: failed
--B--
`)

	d, err := detect.New(site.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	if r := d.Scan(m); !r.Stop {
		t.Fatalf("Mailman would find %+v, want a warning", r)
	}

	if diff := cmp.Diff("bounce status ben@example.net", describe(beyond.FailedBesideDelayed(m))); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// TestNestedReport is the hole through which the author of a post charges a third
// party with its bounces.
func TestNestedReport(t *testing.T) {
	attack := parse(t, `From: MAILER-DAEMON@mx.example.net
Message-ID: <1@mx.example.net>
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; amy@example.net
Action: failed
--B
Content-Type: message/rfc822

From: poster@example.com
Message-ID: <2@example.com>
Content-Type: multipart/mixed; boundary=C

--C
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; victim@example.net
Action: failed
--C--
--B--
`)

	d, err := detect.New(site.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff([]string{"amy@example.net", "victim@example.net"}, d.Scan(attack).Addrs); diff != "" {
		t.Errorf("Mailman's module: want -, got +:\n%s", diff)
	}

	own, nested := beyond.WithoutNestedReports(attack)
	if !nested {
		t.Error("the nested report was not seen")
	}

	if diff := cmp.Diff([]string{"amy@example.net"}, d.Scan(own).Addrs); diff != "" {
		t.Errorf("without nested reports: want -, got +:\n%s", diff)
	}

	if diff := cmp.Diff([]string{"amy@example.net", "victim@example.net"}, d.Scan(attack).Addrs); diff != "" {
		t.Errorf("the message was changed: want -, got +:\n%s", diff)
	}
}

// TestHostileReports holds mail that is made to take time to a bound that only
// work beyond linear would miss.
func TestHostileReports(t *testing.T) {
	const n = 1 << 20
	head := "From: MAILER-DAEMON@x.example\nSubject: Undeliverable\n\n"
	for name, body := range map[string]string{
		"at signs":   strings.Repeat("@", n),
		"addresses":  strings.Repeat("a@b.cd ", n/7),
		"failures":   strings.Repeat("mail failed\na@b.cd\n", n/19),
		"sentences":  strings.Repeat("mail failed: ", n/13),
		"quotes":     strings.Repeat(`"@b.cd`, n/6),
		"fields":     strings.Repeat("X-A: b\n", n/7),
		"recipients": strings.Repeat("Final-Recipient: a@b.cd\nAction: failed\n", n/39),
		"styles":     strings.Repeat("<style>", n/7),
		"escapes":    strings.Repeat(`\x{`, n/3),
		"one line":   "550 5.1.1 " + strings.Repeat("x", n),
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"text/plain", "text/html"} {
				m := parse(t, "Content-Type: "+kind+"\n"+head+body)
				start := time.Now()
				r := beyond.Find(m)

				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("%s: took %v for 1 MB", kind, took)
				} else {
					t.Log(kind, took, r.Kind, len(r.Recipients))
				}
			}
		})
	}
}

func ExampleFind() {
	m, _ := message.Parse("From: MAILER-DAEMON@mx.example.net\n\nThere was an error delivering your mail to <amy@example.net>.\n")
	r := beyond.Find(m)
	fmt.Println(r.Kind, r.Rule, r.Recipients[0].Addr)
	// Output: bounce phrase amy@example.net
}
