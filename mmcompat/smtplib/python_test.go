package smtplib

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

//go:embed testdata/ask.py
var askProgram string

const me = "me.example.org"

// dialogue is what a client is to do with a server that follows a script. A step is
// the name of a method and its arguments; of sendmail the sender, the text and the
// recipients.
type dialogue struct {
	name  string
	steps [][]string
	script
}

func send(to ...string) []string {
	return append([]string{"sendmail", "from@example.com", "Subject: x\n\ntext\n"}, to...)
}

var (
	login = []string{"login", "me", "secret"}
	quit  = []string{"quit"}
	tls12 = []string{"starttls"}
)

var dialogues = []dialogue{
	{"a message", [][]string{send("a@example.com", "B C <b@example.com>"), send("c@example.com"), quit}, script{}},
	{"its size", [][]string{send("a@example.com")}, script{offers: []string{"SIZE 1000", "8BITMIME"}}},
	{"no line end", [][]string{{"sendmail", "f@x", "no end", "a@x"}}, script{}},
	{"nothing", [][]string{{"sendmail", "", "", "a@x"}}, script{}},
	{"dots and line ends", [][]string{{"sendmail", "f@x", ".\n..\r\n.\r.x\n\r\r\n.\xe4\x00\n\n", "a@x"}}, script{}},
	{"odd addresses", [][]string{{"sendmail", "<>", "t", "no domain", "(c) a@x", "a@x, b@x", "\"q q\"@x", "<a@x", "", "\xe4@x"}}, script{}},
	{"an address twice, refused", [][]string{send("a@x", "a@x", "b@x")}, script{answers: []answer{{"rcpt TO:<a", "550 no\r\n"}}}},
	{"the same alone", [][]string{send("a@x", "a@x"), quit}, script{answers: []answer{{"rcpt TO:<a", "550 no\r\n"}}}},
	{"251", [][]string{send("a@x")}, script{answers: []answer{{"rcpt", "251 forwarded\r\n"}}}},
	{"some refused", [][]string{send("a@x", "b@x", "c@x", "d@x", "e@x"), send("f@x")}, script{answers: []answer{
		{"rcpt TO:<a", "550-5.1.1 no\r\n550 'such' user\r\n"}, {"rcpt TO:<c", "450 \"later\"\r\n"}, {"rcpt TO:<e", "552 sp\xe4ter\r\n"}}}},
	{"all refused", [][]string{send("a@x", "b@x", "c@x"), send("d@x")}, script{answers: []answer{{"rcpt TO:<d", "250 ok\r\n"}, {"rcpt", "553 no\r\n"}}}},
	{"a sender refused", [][]string{send("a@x"), send("b@x")}, script{answers: []answer{{"mail", "451 4.7.1 not\r\n"}}}},
	{"a message refused", [][]string{send("a@x"), quit}, script{answers: []answer{{".\r\n", "554 spam\r\n"}}}},
	{"DATA refused", [][]string{send("a@x"), send("a@x")}, script{answers: []answer{{"data", "451 full\r\n"}}}},
	{"no ESMTP", [][]string{send("a@x")}, script{answers: []answer{{"ehlo", "502 what\r\n"}}}},
	{"neither greeting", [][]string{send("a@x"), send("a@x")}, script{answers: []answer{{"ehlo", "502 what\r\n"}, {"helo", "550 go\r\n"}}}},
	{"an odd greeting", [][]string{send("a@x")}, script{answers: []answer{{"ehlo", "299 x\r\n"}}}},
	{"nothing to EHLO", [][]string{send("a@x"), send("a@x")}, script{answers: []answer{{"ehlo", "\r\n"}}}},
	{"421 at once", [][]string{send("a@x"), quit}, script{answers: []answer{{"CONNECT", "421 busy\r\n"}}}},
	{"codes that are none", [][]string{send("a@x", "b@x", "c@x", "d@x", "e@x")}, script{answers: []answer{
		{"rcpt TO:<a", "hello\r\n"}, {"rcpt TO:<b", "25\r\n"}, {"rcpt TO:<c", "2x0-more\r\n"}, {"rcpt TO:<d", " 45 x\r\n"}, {"rcpt TO:<e", "-12 x\r\n"}}}},
	{"replies of many lines", [][]string{send("a@x", "b@x")}, script{answers: []answer{
		{"mail", strings.Repeat("250-x\r\n", 300) + "250\r\n"}, {"rcpt TO:<b", "550-  a \r\n550-\tb\r\n450 c\n"}}}},
	{"8,192 bytes of reply", [][]string{send("a@x")}, script{answers: []answer{{"mail", "250 " + strings.Repeat("x", 8186) + "\r\n"}}}},
	{"8,193 bytes of reply", [][]string{send("a@x"), quit}, script{answers: []answer{{"mail", "250 " + strings.Repeat("x", 8187) + "\r\n"}}}},
	{"20,000 bytes of reply", [][]string{send("a@x"), send("b@x"), quit}, script{answers: []answer{{"mail", "250 " + strings.Repeat("x", 20000) + "\r\n"}}}},
	{"the end at once", [][]string{send("a@x")}, script{answers: []answer{{"CONNECT", "close"}}}},
	{"the end at EHLO", [][]string{send("a@x"), send("a@x"), quit}, script{answers: []answer{{"ehlo", "close"}}}},
	{"the end at a recipient", [][]string{send("a@x", "b@x"), quit}, script{answers: []answer{{"rcpt TO:<b", "close"}}}},
	{"the end at RSET", [][]string{send("a@x"), send("b@x")}, script{answers: []answer{{"rcpt", "550 no\r\n"}, {"rset", "close"}}}},
	{"the end at the dot", [][]string{send("a@x"), quit}, script{answers: []answer{{".\r\n", "close"}}}},
	{"the end in a reply", [][]string{send("a@x"), quit}, script{answers: []answer{{"mail", "550-half\r\n550 noclose"}}}},
	{"no end of a reply", [][]string{send("a@x"), quit}, script{answers: []answer{{"mail", "550-half\r\n550 no"}}}},
	{"the end at QUIT", [][]string{send("a@x"), quit}, script{answers: []answer{{"quit", "close"}}}},

	{"no AUTH", [][]string{login}, script{offers: []string{"SIZE"}}},
	{"AUTH PLAIN", [][]string{login, send("a@x"), quit}, script{offers: []string{"AUTH LOGIN PLAIN", "AUTH=LOGIN"}, answers: []answer{{"AUTH", "235 hello\r\n"}}}},
	{"AUTH LOGIN", [][]string{login, quit}, script{offers: []string{"auth=LOGIN"}, answers: []answer{{"AUTH", "334 UGFzc3dvcmQ6\r\n"}, {"c2VjcmV0", "235 hello\r\n"}}}},
	{"AUTH LOGIN refused", [][]string{login, quit}, script{offers: []string{"AUTH LOGIN"}, answers: []answer{{"AUTH", "535 5.7.8 who\r\n"}}}},
	{"its password refused", [][]string{login, quit}, script{offers: []string{"AUTH LOGIN"}, answers: []answer{{"AUTH", "334 x\r\n"}, {"c2VjcmV0", "535 5.7.8 no\r\n"}}}},
	{"CRAM-MD5", [][]string{login, quit}, script{offers: []string{"AUTH PLAIN CRAM-MD5"}, answers: []answer{{"AUTH", "334 PGNoYWxsZW5nZT4=\r\n"}, {"bWUg", "235 hello\r\n"}}}},
	{"CRAM-MD5 refused", [][]string{login, quit}, script{offers: []string{"AUTH CRAM-MD5"}, answers: []answer{{"AUTH", "334 PGNoYWxsZW5nZT4=\r\n"}, {"bWUg", "535 no\r\n"}}}},
	{"CRAM-MD5 once more", [][]string{login, quit}, script{offers: []string{"AUTH CRAM-MD5"}, answers: []answer{{"AUTH", "503 already\r\n"}}}},
	{"a challenge that is none", [][]string{login, quit}, script{offers: []string{"AUTH CRAM-MD5"}, answers: []answer{{"AUTH", "504 5.5.4 not here\r\n"}}}},
	{"a challenge among other bytes", [][]string{login, quit}, script{offers: []string{"AUTH CRAM-MD5"}, answers: []answer{{"AUTH", "334 PGNo YWxs-ZW5nZT4=\r\n"}, {"bWUg", "235 ok\r\n"}}}},
	{"503 for a login", [][]string{login, quit}, script{offers: []string{"AUTH PLAIN"}, answers: []answer{{"AUTH", "503 already\r\n"}}}},
	{"PLAIN refused", [][]string{login, login, quit}, script{offers: []string{"AUTH PLAIN"}, answers: []answer{{"AUTH", "535-5.7.8 no\r\n535 way\r\n"}}}},
	{"no way that is known", [][]string{login, quit}, script{offers: []string{"AUTH GSSAPI plain"}}},
	{"a long password", [][]string{{"login", "user@example.com", strings.Repeat("long ", 40)}, quit}, script{offers: []string{"AUTH PLAIN"}, answers: []answer{{"AUTH", "235 ok\r\n"}}}},
	{"the end at AUTH", [][]string{login, login}, script{offers: []string{"AUTH PLAIN"}, answers: []answer{{"AUTH", "close"}}}},
	{"no greeting at a login", [][]string{login}, script{answers: []answer{{"ehlo", "500 x\r\n"}, {"helo", "500 y\r\n"}}}},

	{"no STARTTLS", [][]string{tls12, login}, script{offers: []string{"AUTH PLAIN"}}},
	{"STARTTLS refused", [][]string{tls12, quit}, script{offers: []string{"STARTTLS"}, answers: []answer{{"STARTTLS", "454 not now\r\n"}}}},
	{"TLS, and another greeting", [][]string{tls12, {"ehlo", "other.example.org"}, login, send("a@x", "b@x"), quit}, script{
		offers: []string{"STARTTLS", "AUTH LOGIN"}, secured: []string{"AUTH PLAIN", "SIZE"},
		answers: []answer{{"AUTH", "235 ok\r\n"}, {"rcpt TO:<b", "450 later\r\n"}}}},
	{"TLS without another greeting", [][]string{tls12, send("a@x"), quit}, script{offers: []string{"STARTTLS", "SIZE"}}},
	{"TLS that ends", [][]string{tls12, send("a@x")}, script{offers: []string{"STARTTLS"}, answers: []answer{{"mail", "close"}}}},
}

// said is what came of a dialogue: a line for each step, and what the server was told.
type said struct {
	Steps []string
	Told  string
}

// ask has this package do the steps of a dialogue.
func ask(t *testing.T, d dialogue, port int) (lines []string) {
	t.Helper()
	c := New(t.Context(), Options{Host: "127.0.0.1", Port: port, LocalName: me, Wait: 3 * time.Second})
	lines = append(lines, outcome(nil, c.Connect()))

	for _, step := range d.steps {
		var refused *Refused
		var err error
		switch step[0] {
		case "sendmail":
			refused, err = c.SendMail(step[1], step[3:], step[2])
		case "login":
			err = c.Login(step[1], step[2])
		case "starttls":
			err = c.StartTLS()
		case "ehlo":
			_, err = c.Ehlo(step[1])
		case "quit":
			err = c.Quit()
		}
		lines = append(lines, outcome(refused, err))
	}

	c.close()
	return lines
}

// outcome is Python's repr of a dict of refused recipients, or an exception's class
// and text.
func outcome(refused *Refused, err error) string {
	var all *RefusedError
	var reply *ReplyError
	var low *Error
	var socket *SocketError
	var other *py.Error

	switch {
	case err == nil && refused == nil:
		return "done"
	case err == nil:
		return (&RefusedError{refused}).Error()
	case errors.As(err, &all):
		return "SMTPRecipientsRefused: " + err.Error()
	case errors.As(err, &reply):
		return reply.Kind + ": " + err.Error()
	case errors.As(err, &low) && low.Disconnected:
		return "SMTPServerDisconnected: " + err.Error()
	case errors.As(err, &low):
		return "SMTPException: " + err.Error()
	case errors.As(err, &socket):
		return "socket.error: " + err.Error()
	case errors.As(err, &other):
		return other.Class + ": " + other.Text
	}

	return fmt.Sprintf("%T: %v", err, err)
}

// question is a dialogue for the Python.
type question struct {
	Port  int        `json:"port"`
	Steps [][]string `json:"steps"`
}

// latin1 has each byte be a character, since JSON has no bytes.
func latin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// pythons are what Python's smtplib says at each step of dialogues.
func pythons(t *testing.T, questions []question) (answers [][]string) {
	t.Helper()
	for i := range questions {
		steps := make([][]string, len(questions[i].Steps))
		for j, step := range questions[i].Steps {
			for _, arg := range step {
				steps[j] = append(steps[j], latin1(arg))
			}
		}
		questions[i].Steps = steps
	}

	b, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}

	out := mmtest.PlainPython(t, b, askProgram)
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(questions) {
		t.Fatalf("got %.300q (%v), need %d answers", out, err, len(questions))
	}

	return answers
}

// Whatever the server says, the client tells it the same, byte for byte, and has the
// same come of it as Python's smtplib.
func TestAsSmtplib(t *testing.T) {
	t.Parallel()
	cert := selfSigned(t)
	var questions []question
	var servers []*scripted

	for _, d := range dialogues {
		s := serve(t, d.script, cert)
		servers = append(servers, s)
		questions = append(questions, question{s.port(), d.steps})
	}

	answers := pythons(t, questions)
	for i, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			want := said{slices.Clone(answers[i]), servers[i].transcript(t)}
			s := serve(t, d.script, cert)
			had := said{Steps: ask(t, d, s.port())}
			had.Told = s.transcript(t)
			for j, line := range had.Steps {
				had.Steps[j] = latin1(line)
			}

			if diff := cmp.Diff(want, had); diff != "" {
				t.Errorf("(- Python, + mmrunner):\n%s", diff)
			}
		})
	}
}

// An envelope that goes in one piece has the same come of it as one that goes command
// by command.
func TestPipeliningChangesNoOutcome(t *testing.T) {
	t.Parallel()
	cert := selfSigned(t)
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, d.script, cert)
			want := ask(t, d, s.port())
			for _, offers := range []*[]string{&d.offers, &d.secured} {
				*offers = append(slices.Clone(*offers), "PIPELINING")
			}

			s = serve(t, d.script, cert)
			if diff := cmp.Diff(want, ask(t, d, s.port())); diff != "" {
				t.Errorf("(- command by command, + in one piece):\n%s", diff)
			}
		})
	}
}

// A server that cannot be reached is the same exception as Python's.
func TestUnreachableAsSmtplib(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		host string
		port int
	}{
		{"127.0.0.1", 1}, {"127.0.0.1:1", 0}, {"127.0.0.1: 1", 0}, {"127.0.0.1:smtp", 0}, {"nowhere.invalid", 25}, {"0.0.0.0:1", 0},
	} {
		want := strings.TrimSpace(string(mmtest.PlainPython(t, nil, `
import sys, smtplib, socket
try:
    smtplib.SMTP().connect(sys.argv[1], int(sys.argv[2]))
except socket.error, e:
    print e
`, tt.host, fmt.Sprint(tt.port))))
		err := New(t.Context(), Options{Host: tt.host, Port: tt.port, LocalName: me}).Connect()
		var socket *SocketError
		if !errors.As(err, &socket) || err.Error() != want {
			t.Errorf("%s and port %d: got %v, need %s", tt.host, tt.port, err, want)
		}
	}
}

// The name in the greeting is the one that Python's smtplib makes of the host's.
func TestLocalNameAsSmtplib(t *testing.T) {
	t.Parallel()
	for _, fqdn := range []string{"mail.example.com", "mail", ""} {
		want := strings.TrimSpace(string(mmtest.PlainPython(t, nil, `
import sys, smtplib
smtplib.socket.getfqdn = lambda: sys.argv[1]
print smtplib.SMTP().local_hostname
`, fqdn)))
		if had := LocalName(fqdn); had != want {
			t.Errorf("a host named %q: got %s, need %s", fqdn, had, want)
		}
	}
}
