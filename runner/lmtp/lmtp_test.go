package lmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/pickle"
)

func TestMessageIsQueuedForEachKindOfAddress(t *testing.T) {
	s := testSite(t, "one@lists.example.com")
	_, address := start(t, s, Options{})
	c := dial(t, address)
	for _, tt := range []struct{ to, queue, key, list string }{
		{"one@lists.example.com", "in", "tolist", "one"},
		{"ONE-Bounces@lists.example.com", "bounces", "", "one"},
		{"one-bounces+a=b.example@lists.example.com", "bounces", "", "one"},
		{"one-admin@lists.example.com", "bounces", "", "one"},
		{"one-request@lists.example.com", "commands", "torequest", "one"},
		{"one-confirm+0123@lists.example.com", "commands", "toconfirm", "one"},
		{"one-join@lists.example.com", "commands", "tojoin", "one"},
		{"one-subscribe", "commands", "tojoin", "one"},
		{"one-leave@lists.example.com", "commands", "toleave", "one"},
		{"one-unsubscribe@lists.example.com", "commands", "toleave", "one"},
		{"one-owner@lists.example.com", "in", "toowner", "one"},
		{"mailman@lists.example.com", "in", "tolist", "mailman"},
	} {
		c.message("a@example.net", "Subject: s\r\n\r\nbody", tt.to)
		got := queued(t, s, tt.queue)
		if len(got) != 1 {
			t.Errorf("%s: %d entries in %s, want 1", tt.to, len(got), tt.queue)
			continue
		}

		if l := got[0].Data.Str("listname"); l != tt.list || tt.key != "" && !got[0].Data.True(tt.key) {
			t.Errorf("%s: metadata %s, want list %s and %s", tt.to, pickle.Repr(got[0].Data.Dict(), 300), tt.list, tt.key)
		}

		if b := body(got[0]); b != "Subject: s\n\nbody\n" {
			t.Errorf("%s: text %q", tt.to, b)
		}
	}
}

func TestUnknownRecipientsAreRefusedAtOnce(t *testing.T) {
	s := testSite(t, "one@lists.example.com")
	_, address := start(t, s, Options{})
	c := dial(t, address)
	c.send("MAIL FROM:<>\r\n", "250")

	for _, to := range []string{"none@lists.example.com", "one-none@lists.example.com", "one@elsewhere.example", "../one@lists.example.com", "-bounces@lists.example.com"} {
		if answer := c.send("RCPT TO:<"+to+">\r\n", "550 5.1.1"); !strings.Contains(answer, "no such list") {
			t.Errorf("%s: answer %q", to, answer)
		}
	}

	makeList(t, s, "none@elsewhere.example")
	c.send("RCPT TO:<none@elsewhere.example>\r\n", "250")
	if err := os.RemoveAll(filepath.Join(s.ListDataDir(), "none")); err != nil {
		t.Fatal(err)
	}

	c.send("RCPT TO:<none@elsewhere.example>\r\n", "550")
	// Lists that are not there with the site list gone are not unknown, but away.
	if err := os.Rename(s.ListDataDir(), s.ListDataDir()+"-away"); err != nil {
		t.Fatal(err)
	}

	c.send("RCPT TO:<one@lists.example.com>\r\n", "451")
}

// What a message holds comes out as it went in, with LF for CR LF.
func TestMessageIsKeptByteForByte(t *testing.T) {
	s := testSite(t, "one")
	_, address := start(t, s, Options{})
	c := dial(t, address)
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct{ data, want string }{
		{"a\r\nb\r\n", "a\nb\n"},
		{"", ""},
		{"a\nb\rc\x00\xff\r\n", "a\nb\rc\x00\xff\n"},
		{"a\n.\r\nb\r\n", "a\n.\nb\n"},   // LF, dot: no end
		{"a\n.\nb\r\n", "a\n.\nb\n"},     //
		{"a\r\r\n", "a\r\n"},             // CR CR LF before the end
		{"a\r\r\n..b\r\n", "a\r\n.b\n"},  // and before a dot
		{"..\r\n...\r\n", ".\n..\n"},     //
		{"..\rb\r\n", ".\rb\n"},          //
		{long + "\r\n", long + "\n"},     // lines of any length
		{long + "\r\r\n", long + "\r\n"}, //
		{strings.Repeat("y", inputBuffer-1) + "\r\n", strings.Repeat("y", inputBuffer-1) + "\n"}, // CR at a buffer's end
		{strings.Repeat("y", inputBuffer-1) + "\rz\r\n", strings.Repeat("y", inputBuffer-1) + "\rz\n"},
	} {
		c.send("MAIL FROM:<>\r\n", "250")
		c.send("RCPT TO:<one-bounces>\r\n", "250")
		c.send("DATA\r\n", "354")
		c.send(tt.data+".\r\n", "250")
		got := queued(t, s, "bounces")
		if len(got) != 1 || body(got[0]) != tt.want {
			t.Errorf("%.60q: %d entries, %.60q, want %.60q", tt.data, len(got), body(got[0]), tt.want)
		}

		// The same by BDAT, where dots mean nothing, in chunks that cut it anywhere.
		plain := strings.ReplaceAll(tt.data, "\r\n..", "\r\n.")
		if strings.HasPrefix(plain, "..") {
			plain = plain[1:]
		}

		plain = strings.ReplaceAll(plain, "\r\n...", "\r\n..")
		c.send("MAIL FROM:<>\r\n", "250")
		c.send("RCPT TO:<one-bounces>\r\n", "250")

		for len(plain) > 1 {
			n := len(plain)/2 + len(plain)%2
			c.send(fmt.Sprintf("BDAT %d\r\n%s", n, plain[:n]), "250")
			plain = plain[n:]
		}

		c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(plain), plain), "250")
		if got := queued(t, s, "bounces"); len(got) != 1 || body(got[0]) != tt.want {
			t.Errorf("BDAT %.60q: %d entries, %.60q, want %.60q", tt.data, len(got), body(got[0]), tt.want)
		}
	}
}

// Several commands at once, and parameters of extensions that are not offered.
func TestWhatMailServersSend(t *testing.T) {
	s := testSite(t, "one@lists.example.com")
	_, address := start(t, s, Options{})
	c := dial(t, address)
	offer := c.send("LHLO again\r\n", "250")
	for _, want := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", fmt.Sprintf("SIZE %d", Defaults.MaxSize)} {
		if !strings.Contains(offer, want) {
			t.Errorf("offer %q, want %s in it", offer, want)
		}
	}

	c.send("MAIL FROM:<> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x+3D\r\n"+
		"RCPT TO:<one-bounces+u=v@lists.example.com> NOTIFY=NEVER ORCPT=rfc822;First+2BOne@example.org\r\n"+
		"RCPT TO:<\"one-request\"@lists.example.com> ORCPT=unknown;what\r\n"+
		"RCPT TO:<one-owner> ORCPT=broken\r\n"+
		"RCPT TO:nobrackets\r\n"+
		"RCPT TO:<none@lists.example.com>\r\nDATA\r\n", "250", "250", "250", "250", "550", "550", "354")

	c.send("Subject: s\r\n\r\nb\r\n.\r\nMAIL FROM:<lästig@example.net> SMTPUTF8\r\nRCPT TO:<one>\r\nRSET\r\nNOOP\r\n", "250", "250", "250", "250", "250", "250", "250")
	got := queued(t, s, "bounces")
	if len(got) != 1 {
		t.Fatalf("%d bounces, want 1", len(got))
	}

	want := "Return-Path: <>\nX-Original-To: First+One@example.org\nDelivered-To: one-bounces+u=v@lists.example.com\nSubject: s\n\nb\n"
	first, rest, _ := strings.Cut(string(got[0].Message.(pickle.Str)), "\n")
	if rest != want || !strings.HasPrefix(first, "From MAILER-DAEMON  ") {
		t.Errorf("text %q, want a From_ line and %q", got[0].Message, want)
	}

	if n := len(queued(t, s, "commands")); n != 1 {
		t.Errorf("%d commands, want 1", n)
	}

	own := queued(t, s, "in")
	if len(own) != 1 {
		t.Fatalf("%d messages for owners, want 1", len(own))
	}

	for _, key := range []string{"pipeline", "envsender", "toowner"} {
		if !own[0].Data.True(key) {
			t.Errorf("metadata %s, want %s in it", pickle.Repr(own[0].Data.Dict(), 900), key)
		}
	}
}

func TestLoopAddressGoesToTheMailbox(t *testing.T) {
	s := testSite(t)
	_, address := start(t, s, Options{})
	c := dial(t, address)
	for range 2 {
		c.message("a@example.net", "Subject: s\r\n\r\nFrom me", "mailman-loop@lists.example.com")
	}
	b, err := os.ReadFile(filepath.Join(s.DataDir(), "owner-bounces.mbox"))
	if err != nil {
		t.Fatal(err)
	}

	parts := strings.Split(string(b), "\n\nFrom a@example.net  ")
	if len(parts) != 2 || !strings.HasSuffix(string(b), "\nSubject: s\n\n>From me\n\n") || strings.Count(string(b), "Delivered-To: mailman-loop@lists.example.com\n") != 2 {
		t.Errorf("mailbox %q", b)
	}
}

// No two answers are mixed up, and an address that comes twice gets one message.
func TestEachRecipientHasItsOwnAnswer(t *testing.T) {
	s := testSite(t, "one", "two")
	_, address := start(t, s, Options{})

	if err := errors.Join(os.RemoveAll(s.QueueDir("commands")), os.WriteFile(s.QueueDir("commands"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}

	c := dial(t, address)
	c.send("MAIL FROM:<>\r\nRCPT TO:<one>\r\nRCPT TO:<one-request>\r\nRCPT TO:<two>\r\nRCPT TO:<ONE>\r\nDATA\r\n", "250", "250", "250", "250", "250", "354")
	c.send("x\r\n.\r\n", "250", "451", "250", "250")

	if err := os.Remove(s.QueueDir("commands")); err != nil {
		t.Fatal(err)
	}

	var lists []string
	for _, it := range queued(t, s, "in") {
		lists = append(lists, it.Data.Str("listname"))
	}
	slices.Sort(lists)

	if !slices.Equal(lists, []string{"one", "two"}) {
		t.Errorf("entries for %v, want one each for one and two", lists)
	}
}

func TestOnlyOneServerOfAHostTakesASitesMail(t *testing.T) {
	s := testSite(t)
	srv, _ := start(t, s, Options{})
	if _, err := New(s, Options{}); !errors.Is(err, ErrTaken) {
		t.Errorf("a second server: %v, want ErrTaken", err)
	}
	_ = srv
}

// Serve that is called when the server was shut down already ends at once.
func TestServeAfterShutdownEnds(t *testing.T) {
	srv, err := New(testSite(t, "one"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("Serve still waits for mail")
	}
}

// What a killed server was writing is removed when the next begins; what others write
// is not.
func TestLeftoversAreRemoved(t *testing.T) {
	s := testSite(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	host, _, _ = strings.Cut(host, ".")
	dir := s.QueueDir("in")
	keep := []string{"1.5+aa.pck", "1.5+ab.pck.tmp", "mmrunner-lmtp-other.host-1-1.tmp"}
	for _, name := range append(keep, "mmrunner-lmtp-"+host+"-1-1.tmp") {
		if err := errors.Join(os.MkdirAll(dir, 0o770), os.WriteFile(filepath.Join(dir, name), nil, 0o660)); err != nil {
			t.Fatal(err)
		}
	}

	start(t, s, Options{})
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}

	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, keep) {
		t.Errorf("left %v, want %v", names, keep)
	}
}
