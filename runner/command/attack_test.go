package command

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// victims are members whose passwords may be told to them only.
var victims = []string{"vic0@example.net", "Vic1@Example.net", "vic2@example.net", "vic+3@example.net"}

// secret is a victim's password. No other member's mail has it.
func secret(i int) string { return fmt.Sprintf("Qz%dtopXw", i) }

// attackScene is mail of an attacker who wants passwords, others' memberships and
// headers of their choice: MMRUNNER_TEST_HOSTILE messages. The result is as it is
// with Mailman, and no message that leaves tells a password to any address but its
// owner, or has a header that Mailman does not set.
func attackScene(s *scene) {
	lists := []string{"attack0", "attack1"}
	for i, name := range lists {
		python := fmt.Sprintf("m.subscribe_policy = %d\nm.private_roster = %d\nm.preferred_language = %q\nm.available_languages = ['en', 'fr', 'ja']\n", i, i, []string{"en", "fr"}[i])
		for j, v := range victims {
			v = strings.ToLower(v)
			python += fmt.Sprintf("m.passwords[%q] = %q\nm.setMemberName(%q, %q)\n", v, secret(j), v, []string{"", "%(password)s", "Plain", "$password"}[j])
		}
		s.lists(mmtest.ListSpec{Name: name, Members: victims, Python: python})
	}

	g := &chance{Rand: rand.New(rand.NewPCG(uint64(envInt(s.t, "MMRUNNER_TEST_SEED", 1)), 1)), s: s}
	for range envInt(s.t, "MMRUNNER_TEST_HOSTILE", 200) {
		g.attack(g.one(lists...))
	}
	s.checks = append(s.checks, keepsSecrets)
}

// nasty are bits of what could be mistaken for more than text.
var nasty = []string{
	"%(password)s", "%s", "%", "%%", "%n", "%(", "%(x)d", "${password}", "$password", "$$", "\\n", "%0d%0aBcc:", "=?utf-8?q?x=0D=0ABcc:_x=40example.org?=", "=?utf-8?q?=0ABcc:_x=40example.org=0A=0Abody?=",
	"\r\nBcc: x@example.org", "\nBcc: x@example.org", "\rBcc: x@example.org", "\n Bcc: x@example.org", "\x00", "\x0b", "\x1c", "\x85", "\xa0", "\xff\xfe", "<script>", "'; x", "`id`", "../../x", "\"", "\\", "(", ")", "<", ">", "@", ",", ":", ";",
	"\u2028Bcc: x", "address=", strings.Repeat("A", 1200),
}

func (g *chance) nastily(s string) string {
	for range 1 + g.IntN(2) {
		at := g.IntN(len(s) + 1)
		s = s[:at] + g.one(nasty...) + s[at:]
	}
	return s
}

func (g *chance) attack(list string) {
	victim, i := "", g.IntN(len(victims))
	victim = g.one(victims[i], strings.ToUpper(victims[i]), strings.ToLower(victims[i]))
	me := fmt.Sprintf("mallory%d@example.org", g.IntN(20))
	from := g.one(
		me, victim, "\""+victim+"\" <"+me+">", me+" ("+victim+")", victim+", "+me, me+", "+victim, "<"+victim+"> <"+me+">", victim+" <"+me+">",
		"=?utf-8?q?"+strings.ReplaceAll(victim, "@", "=40")+"?= <"+me+">", g.nastily("Name")+" <"+me+">", "\""+g.nastily("Name")+"\" <"+me+">", g.nastily(me), g.nastily(victim), victim+"\nFrom: "+me, "Group: "+victim+", "+me+";", "",
	)

	who := g.one(" address="+victim, " address="+victim, " address="+me, " address="+g.nastily(victim), "", " ADDRESS="+victim)
	pw := g.one("guess", g.nastily("pw"), "adminpw", "", secret(i)[:5])
	line := g.one(
		"password", "password"+who, "password "+pw+" new"+who, "password "+pw+" "+g.nastily("new")+who, "set show"+who, "set authenticate "+pw+who, "set hide on", "set delivery off",
		"who "+pw+who, "who", "subscribe "+pw+who, "subscribe "+pw+" digest"+who, "join"+who, "unsubscribe "+pw+who, "leave"+who, "remove "+g.nastily(pw), "confirm "+g.nastily("0000"), "echo "+g.nastily("x"), "help", "info", "lists", g.nastily("set "+pw), g.nastily("who"), g.nastily("password"),
	)

	key := g.one("torequest", "torequest", "torequest", "torequest", "tojoin", "toleave", "toconfirm")
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\nTo: %s-request@lists.example.com\n", from, list)

	if g.often(2) {
		b.WriteString(g.one("Sender: ", "Reply-To: ", "Errors-To: ", "Return-Path: ") + g.one(me, victim) + "\n")
	}

	if g.often(4) {
		fmt.Fprintf(&b, "Subject: %s\n", g.one(line, "Re: "+line, g.nastily(line)))
		line = ""
	}

	g.pends++
	fmt.Fprintf(&b, "Message-ID: <a%d@example.org>\n\n%s\n%s\n", g.pends, line, g.one("", "set show", "password", g.nastily("end")))
	g.s.entry(mmtest.EntrySpec{List: list, Data: "{'" + key + "': 1}", Text: []byte(b.String())})
}

// headers are those of Mailman's own mail.
var headers = []string{
	"subject", "from", "to", "mime-version", "content-type", "content-transfer-encoding", "message-id", "date", "precedence", "reply-to", "auto-submitted", "x-no-archive", "x-mailer", "x-ack",
}

// keepsSecrets finds what ought not to leave.
func keepsSecrets(s *scene, got map[string]any) {
	queues := got["queues"].(map[string]any)
	told := 0
	for _, row := range queues["virgin"].([]any) {
		row := row.(map[string]any)
		var lines []string
		for _, l := range row["text"].([]any) {
			lines = append(lines, l.(string))
		}
		text := strings.ReplaceAll(strings.Join(lines, "\n"), "=\n", "")
		to := asJSON(row["data"].(map[string]any)["str recips"])
		for i, v := range victims {
			if !strings.Contains(text, secret(i)) {
				continue
			}
			told++

			if !strings.EqualFold(to, `["list","str `+v+`"]`) {
				s.t.Errorf("the password of %s leaves for %s in\n%s", v, to, text)
			}
		}

		for _, l := range lines {
			if l == "" {
				break
			}
			name, _, ok := strings.Cut(l, ":")
			if l[0] != ' ' && l[0] != '\t' && (!ok || !slices.Contains(headers, strings.ToLower(name))) {
				s.t.Errorf("header %q in\n%s", l, text)
			}
		}
	}

	if told == 0 {
		s.t.Error("nobody was told his password")
	}

	for log, lines := range got["logs"].(map[string]any) {
		for i := range victims {
			if strings.Contains(asJSON(lines), secret(i)) {
				s.t.Errorf("log %s has the password of %s", log, victims[i])
			}
		}
	}
}

// TestWhenceIsNotFilled has an address ask for Mailman's variables, which
// Mailman itself lets it have in the notice to the owners: the password there.
func TestWhenceIsNotFilled(t *testing.T) {
	t.Parallel()
	s := newScene(t, mmtest.Prefix(t))
	s.lists(mmtest.ListSpec{Name: "one", Members: victims, Python: "m.subscribe_policy = 0\nm.admin_notify_mchanges = 1\n"})
	for i, local := range []string{"a%(password)s", "b%s", "c%(self)s%d", "d%%", "e%"} {
		s.command("one", local+"@example.org", fmt.Sprintf("subscribe %s", secret(i)), "")
	}
	mmtest.MakeLists(t, s.prefix, s.specs...)
	mmtest.Enqueue(t, s.prefix, s.mail...)
	drain(t, s.prefix, nil)
	notices := 0
	for _, row := range s.dump()["queues"].(map[string]any)["virgin"].([]any) {
		row := row.(map[string]any)
		if text := asJSON(row["text"]); strings.Contains(asJSON(row["data"]), "owner@example.com") {
			notices++
			if strings.Contains(text, "topXw") || !strings.Contains(text, "%") {
				t.Errorf("a notice has been filled in: %s", text)
			}
		}
	}

	if notices != 5 {
		t.Errorf("%d notices, wanted 5", notices)
	}
}
