package beyond_test

import (
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
)

// TestNoBounceChargesNobody puts all heads of what people, lists and programs send
// before all bodies that have an address near words of failure.
func TestNoBounceChargesNobody(t *testing.T) {
	froms := []string{"Amy <amy@example.net>", "ben@example.com", "\"Cleo, Sales\" <sales@shop.example>", "no-reply@shop.example", "info@shop.example",
		"\"Mail Order\" <orders@shop.example>", "support@shop.example", "news@list.example", "list-request@lists.example.org", "admin@shop.example"}
	extra := []string{"", "Return-Path: <>\nAuto-Submitted: auto-replied\n", "Precedence: bulk\nList-Id: <news.shop.example>\nList-Unsubscribe: <mailto:leave@shop.example>\n",
		"Return-Path: <>\n", "X-Autoreply: yes\n", "Auto-Submitted: auto-generated\n"}
	subjects := []string{"Re: News", "Out of office", "Fwd: Undelivered Mail Returned to Sender", "Your order could not be found", "Hello",
		"Automatic reply: Undeliverable", "[list] 550 user unknown?", "Wichtig: Ihr Konto", "会議のお知らせ", "Problem with your account"}

	bodies := []string{
		"I no longer work here. Mail will not be delivered; please write to victim@example.net.\n",
		"On Monday you wrote:\n> Delivery to victim@example.net failed.\n> 550 5.1.1 <victim@example.net>: user unknown\n\nWhy is that?\n",
		"Hi, my mail to victim@example.net was rejected:\n\n550 5.1.1 <victim@example.net>... User unknown\n\nCan you help?\n",
		"Look at this:\n\nFinal-Recipient: rfc822; victim@example.net\nAction: failed\nStatus: 5.1.1\n",
		"Dear customer, the payment of victim@example.net has failed. Your address is invalid.\n",
		"The following members have not paid:\n\nvictim@example.net\nother@example.net\n",
		"victim@example.net のメールアドレスは存在しません。\n",
		"Ihre Nachricht konnte nicht zugestellt werden? Fragen Sie victim@example.net.\n",
		"victim@example.net schrieb:\n\nDie Adresse ist ungültig.\n",
		"----- Original Message -----\nFrom: victim@example.net\nTo: list@lists.example.org\nSubject: failure\n\nDelivery failed.\n",
		"This is a forwarded report:\n\n<victim@example.net>:\n554 no such user\n",
		"El buzón de victim@example.net está lleno, no se pudo entregar el mensaje.\n",
		"Le message n'a pas pu être remis à victim@example.net, dit-elle.\n",
		"Unsubscribe victim@example.net if you do not want this mail. Delivery problems? help@shop.example\n",
		"RCPT TO:<victim@example.net>\n550 no\n",
		"{\"error\": \"550\", \"recipient\": \"victim@example.net\", \"message\": \"mailbox full\"}\n",
		"Hello victim@example.net,\n\nyour mailbox is full. Click here to fix the problem.\n",
	}

	n := 0
	for _, from := range froms {
		for _, head := range extra {
			for _, subject := range subjects {
				for _, body := range bodies {
					n++
					text := head + "From: " + from + "\nTo: list-bounces@lists.example.org\nSubject: " + subject + "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + body
					if r := beyond.Find(parse(t, text)); len(r.Recipients) > 0 {
						t.Errorf("%s found %v in\n%s", r.Rule, r.Recipients, strings.TrimSpace(text))
					}
				}
			}
		}
	}

	if n < 10_000 {
		t.Errorf("looked at %d messages, want 10,000", n)
	}
}

// TestPeopleWithNamesOfMailSystemsChargeNobody is about mail from people and programs
// whose name, address or subject is that of a mail system's report.
func TestPeopleWithNamesOfMailSystemsChargeNobody(t *testing.T) {
	for name, text := range map[string]string{
		"a postmaster's answer": "From: Postmaster <postmaster@example.net>\nSubject: Re: your list\n\n" +
			"Hi, joe@example.net tells me that your mail was rejected.\n",
		"a firm": "From: Joe at Mail Delivery Ltd <joe@maildelivery.example>\nSubject: delivery problem\n\n" +
			"Your parcel could not be delivered to amy@example.net. The address is unknown.\n",
		"a surname": "From: Amy Mailer <amy@example.net>\nSubject: failure notice of our club\n\nDelivery of the newsletter to ben@example.net was impossible.\n",
		"a challenge": "Return-Path: <>\nFrom: noreply@challenge.example\nSubject: Your message to joe@example.net was not delivered yet: please confirm\n" +
			"Auto-Submitted: auto-replied\n\nYour message to joe@example.net could not be delivered until you confirm it.\n",
		"a vacation": "Return-Path: <>\nFrom: joe@example.net\nSubject: Undeliverable? No: I am away\nAuto-Submitted: auto-replied\n\n" +
			"Mail is not delivered to amy@example.net.\n",
	} {
		if r := beyond.Find(parse(t, text)); len(r.Recipients) > 0 {
			t.Errorf("%s: %s found %v", name, r.Rule, r.Recipients)
		}
	}
}
