package beyond

import (
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// report is a message taken apart: what the reporting system says, and what it
// returns.
type report struct {
	head     *message.Message
	texts    []string           // texts of the report itself, in UTF-8
	status   []string           // its delivery reports, as lines of fields
	returned []*message.Message // the messages that it returns, their fields at least

	feedback    bool // it has a message/feedback-report
	disposition bool // it has a message/disposition-notification
	returns     bool // it has a part that is a returned message
	typed       bool // it says of itself that it is a report of delivery

	senders map[string]bool // folded addresses that must not be charged
}

// maxText is how much of a text is read, in bytes; maxParts is how many parts
// are. A report says what failed at its beginning.
const (
	maxText  = 64 << 10
	maxParts = 200
)

// readReport takes a message apart.
func readReport(m *message.Message) *report {
	r := &report{head: m, senders: map[string]bool{}}
	kind, _ := m.GetParam("report-type", "content-type")
	switch strings.ToLower(kind.Value) {
	case "delivery-status", "global-delivery-status":
		r.typed = true
	case "disposition-notification":
		r.disposition = true
	case "feedback-report":
		r.feedback = true
	}

	// Its parts, each text without the message that it returns.
	parts := 0
	r.read(m, &parts, true)
	for i, t := range r.texts {
		r.texts[i] = r.cutOriginal(t)
	}
	// The report's own addresses, and those of the returned message's author.
	r.addSenders(m, "from", "to", "cc", "reply-to", "sender", "return-path")
	for _, o := range r.returned {
		r.addSenders(o, "from", "sender", "reply-to", "return-path", "x-envelope-from")
	}

	return r
}

// read takes one part, and the parts below it unless it is a returned message.
func (r *report) read(m *message.Message, parts *int, top bool) {
	if *parts++; *parts > maxParts {
		return
	}

	switch kind := m.GetContentType(); {
	case kind == "message/delivery-status" || kind == "message/global-delivery-status":
		r.status = append(r.status, limit(decoded(m)))
		r.typed = true
	case kind == "message/feedback-report":
		r.feedback = true
	case kind == "message/disposition-notification" || kind == "message/global-disposition-notification":
		r.disposition = true
	case wraps(m, r.head) && !top:
		r.read(m.Parts()[0], parts, true)
	case strings.HasPrefix(kind, "message/") && !top:
		r.returns = true
		if below := m.Parts(); len(below) > 0 {
			r.returned = append(r.returned, below[0])
		} else {
			r.returnText(payload(m))
		}
	case !top && (strings.HasSuffix(kind, "rfc822-headers") || strings.HasSuffix(kind, "/rfc822")):
		r.returns = true
		r.returnText(payload(m))
	case !top && m.Has("received") && m.Has("from"):
		r.returned = append(r.returned, m) // without a type of its own
	case m.IsMultipart():
		r.multipart(m, parts)
	case strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "multipart/") || top:
		// A multipart without a boundary that is there is all one text.
		r.text(m, kind)
	case kind == "application/octet-stream":
		r.attachment(m)
	}
}

// multipart takes the parts of a multipart message.
func (r *report) multipart(m *message.Message, parts *int) {
	// A broken boundary leaves text before or after the parts.
	for _, outside := range []*string{m.Preamble(), m.Epilogue()} {
		if outside != nil && strings.TrimSpace(*outside) != "" {
			r.texts = append(r.texts, limit(toUTF8(*outside, "")))
		}
	}

	below := m.Parts()
	if m.GetContentType() == "multipart/alternative" {
		below = bestAlternative(below)
	}

	for _, part := range below {
		r.read(part, parts, false)
	}
}

// bestAlternative leaves out the HTML of a text that is there as plain text too.
func bestAlternative(parts []*message.Message) []*message.Message {
	for _, p := range parts {
		if s, ok := p.GetPayloadString(); ok && p.GetContentType() == "text/plain" && strings.TrimSpace(s) != "" {
			return []*message.Message{p}
		}
	}
	return parts
}

// text takes a part of the report's own text.
func (r *report) text(m *message.Message, kind string) {
	s := payload(m)
	if kind == "text/html" {
		s = stripHTML(s)
	}
	if strings.TrimSpace(s) != "" {
		r.texts = append(r.texts, s)
	}
}

// attachment takes the fields of RFC 3464 from a part that hides its type.
func (r *report) attachment(m *message.Message) {
	if s := payload(m); strings.Contains(py.Lower(s), "final-recipient:") {
		r.texts = append(r.texts, s)
	}
}

// returnText takes the fields of a returned message that is there as text.
func (r *report) returnText(s string) {
	if head, err := message.Parse(s); err == nil {
		r.returned = append(r.returned, head)
	}
}

// payload is a part's text, decoded, in UTF-8.
func payload(m *message.Message) string {
	s, ok, err := m.GetPayloadDecoded()
	if err != nil || !ok {
		s, _ = m.GetPayloadString()
	}
	charset, _ := m.GetContentCharset()
	return toUTF8(limit(s), charset)
}

// decoded is the text of a part whose type begins with message/: the parser has
// made messages of it, before what encodes it was taken away (RFC 6533 allows
// it to be encoded).
func decoded(m *message.Message) string {
	var b strings.Builder
	for i, below := range m.Parts() {
		if i > 0 && below == m.Parts()[i-1] {
			continue
		}

		for h := range below.Headers() {
			if v, ok := h.Value.(string); ok {
				b.WriteString(h.Name + ": " + v + "\n")
			}
		}

		b.WriteString("\n")
		if s, ok := below.GetPayloadString(); ok {
			b.WriteString(s + "\n")
		}

		if b.Len() > maxText {
			break
		}
	}

	if s, ok := m.GetPayloadString(); ok {
		b.WriteString(s)
	}

	encoding, _ := m.Get("content-transfer-encoding")
	whole := message.New()
	whole.Set("Content-Transfer-Encoding", strings.TrimSpace(encoding))
	whole.Payload = b.String()

	if encoding = strings.ToLower(strings.TrimSpace(encoding)); encoding == "base64" {
		whole.Payload = strings.TrimSpace(b.String())
	}

	return payload(whole)
}

func limit(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

// toUTF8 decodes a text by its charset or, if it has none or a wrong one, by what
// it looks like.
func toUTF8(s, charset string) string {
	switch {
	case strings.Contains(s, "\x1b$"):
		charset = "iso-2022-jp"
	case utf8.ValidString(s) && (charset == "" || !strings.HasPrefix(charset, "utf-7")):
		// A text that is valid UTF-8 by chance is in no other charset in use.
		return s
	case charset == "" || strings.HasPrefix(charset, "utf") || charset == "us-ascii":
		charset = "windows-1252"
	}

	if u, err := codec.Decode(s, charset, codec.Replace); err == nil {
		return u
	}
	return strings.ToValidUTF8(s, "�")
}

// addSenders notes the addresses in some fields, which must not be charged.
func (r *report) addSenders(m *message.Message, fields ...string) {
	for _, name := range fields {
		for _, v := range m.GetAll(name) {
			for _, a := range addresses(toUTF8(v, "")) {
				r.senders[fold(a.text)] = true
			}
		}
	}
}

// sender tells whether an address must not be charged.
func (r *report) sender(addr string) bool { return r.senders[fold(addr)] }
