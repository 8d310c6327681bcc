package lmtp

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// pipeSite is a Mailman whose lists have mail at lmtp.example through a server of
// ours, and at pipe.example through Mailman's scripts.
type pipeSite struct {
	prefix  string
	site    *site.Site
	server  *Server
	mail    string // addresses of ours
	maps    string
	aliases string
}

func newPipeSite(t *testing.T, lists ...string) *pipeSite {
	t.Helper()
	p := &pipeSite{prefix: mmtest.Clone(t)}
	specs := []mmtest.ListSpec{{Name: "mailman"}}
	for _, l := range lists {
		specs = append(specs, mmtest.ListSpec{Name: l})
	}
	mmtest.MakeLists(t, p.prefix, specs...)
	var err error
	p.site, err = site.Open(p.prefix, site.Options{NoCache: true})
	if err != nil || p.site.Problem != nil {
		t.Fatal(err, p.site.Problem)
	}

	// Pipes run as the user nobody.
	for dir := p.prefix; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	for _, dir := range []string{"qfiles", "logs", "qfiles/in", "qfiles/bounces", "qfiles/commands"} {
		_ = os.Mkdir(filepath.Join(p.prefix, dir), 0o777)
		if err := os.Chmod(filepath.Join(p.prefix, dir), 0o777|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
	}

	var aliases strings.Builder
	for _, l := range append([]string{"mailman"}, lists...) {
		for _, s := range intake.Scripts() {
			fmt.Fprintf(&aliases, "%s%s: \"|%s -S %s/scripts/%s %s\"\n", l, s.Suffix, mmtest.Python(t), p.prefix, s.Name, l)
		}
	}

	p.aliases = aliases.String()
	p.serve(t)
	return p
}

func (p *pipeSite) serve(t *testing.T) {
	t.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}

	var err error
	p.server, err = New(p.site, Options{Domains: []string{"lmtp.example"}, Log: lines(make(chan string, 100))})
	if err != nil {
		t.Fatal(err)
	}

	mail, maps := listen(), listen()
	p.mail, p.maps = mail.Addr().String(), maps.Addr().String()
	answers := &Maps{Finder: p.server.Finder(), Transport: "lmtp:inet:" + p.mail}
	go p.server.Serve(mail)
	go answers.Serve(maps)

	t.Cleanup(func() {
		maps.Close()
		answers.Close()
		mail.Close()
		p.server.Close()
	})
}

// config returns what mmrunner prints for a mail server, without the domains that have
// other users here.
func (p *pipeSite) config(t *testing.T, server string) string {
	t.Helper()
	text, err := Config(p.site, server, Addresses{Listen: []string{p.mail}, Maps: []string{p.maps}, Domains: []string{"lmtp.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// taken returns what is in the three queues, as text that can be compared: modes,
// metadata and message, without times and ids.
func (p *pipeSite) taken(t *testing.T) (entries []string) {
	t.Helper()
	for _, queue := range []string{"in", "bounces", "commands"} {
		dir := p.site.QueueDir(queue)
		names, err := filepath.Glob(filepath.Join(dir, "*.pck"))
		if err != nil {
			t.Fatal(err)
		}

		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}

			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}

			it, err := qfile.Decode(strings.TrimSuffix(filepath.Base(name), ".pck"), b)
			if err != nil {
				t.Fatal(err)
			}

			if r, _ := it.Data.Get("received_time"); pickle.Repr(r, 64) != strings.SplitN(it.Base, "+", 2)[0] {
				t.Errorf("entry %s has received_time %s", it.Base, pickle.Repr(r, 64))
			}

			var meta []string
			for k, v := range it.Data.Dict().All() {
				if k != pickle.Str("received_time") {
					meta = append(meta, pickle.Repr(k, 99)+": "+pickle.Repr(v, 999))
				}
			}

			slices.Sort(meta)
			entries = append(entries, fmt.Sprintf("%s %v %s\n%s", queue, info.Mode(), strings.Join(meta, ", "), it.Message.(pickle.Str)))
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}

	return entries
}

var fromDate = regexp.MustCompile(`(?m)^(From .+?  )\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$`)

// same makes entries of both ways comparable: domains and the From_ line's time.
func same(entry string) string {
	entry = strings.ReplaceAll(entry, "pipe.example", "DOMAIN.example")
	entry = strings.ReplaceAll(entry, "lmtp.example", "DOMAIN.example")
	first := fromDate.FindStringIndex(entry)
	if first != nil {
		entry = entry[:first[0]] + fromDate.ReplaceAllString(entry[first[0]:first[1]], "${1}TIME") + entry[first[1]:]
	}
	return entry
}

// mails are messages whose least byte must come out of both ways the same.
var mails = []string{
	"Subject: plain\r\n\r\nbody\r\n",
	"Subject: dots\r\n\r\n..\r\n...\r\n..x\r\nFrom here\r\n>From there\r\n\r\n\r\n",
	"Subject: eight bit \xe4\xff\r\n\r\n\xf6 'quotes' \"and\" \\\r\n",
	"Subject: CR\r\n\r\na\rb\r\nc\r\r\nd\r\n",
	"Subject: long\r\n\r\n" + strings.Repeat("x", 1500) + "\r\n" + strings.Repeat("word ", 300) + "\r\n",
	"Return-Path: <old@example.net>\r\nDelivered-To: somebody@example.net\r\nX-Original-To: somebody@example.net\r\nSubject: fields\r\n\r\n",
	"no header at all\r\n",
	"\r\nonly a body\r\n",
	"Subject: folded\r\n line\r\n\tmore\r\n\r\n \r\n",
}

// What comes through Postfix is the same entry by LMTP and by Mailman's pipe.
func TestEntriesAreThoseOfPostfixsPipe(t *testing.T) {
	needPostfix(t)
	p := newPipeSite(t, "one", "c++")
	post := startPostfix(t, p.config(t, "postfix"), p.aliases)
	senders := []string{"", "a@sender.example", "Mixed.Case+x=y@Sender.Example", `"odd one"@sender.example`, "one-bounces+a=b.example@sender.example"}
	n := 0
	compare := func(sender, text, local string) {
		t.Helper()
		n++
		sendSMTP(t, post.Address, sender, text, local+"@pipe.example", local+"@lmtp.example")
		total := func() int {
			return count(p.site.QueueDir("in")) + count(p.site.QueueDir("bounces")) + count(p.site.QueueDir("commands"))
		}
		waitFor(t, local+": two entries", func() bool { return total() >= 2 })
		got := p.taken(t)
		if len(got) != 2 || same(got[0]) != same(got[1]) {
			t.Errorf("from %q to %s: entries differ:\n%q", sender, local, got)
		}

		if strings.Count(strings.Join(got, ""), "lmtp.example") == 0 || strings.Count(strings.Join(got, ""), "pipe.example") == 0 {
			t.Errorf("to %s: not one entry of each way: %q", local, got)
		}
	}

	for i, text := range mails {
		compare(senders[i%len(senders)], text, "one-bounces+user=host.example")
	}
	for i, s := range intake.Scripts() {
		compare(senders[i%len(senders)], mails[0], "c++"+s.Suffix)
		compare(senders[i%len(senders)], mails[0], "ONE"+s.Suffix)
	}

	compare("a@sender.example", mails[0], "one-confirm+"+strings.Repeat("0a", 20))
	compare("a@sender.example", mails[0], "one+tag")
}

// Bounces that Postfix itself makes come to the bounce queue, by both ways alike.
func TestBouncesOfPostfixArrive(t *testing.T) {
	needPostfix(t)
	p := newPipeSite(t, "one")
	post := startPostfix(t, p.config(t, "postfix"), p.aliases)
	for _, domain := range []string{"pipe.example", "lmtp.example"} {
		sendSMTP(t, post.Address, "one-bounces+user=host.example@"+domain, mails[0], "nobody-is-called-so@pipe.example")
	}
	waitFor(t, "two bounces", func() bool { return count(p.site.QueueDir("bounces")) == 2 })

	for _, entry := range p.taken(t) {
		for _, want := range []string{
			"'listname': 'one'", "\nFrom MAILER-DAEMON  ", "\nReturn-Path: <>\n", "\nContent-Type: multipart/report; report-type=delivery-status;",
			"\nFinal-Recipient: rfc822; nobody-is-called-so@pipe.example\n",
		} {
			if !strings.Contains(entry, want) {
				t.Errorf("a bounce without %q:\n%s", want, entry)
			}
		}
	}

	// An unknown list is refused while the sender is still there.
	c, err := net.Dial("tcp", post.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	smtp := newClient(t, c)
	smtp.expect("220")
	smtp.send("EHLO test.example\r\n", "250")
	smtp.send("MAIL FROM:<a@sender.example>\r\n", "250")
	smtp.send("RCPT TO:<none@lmtp.example>\r\n", "550")
	smtp.send("RCPT TO:<one-none@lmtp.example>\r\n", "550")
	smtp.send("RCPT TO:<one-bounces+x=y@lmtp.example>\r\n", "250")
}
