package beyond

import (
	"slices"
	"strings"
)

// messageFields are fields of messages that reports of delivery do not have. Where
// enough of them follow each other, the returned message begins.
var messageFields = map[string]bool{"received": true, "return-path": true, "message-id": true, "from": true, "to": true,
	"subject": true, "date": true, "mime-version": true, "content-type": true, "x-mailer": true, "user-agent": true,
	"dkim-signature": true, "sender": true, "reply-to": true, "list-id": true}

// enoughFields is how many different fields it takes.
const enoughFields = 3

// The words that stand above a message that is returned as text.
var (
	returnedWords = []string{"original message", "returned message", "unsent message", "undelivered message", "original mail",
		"copy of your message", "copy of the message", "copy of the original", "message header", "header of the original",
		"headers of the original", "original header", "your message follows", "message follows", "body follows", "headers follow",
		"元のメッセージ", "元のメール", "ursprüngliche nachricht", "originalnachricht", "message d'origine", "message original",
		"mensaje original", "messaggio originale", "mensagem original", "oorspronkelijk bericht", "исходное сообщение",
		"oryginalna wiadomość", "原始邮件", "原始郵件", "原邮件", "원본 메시지"}
	followWords = []string{"follow", "below this line", "is a copy of", "folgt", "suit", "sigue", "segue", "volgt", "ci-dessous", "以下"}
)

// cutOriginal returns the text before the returned message, and takes note of that
// message.
func (r *report) cutOriginal(s string) string {
	lines := strings.SplitAfter(s, "\n")
	var kept strings.Builder
	inFields := false // in a run of fields that begins no message
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		begins := !inFields && startsMessage(lines[i:])
		inFields = mayBegin(lines[i]) || inFields && (isContinued(lines[i]) || field.MatchString(line))

		switch {
		case returnedType(line):
			// A part of broken MIME: its own fields end at a blank line.
			for i < len(lines) && strings.TrimSpace(lines[i]) != "" {
				i++
			}
			r.returnText(strings.TrimLeft(strings.Join(lines[i:], ""), "\r\n"))
			return kept.String()
		case isRule(line) && containsAny(strings.ToLower(line), returnedWords) && !isQuoted(line),
			containsAny(strings.ToLower(line), followWords) && containsAny(strings.ToLower(line), returnedWords):
			rest := strings.TrimLeft(strings.Join(lines[i+1:], ""), "-=_*\r\n")
			r.returnText(rest)
			return kept.String()
		case begins:
			r.returnText(strings.Join(lines[i:], ""))
			return kept.String()
		case !isQuoted(line):
			kept.WriteString(lines[i])
		}
	}

	return kept.String()
}

// returnedType tells whether a line is the Content-Type field of a returned
// message.
func returnedType(line string) bool {
	const name = "content-type:"
	if len(line) < len(name) || !strings.EqualFold(line[:len(name)], name) {
		return false
	}
	kind := strings.ToLower(strings.TrimSpace(line[len(name):]))
	return strings.HasPrefix(kind, "message/rfc822") || strings.HasPrefix(kind, "message/global") && !strings.Contains(kind, "status") ||
		strings.HasPrefix(kind, "text/rfc822-headers")
}

// isRule tells whether a line begins as one that is drawn across the page.
func isRule(line string) bool {
	for _, c := range []string{"--", "==", "**", "__", "##", "<<", "~~"} {
		if strings.HasPrefix(line, c) {
			return true
		}
	}
	return false
}

// isQuoted tells whether a line is quoted, as in an answer. A transcript of SMTP
// has >>> before what was sent.
func isQuoted(line string) bool {
	return strings.HasPrefix(line, ">") && !strings.HasPrefix(line, ">>>")
}

// startsMessage tells whether lines begin with a message's fields. Those of a
// summary are indented, or are too few.
func startsMessage(lines []string) bool {
	if strings.HasPrefix(lines[0], "From ") && strings.Count(lines[0], ":") >= 2 {
		return true // the line that begins a message in a mailbox
	}
	if !mayBegin(lines[0]) {
		return false
	}

	var seen []string
	for i, line := range lines {
		if i > 0 && isContinued(line) {
			continue
		}
		m := field.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			return false
		}

		name := strings.ToLower(m[1])
		if isRecipientField(name) || name == "reporting-mta" || name == "action" {
			return false
		}

		if messageFields[name] && !slices.Contains(seen, name) {
			if seen = append(seen, name); len(seen) == enoughFields {
				return true
			}
		}
	}

	return false
}

// mayBegin tells whether a line is a field that a message may begin with.
func mayBegin(line string) bool {
	if line == "" || isContinued(line) {
		return false
	}
	name, _, ok := strings.Cut(line, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	return ok && (messageFields[name] || strings.HasPrefix(name, "x-"))
}

// isContinued tells whether a line continues the field above it.
func isContinued(line string) bool {
	return line != "" && (line[0] == ' ' || line[0] == '\t')
}

func containsAny(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}
