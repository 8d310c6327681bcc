package beyond_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
)

// TestOtherMailChargesNobody makes 15,000 messages that are no bounces from the texts
// in testdata/othermail.txtar: each is the text of one genre in one language, under
// each of the genre's heads, in each way to write it as MIME, with names and addresses
// from a seed. In all of them an address stands near words of failure.
func TestOtherMailChargesNobody(t *testing.T) {
	samples, err := txtar.ParseFile("testdata/othermail.txtar")
	if err != nil {
		t.Fatal(err)
	}
	d, err := detect.New(site.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	kinds, messages, charged := 0, 0, map[string]int{}
	for _, f := range samples.Files {
		genre, language, ok := strings.Cut(f.Name, " ")
		heads := headsOf[genre]
		if !ok || len(heads) == 0 {
			t.Fatalf("got a text named %q, need a genre that has heads and a language", f.Name)
		}

		for h, head := range heads {
			for form, write := range formsOfText {
				if genre == "newsletter" && strings.Contains(form, "post") {
					continue // a shop has no post to return
				}
				kinds++
				for seed := range uint64(12) {
					messages++
					text := otherMail(rand.New(rand.NewPCG(seed, uint64(kinds))), head, string(f.Data), write)
					m := parse(t, text)
					if found := d.Scan(m).Addrs; len(found) > 0 {
						t.Fatalf("%s: Mailman's modules find %v, need a text that they pass over:\n%s", f.Name, found, text)
					}

					if r := beyond.Find(m); len(r.Recipients) > 0 {
						kind := fmt.Sprintf("%s %s, head %d, %s", genre, language, h, form)
						if charged[kind]++; charged[kind] == 1 {
							t.Errorf("%s: %s found %v in\n%s", kind, r.Rule, r.Recipients, text)
						}
					}
				}
			}
		}
	}

	t.Logf("%d kinds, %d messages", kinds, messages)
	if messages < 10_000 {
		t.Errorf("looked at %d messages, need 10,000", messages)
	}
}

// headsOf are the fields that mail of each genre comes with. FROM and POST are replaced
// as in the texts.
var headsOf = map[string][]string{
	"absence": {
		"Return-Path: <>\nFrom: FROM\nSubject: Re: POST\nAuto-Submitted: auto-replied\n",
		"Return-Path: <>\nFrom: FROM\nSubject: Re: POST\n",
		"Return-Path: <FROM>\nFrom: FROM\nSubject: Re: POST\nPrecedence: bulk\n",
		"From MAILER-DAEMON Thu May  2 10:00:00 2024\nFrom: FROM\nSubject: POST\nX-Autoreply: yes\n",
		"Return-Path: <>\nFrom: FROM\nSubject: SUBJECT\nAuto-Submitted: auto-generated\n",
	},
	"newsletter": {
		"Return-Path: <bounce-77@shop.example>\nFrom: \"Shop\" <news@shop.example>\nSubject: SUBJECT\nList-Unsubscribe: <mailto:leave@shop.example>\n",
		"From: \"Shop\" <noreply@shop.example>\nSubject: SUBJECT\nPrecedence: bulk\n",
		"Return-Path: <>\nFrom: info@shop.example\nSubject: SUBJECT\n",
		"From: \"Mailer\" <mailer@shop.example>\nSubject: SUBJECT\nList-Id: <news.shop.example>\n",
	},
	"question": {
		"Return-Path: <FROM>\nFrom: FROM\nSubject: Re: SUBJECT\n",
		"From: \"Postmaster\" <FROM>\nSubject: SUBJECT\nReturn-Path: <FROM>\n",
		"From: postmaster@member.example\nSubject: Re: SUBJECT\nReturn-Path: <postmaster@member.example>\n",
		"From: FROM\nSubject: Fwd: SUBJECT\nX-Mailer: Mail\n",
	},
	"spam": {
		"Return-Path: <FROM>\nFrom: \"Mail Delivery System\" <FROM>\nSubject: SUBJECT\n",
		"Return-Path: <FROM>\nFrom: \"Mail Support\" <admin@spam.example>\nSubject: SUBJECT\n",
		"Return-Path: <x@spam.example>\nFrom: \"System\" <noreply@spam.example>\nSubject: SUBJECT\n",
		"From FROM Thu May  2 10:00:00 2024\nFrom: <support@spam.example>\nSubject: SUBJECT\n",
	},
	"program": {
		"Return-Path: <root@host.example>\nFrom: root@host.example (Cron Daemon)\nSubject: SUBJECT\nAuto-Submitted: auto-generated\n",
		"Return-Path: <noreply@host.example>\nFrom: noreply@host.example\nSubject: SUBJECT\nAuto-Submitted: auto-generated\n",
		"Return-Path: <>\nFrom: notifications@host.example\nSubject: SUBJECT\nAuto-Submitted: auto-generated\n",
	},
	"list": {
		"Return-Path: <club-bounces@lists.example>\nFrom: FROM\nSubject: [club] SUBJECT\nList-Id: <club.lists.example>\nList-Post: <mailto:club@lists.example>\n",
		"Return-Path: <club-bounces@lists.example>\nFrom: club-bounces@lists.example\nSubject: SUBJECT\nList-Id: <club.lists.example>\nX-List-Administrivia: yes\n",
		"Return-Path: <>\nFrom: FROM\nSubject: Re: SUBJECT\nX-BeenThere: club@lists.example\n",
	},
}

// formsOfText are the ways to write a text as MIME.
var formsOfText = map[string]func(text, post string) string{
	"plain":  func(text, _ string) string { return "Content-Type: text/plain; charset=utf-8\n\n" + text },
	"base64": func(text, _ string) string { return encoded("text/plain", text) },
	"HTML":   func(text, _ string) string { return encoded("text/html", asHTML(text)) },
	"alternative": func(text, _ string) string {
		return parts("alternative", encoded("text/plain", text), encoded("text/html", asHTML(text)))
	},
	"with the post": func(text, post string) string {
		return parts("mixed", encoded("text/plain", text), "Content-Type: message/rfc822\n\n"+post)
	},
	"post below": func(text, post string) string {
		return "Content-Type: text/plain; charset=utf-8\n\n" + text + "\n-----Original Message-----\n" + post
	},
}

func encoded(kind, text string) string {
	return "Content-Type: " + kind + "; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(text)) + "\n"
}

func asHTML(text string) string {
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return "<html><body><p>" + strings.ReplaceAll(escaped, "\n", "<br>\n") + "</p></body></html>"
}

func parts(kind string, all ...string) string {
	return "Content-Type: multipart/" + kind + "; boundary=\"==B==\"\n\n--==B==\n" + strings.Join(all, "\n--==B==\n") + "\n--==B==--\n"
}

// otherMail is one message: a head, and a text whose first line is its subject.
func otherMail(r *rand.Rand, head, text string, write func(text, post string) string) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	member := pick("amy", "ben.smith", "o'hara", "c_lee", "d+news", "joe-1964") + "@" + pick("member.example", "mail.example.net", "uni.example.org", "müller.example")
	from := pick("dora", "Emil.K", "fay", "gus.b") + "@" + pick("sender.example", "office.example.com")
	subject, text, _ := strings.Cut(text, "\n")
	post := "From: poster@poster.example\nTo: club@lists.example\nSubject: Minutes\nMessage-ID: <1@poster.example>\nList-Id: <club.lists.example>\n" +
		"\nThe minutes of our meeting. Ask " + member + ".\n"

	fill := strings.NewReplacer("FROM", from, "MEMBER", member, "SUBJECT", subject, "POST", pick("Minutes", "Sitzung", "議事録"),
		"OTHER", pick("help", "office", "hilda")+"@"+pick("third.example", "firm.example"), "CODE", pick("550 5.1.1", "554 5.7.1", "552", "450 4.2.0"))
	return fill.Replace(head) + "To: club-bounces@lists.example\nMIME-Version: 1.0\n" + write(fill.Replace(strings.TrimLeft(text, "\n")), post)
}
