package command

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

const commandRunner = "Queue/CommandRunner"

var (
	textIntro       = key(commandRunner, "The results of your email command are")
	textResults     = key(commandRunner, "- Results:")
	textUnprocessed = key(commandRunner, "\n- Unprocessed:")
	textNoCommands  = key(commandRunner, "No commands were found")
	textIgnored     = key(commandRunner, "\n- Ignored:")
	textDone        = key(commandRunner, "\n- Done.")
	textSubject     = key(commandRunner, "The results of your email commands")
	textSuppressed  = keySince(noCommandIsDiscarded, commandRunner, "Message body suppressed")
	textNoOriginal  = keySince(noCommandIsDiscarded, commandRunner, "Original message suppressed")
)

// includeLevel says how much of the original message an answer includes: 2 all of it, 1 its headers, 0 nothing.
func (r *results) includeLevel() int {
	if !r.since(noCommandIsDiscarded) {
		return 2
	}
	return r.s.Int("RESPONSE_INCLUDE_LEVEL")
}

// sendResponse is Results.send_response: it answers the message, unless a command has said that another message is
// the answer, or the sender has had all answers of the day.
func (r *results) sendResponse() error {
	if !r.respond {
		return nil
	}

	// The text of the answer comes first: it may fail, and then nothing is counted or sent.
	body, err := r.responseText()
	if err == nil {
		err = membership.KnownLanguage(r.s, r.lang)
	}

	if err != nil {
		return err
	}
	charset := r.t.Charset(r.lang)
	answer, err := message.NewMIMEText(r.b.Charsets(), body, "plain", charset)
	if err != nil {
		return err
	}

	// cmd_password and others send the answer to the address they are about.
	recip := r.returnAddr
	if recip == "" {
		if recip, err = r.sender(); err != nil {
			return err
		}
	}

	// A limit for each address and day: two programs that answer each other stop there.
	if ok, err := r.m.AutorespondToSender(recip, r.lang); err != nil || !ok {
		return err
	}
	n, err := r.m.UserNotification(recip, r.l.GetOwnerEmail(), r.say(textSubject, nil), nil, r.lang)
	if err != nil {
		return err
	}

	// A multipart: the answer, and the original message behind it.
	n.Set("MIME-Version", "1.0")
	n.Set("Content-Type", "multipart/mixed")
	if err := n.Attach(answer); err != nil {
		return err
	}

	original, err := r.original(charset)
	if err != nil {
		return err
	}
	if err := n.Attach(original); err != nil {
		return err
	}

	return r.m.Send(n)
}

// original is the part of the answer with the original message.
func (r *results) original(charset string) (*message.Message, error) {
	switch r.includeLevel() {
	case 0:
		return message.NewMIMEText(r.b.Charsets(), r.say(textNoOriginal, nil), "plain", charset)
	case 1:
		// The entry itself stays whole: its batch may be applied again.
		headers := *r.msg
		headers.Payload = r.say(textSuppressed, nil)
		return message.NewMIMEMessage(&headers), nil
	}

	return message.NewMIMEMessage(r.msg), nil
}

// responseText is the answer's own text, in the charset of its language: Results.send_response up to the MIMEText.
func (r *results) responseText() (string, error) {
	// Results and quoted lines are indented by four blanks.
	var lines []i18n.Text
	indent := func(what []i18n.Text) {
		for _, t := range what {
			if u, ok := t.(pickle.Unicode); ok {
				lines = append(lines, "    "+u)
			} else {
				lines = append(lines, "    "+t.(string))
			}
		}
	}

	// RESPONSE_INCLUDE_LEVEL below 2 keeps the sender's text out of the answer: it may be spam with a forged sender.
	wrapped := func(s string) { lines = append(lines, i18n.Wrap(s, 70, true)) }
	all := r.includeLevel() >= 2

	wrapped(r.say(textIntro, nil))

	// What the commands have answered.
	if len(r.results) > 0 {
		lines = append(lines, r.say(textResults, nil))
		indent(r.results)
	}

	// Lines behind a command that stopped, "end" for example.
	var unprocessed []i18n.Text
	for _, line := range r.commands[min(r.lineno, len(r.commands)):] {
		if !blank(line) {
			unprocessed = append(unprocessed, line)
		}
	}

	if len(unprocessed) > 0 && all {
		lines = append(lines, r.say(textUnprocessed, nil))
		indent(unprocessed)
	}

	// A message with neither results nor text.
	if len(unprocessed) == 0 && len(r.results) == 0 {
		wrapped(r.say(textNoCommands, nil))
	}

	// Lines beyond DEFAULT_MAIL_COMMANDS_MAX_LINES.
	if len(r.ignored) > 0 && all {
		lines = append(lines, r.say(textIgnored, nil))
		var ignored []i18n.Text
		for _, line := range r.ignored {
			ignored = append(ignored, line)
		}
		indent(ignored)
	}

	lines = append(lines, r.say(textDone, nil))

	// A str is in the charset already; a unicode is encoded, with "?" for what does not fit.
	charset := r.t.Charset(r.lang)
	encoded := make([]string, len(lines))
	for i, t := range lines {
		switch t := t.(type) {
		case string:
			encoded[i] = t
		case pickle.Unicode:
			var err error
			if encoded[i], err = codec.Encode(string(t), charset, codec.Replace); err != nil {
				return "", err
			}
		}
	}

	return strings.Join(encoded, "\n"), nil
}
