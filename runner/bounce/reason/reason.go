// Package reason reads why a message could not be delivered, from a report of delivery
// or from a mail server's reply: a [Reason], and its [Class].
package reason

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/mmrunner/mmrunner/mmcompat/message"
)

// Reason is what a report says about a failure.
type Reason struct {
	Status     string // RFC 3463, for example 5.1.1
	Diagnostic string // what the server said, shortened
	Server     string // the server that refused the message or reports it
}

// OfReply returns the reason in a server's reply to a recipient: the reply's code (RFC 5321, 4.2) and its text, which
// may begin with a status code (RFC 2034, 4).
func OfReply(server string, code int, text string) Reason {
	return Reason{Status: statusCode(text), Diagnostic: shorten(strconv.Itoa(code) + " " + text), Server: server}
}

// maxDiagnostic is how many bytes of a diagnostic are kept; headOf is how many bytes of a text are searched for a
// status.
const (
	maxDiagnostic = 200
	headOf        = 4 << 10
)

// Find reads from a report why the message could not be delivered to an address: from the fields of RFC 3464 for that
// recipient or, without them, from the first status code in the report's text.
func Find(m *message.Message, addr string) Reason {
	r := find(m, strings.ToLower(addr))

	// The reason outlives the message, so it must not keep the message's text in memory. One copy for all three.
	all := strings.Join([]string{r.Status, r.Diagnostic, r.Server}, "")
	status, rest := all[:len(r.Status)], all[len(r.Status):]
	return Reason{Status: status, Diagnostic: rest[:len(r.Diagnostic)], Server: rest[len(r.Diagnostic):]}
}

// find is Find for an address in lower case. The reason's texts are parts of the message's text.
func find(m *message.Message, addr string) Reason {
	var r Reason
	var texts []string
	for part := range ownParts(m) {
		switch kind := part.GetContentType(); {
		case kind == "message/delivery-status":
			if found, ok := whyIn(part, addr); ok {
				return found
			}
		case strings.HasPrefix(kind, "text/"):
			if s, ok := part.GetPayloadString(); ok {
				texts = append(texts, s)
			}
		}
	}

	for _, s := range texts {
		if r.fromText(s); r.Status != "" || r.Diagnostic != "" {
			break
		}
	}

	return r
}

// ownParts yields the parts of a report without the returned message.
func ownParts(m *message.Message) func(yield func(*message.Message) bool) {
	return func(yield func(*message.Message) bool) {
		if !m.IsMultipart() {
			yield(m)
			return
		}

		for _, part := range m.Parts() {
			if part.IsMultipart() && strings.HasPrefix(part.GetContentType(), "multipart/") {
				for _, below := range part.Parts() {
					if !yield(below) {
						return
					}
				}
			} else if !yield(part) {
				return
			}
		}
	}
}

// whyIn looks for a recipient's block in a delivery report (RFC 3464, 2.3). A report with one recipient is about that
// recipient, whatever its name is there.
func whyIn(status *message.Message, addr string) (Reason, bool) {
	var r Reason
	var reporting string
	// RFC 3464, 2.2: the first block is about the message; it names the reporting server.
	blocks := status.Parts()
	if len(blocks) > 1 {
		reporting, _ = blocks[0].Get("reporting-mta")
	}

	// The recipient's own block, or the only block.
	recipients := 0
	for _, b := range blocks {
		final, ok := b.Get("final-recipient")
		if !ok {
			continue
		}

		recipients++
		original, _ := b.Get("original-recipient")
		mine := strings.Contains(strings.ToLower(final), addr) || strings.Contains(strings.ToLower(original), addr)
		if !mine && recipients > 1 {
			continue
		}

		// RFC 3464, 2.3.4 to 2.3.6: status, server and diagnostic.
		r.Status, _ = b.Get("status")
		r.Status = statusCode(r.Status)
		r.Diagnostic, _ = b.Get("diagnostic-code")
		r.Diagnostic = shorten(afterType(r.Diagnostic))
		r.Server, _ = b.Get("remote-mta")

		if r.Server == "" {
			r.Server = reporting
		}

		r.Server = shorten(afterType(r.Server))
		if mine {
			break
		}
	}

	return r, recipients > 0
}

// afterType returns the value after the type in a field like "smtp; 550 no".
func afterType(v string) string {
	if _, rest, ok := strings.Cut(v, ";"); ok {
		v = rest
	}
	return strings.TrimSpace(v)
}

// statusCode returns the code that a text begins with, or "".
func statusCode(v string) string {
	v = strings.TrimSpace(v)
	end := 0
	for end < len(v) && (v[end] == '.' || '0' <= v[end] && v[end] <= '9') {
		end++
	}
	if code := strings.TrimRight(v[:end], "."); len(code) >= 5 && strings.Count(code, ".") == 2 && strings.IndexByte("245", code[0]) >= 0 && code[1] == '.' {
		return code
	}
	return ""
}

// shorten makes one line of a value, without characters on which a terminal would act.
func shorten(v string) string {
	if isShort(v) {
		return v
	}
	if len(v) > 2*maxDiagnostic {
		v = v[:2*maxDiagnostic]
	}
	v = strings.ToValidUTF8(strings.Join(strings.Fields(v), " "), "?")
	if len(v) > maxDiagnostic {
		v = strings.ToValidUTF8(v[:maxDiagnostic], "")
	}
	return v
}

// isShort tells whether shorten would leave a value as it is, which is true of most.
func isShort(v string) bool {
	space := true // before the value, and at its end
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' || v[i] == ' ' && space {
			return false
		}
		space = v[i] == ' '
	}
	return len(v) <= maxDiagnostic && !(space && v != "")
}

// fromText takes the first line that has a status code (RFC 3463), or else an SMTP reply of failure (RFC 5321, 4.2).
func (r *Reason) fromText(s string) {
	if len(s) > headOf {
		s = s[:headOf]
	}

	// A 4 or 5 at the start of a word begins either.
	for i := 0; i+3 < len(s); i++ {
		if c := s[i]; c != '5' && c != '4' || i > 0 && (isWord(s[i-1]) || s[i-1] == '.') {
			continue
		}
		code := statusCode(s[i:min(len(s), i+12)])
		reply := s[i+1] <= '5' && s[i+1] >= '0' && '0' <= s[i+2] && s[i+2] <= '9' && (s[i+3] == ' ' || s[i+3] == '-')
		if code == "" && !reply {
			continue
		}

		// The line from there on is the diagnostic.
		line := s[i:]
		if end := strings.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}

		if code == "" {
			code = statusCode(line[4:])
		}

		// A code that ends its line, as in "Sorry, no such mailbox. (#5.1.1)".
		if !strings.ContainsFunc(line, unicode.IsLetter) {
			line = s[strings.LastIndexByte(s[:i], '\n')+1:i] + line
		}

		r.Status, r.Diagnostic = code, shorten(line)
		return
	}
}

// isWord tells whether a byte is a letter or digit of ASCII.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
