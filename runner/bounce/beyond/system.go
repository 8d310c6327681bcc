package beyond

import (
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// The local parts, without their punctuation, and the names under which mail
// systems write.
var (
	systemParts = []string{"mailerdaemon", "mailerdeamon", "postmaster", "maildaemon", "maildelivery", "maildeliverysystem",
		"maildeliverysubsystem", "deliverysystem", "daemon", "mailer", "bounce", "bounces", "mmdf", "smtp", "ndr", "mailadm", "mailadmin",
		"mailsystem", "microsoftexchange", "systemadministrator"}
	systemNames = []string{"mail delivery", "mail deliver ", "delivery sub", "delivery system", "delivery agent", "mailer-daemon", "mailer daemon",
		"mailer", "postmaster", "system administrator", "mail system", "mail administrator", "internet mail", "e-mail system", "email delivery"}
	// Those of programs in general.
	programParts = []string{"sysadmin", "system", "admin", "administrator", "root", "nobody", "mail", "support", "info",
		"notification", "notifications", "autoreply", "mailgate", "gateway", "mta"}
	noReplyParts = []string{"noreply", "donotreply"}
)

// bySystem tells whether a message comes from a mail system: its sender is one, or it
// is made like a report, or a program sent it, its subject says that delivery failed,
// and it returns a message or quotes a server's refusal. A program that takes no answers
// need not say it in the subject if it returns the whole message and has no reverse-path.
// Other messages are not looked through.
func (r *report) bySystem() bool {
	if r.typed {
		return true
	}

	for _, name := range []string{"list-id", "list-post", "list-unsubscribe"} {
		if r.head.Has(name) {
			return false // a newsletter, or what a list has sent on, be it a report to that list
		}
	}

	if r.fromSystem() {
		return !r.isAnswer() || r.nullSender() || r.hasTranscript()
	}
	if !r.fromProgram() || r.hasReplyPath() {
		return false
	}

	if r.saysFailure() {
		return len(r.returned) > 0 || r.quotesRefusal()
	}
	local, _ := r.author()
	return r.returns && r.nullSender() && slices.Contains(noReplyParts, letters(local))
}

// fromProgram tells whether a program has sent the message, by its sender or as its
// fields say.
func (r *report) fromProgram() bool {
	local, _ := r.author()
	return r.nullSender() || slices.Contains(programParts, letters(local)) || slices.Contains(noReplyParts, letters(local)) ||
		strings.HasPrefix(r.value("auto-submitted"), "auto-")
}

// saysFailure tells whether the message's subject says that a delivery failed.
func (r *report) saysFailure() bool { return !r.isAnswer() && announcesDelivery(r.subject()) }

// hasTranscript tells whether a text shows the command of SMTP that names a recipient.
func (r *report) hasTranscript() bool {
	for _, t := range r.texts {
		for line := range strings.Lines(t) {
			if strings.HasPrefix(py.Lower(strings.TrimLeft(line, " \t")), "rcpt to:") {
				return true
			}
		}
	}
	return false
}

// quotesRefusal tells whether a text has an SMTP reply of permanent failure.
func (r *report) quotesRefusal() bool {
	for _, t := range r.texts {
		for line := range strings.Lines(t) {
			if replyClass(strings.TrimRight(limitLine(line), " \t\r\n")) == "5" {
				return true
			}
		}
	}
	return false
}

// isAnswer tells whether the subject begins as an answer's or a forwarded message's,
// which people write.
func (r *report) isAnswer() bool {
	subject := r.subject()
	return slices.ContainsFunc([]string{"re:", "fw:", "fwd:", "aw:", "wg:", "tr:", "rv:", "sv:", "vs:", "antw:", "回复:", "答复:", "转发:"},
		func(begins string) bool { return strings.HasPrefix(subject, begins) })
}

// fromSystem tells whether the message's From names a mail system. A person may have
// such a name, but not the address of a program.
func (r *report) fromSystem() bool {
	local, name := r.author()
	if slices.Contains(systemParts, letters(local)) || containsAny(name, systemNames) && (r.fromProgram() || r.returns) && !r.hasReplyPath() {
		return true
	}
	from := strings.TrimSpace(r.value("from"))
	return from == "<>" || from != "" && !strings.Contains(from, "@") && slices.Contains(systemParts, letters(from))
}

// author is the local part in the message's From, and all else in it, in lower
// case.
func (r *report) author() (local, name string) {
	from := strings.ToLower(unencode(r.value("from")))
	found := addresses(from)
	if len(found) == 0 {
		return strings.Trim(from, "<> \""), from
	}
	a := found[len(found)-1]
	local, _, _ = cutDomain(a.text)
	return local, from[:a.start] + from[a.end:]
}

// nullSender tells whether the message was sent with an empty reverse-path (RFC
// 5321, 4.5.5), as far as its fields show it.
func (r *report) nullSender() bool {
	path := strings.TrimSpace(r.value("return-path"))
	if path == "<>" || strings.Contains(path, "mailer-daemon") {
		return true
	}
	from := r.head.Unixfrom()
	return from != nil && strings.HasPrefix(strings.ToLower(*from), "from mailer-daemon")
}

// hasReplyPath tells whether the message's reverse-path is known and an address that
// is no mail system's. Reports have none (RFC 5321, 4.5.5).
func (r *report) hasReplyPath() bool {
	path := r.value("return-path")
	if from := r.head.Unixfrom(); path == "" && from != nil {
		if words := strings.Fields(*from); len(words) > 1 {
			path = strings.ToLower(words[1])
		}
	}

	for _, a := range addresses(path) {
		local, _, _ := cutDomain(a.text)
		return !slices.Contains(systemParts, letters(local))
	}
	return false
}

// value is a field in lower case, "" if it is not there.
func (r *report) value(name string) string {
	v, _ := r.head.Get(name)
	return strings.ToLower(v)
}

func (r *report) subject() string {
	v, _ := r.head.Get("subject")
	return strings.ToLower(unencode(v))
}

// unencode decodes the encoded words in a field's value (RFC 2047).
func unencode(v string) string {
	chunks, err := message.DecodeHeader(v)
	if err != nil {
		return toUTF8(v, "")
	}

	var b strings.Builder
	for _, c := range chunks {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(toUTF8(c.S, c.Charset))
	}

	return strings.Join(strings.Fields(b.String()), " ")
}

// letters leaves the letters and digits of ASCII.
func letters(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x80 && isASCIIWord(byte(c)) {
			return c
		}
		return -1
	}, s)
}

// How an automatic reply begins its subject, in lower case.
var replySubjects = []string{"out of office", "out of the office", "automatic reply", "auto:", "auto-reply", "autoreply", "auto reply",
	"automatic response", "auto response", "autoresponse", "vacation", "on vacation", "away from", "i am away", "absence", "absent",
	"abwesen", "automatische antwort", "autom. antwort", "automatisch antwoord", "afwezig", "réponse automatique", "reponse automatique",
	"respuesta automática", "respuesta automatica", "fuera de la oficina", "resposta automática", "resposta automatica", "fora do escritório",
	"risposta automatica", "fuori ufficio", "frånvaro", "autosvar", "automatiskt svar", "fravær", "automaattinen vastaus", "poissa",
	"autoodpowiedź", "automatyczna odpowiedź", "автоответ", "автоматический ответ", "otomatik yanıt", "automatikus válasz",
	"自動応答", "自動返信", "不在通知", "自动回复", "自動回覆", "자동 회신", "부재중"}

// isAutoReply tells whether the message is an automatic reply of a person's
// mailbox. Mail systems mark their reports like one.
func (r *report) isAutoReply() bool {
	subject := r.subject()
	for {
		rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(subject, "re:"), "[auto]"))
		rest = strings.TrimLeft(rest, "[(*")
		if rest == subject {
			break
		}
		subject = rest
	}

	for _, s := range replySubjects {
		if strings.HasPrefix(subject, s) {
			return true
		}
	}

	if r.typed || r.fromSystem() || r.returns {
		return false
	}

	for _, name := range []string{"x-autoreply", "x-auto-reply", "x-autorespond", "x-autoresponder", "x-autoreply-from", "x-mail-autoreply", "x-vacation"} {
		if r.head.Has(name) {
			return true
		}
	}

	precedence := letters(r.value("precedence"))
	return precedence == "autoreply" || strings.HasPrefix(r.value("auto-submitted"), "auto-replied") || r.value("x-precedence") == "auto_reply"
}

// isComplaint tells whether the message is a complaint without the type of RFC
// 5965: it returns a message, and says by its own fields or sender what it is.
func (r *report) isComplaint() bool {
	if len(r.returned) == 0 {
		return false
	}

	for _, name := range []string{"feedback-type", "x-hmxmroriginalrecipient", "x-aol-scoll"} {
		if r.head.Has(name) || slices.ContainsFunc(r.returned, func(m *message.Message) bool { return m.Has(name) }) {
			return true
		}
	}

	return strings.HasPrefix(r.subject(), "complaint about message") || strings.HasPrefix(r.subject(), "email feedback report") ||
		strings.HasPrefix(r.subject(), "abuse report")
}
