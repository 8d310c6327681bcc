package command

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

var (
	textAutoResponse = key("Handlers/Replybot", "Auto-response for your message")
	textReplybot     = key("Handlers/Replybot", "The Mailman Replybot")
)

// autorespondDiscard is the value of autorespond_requests with which a list answers and does not run the commands.
const autorespondDiscard = 1

// replies are the settings for one kind of mail that a list answers.
type replies struct{ enabled, text, responses string }

// requestReplies are the settings for mail to -request and similar addresses.
var requestReplies = replies{"autorespond_requests", "autoresponse_request_text", "request_responses"}

// repliesTo returns the settings by which a message is answered, from its metadata.
func repliesTo(data flags) replies {
	switch {
	case data.True("toowner"):
		return replies{"autorespond_admin", "autoresponse_admin_text", "admin_responses"}
	case data.True("torequest"), data.True("toconfirm"), data.True("tojoin"), data.True("toleave"):
		return requestReplies
	}
	return replies{"autorespond_postings", "autoresponse_postings_text", "postings_responses"}
}

// replybot answers a command with the list's own text, at most once in autoresponse_graceperiod days for each sender
// (Handlers/Replybot.py). remember notes the answer for the grace period; it is nil where there is nothing to note.
func (r *results) replybot(data flags, n *notes) (remember func(), err error) {
	// X-Ack: no, or an internal message, wants no answer.
	ack, _ := r.msg.Get("x-ack")
	ack = py.Lower(ack)
	how := repliesTo(data)
	if ack == "no" || data.True("noack") || !r.l.Bool(how.enabled) {
		return nil, nil
	}

	sender, err := r.sender()
	if err != nil {
		return nil, err
	}

	// An answer is due when the grace period of the last one is over, or on demand by X-Ack: yes.
	now := float64(r.b.Now().UnixNano()) / float64(time.Second)
	grace := grace(r.l)
	if grace > 0 && ack != "yes" && n.quietUntil(r.l, how.responses, sender) > now {
		return nil, nil
	}
	if err := r.autorespond(sender, how); err != nil {
		return nil, err
	}
	if grace <= 0 {
		return nil, nil
	}

	return func() { n.set(r.l, how.responses, sender, now, now+grace) }, nil
}

// autorespond sends the list's own text to the sender.
func (r *results) autorespond(sender string, how replies) error {
	subject := r.say(textAutoResponse, i18n.Vars{"realname": r.attr("real_name")})
	format := r.attr(how.text)

	// Texts written with $name are turned into Python's %(name)s.
	if r.l.Bool("use_dollar_strings") {
		switch s := format.(type) {
		case string:
			format = i18n.ToPercent(s)
		case pickle.Unicode:
			format = pickle.Unicode(i18n.ToPercent(string(s)))
		}
	}

	body, err := i18n.SafeInterp(format, i18n.Vars{
		"listname":     r.attr("real_name"),
		"listurl":      r.l.GetScriptURL("listinfo"),
		"requestemail": r.l.GetRequestEmail(""),
		"adminemail":   r.l.GetBouncesEmail(),
		"owneremail":   r.l.GetOwnerEmail(),
	})
	if err != nil {
		r.m.Log("error", "Bad autoreply text for list: %s\n%s", r.l.Name(), format)
		body = format
	}

	n, err := r.m.UserNotification(sender, r.l.GetBouncesEmail(), subject,
		i18n.WrapText(body, 70, true), r.l.Str("preferred_language"))
	if err != nil {
		return err
	}
	n.Set("X-Mailer", r.say(textReplybot, nil))

	// X-Ack keeps another Mailman from answering this answer.
	n.Set("X-Ack", "No")
	return r.m.Send(n)
}

// bulk returns the Precedence of mail that must not be answered, or "".
func (r *results) bulk() string {
	p, _ := r.msg.Get("precedence")
	switch p = py.Lower(p); p {
	case "bulk", "junk", "list":
		return p
	}
	return ""
}
