package beyond

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Limits on what is read of a report: the size of its texts together, in bytes, and of
// their sentences.
const (
	maxProse     = 128 << 10
	maxSentences = 2000
)

// line is a line of a report's text that is not blank.
type line struct {
	text, lower string
	addrs       []addr
	reply       string // the class of an SMTP reply in it: "5", "4", "2" or ""
	ends        bool   // a blank line or the text's end follows
	listed      bool   // it was found in a list of addresses, and so was the rest of it
}

// addr is an address in a line and what the line says of it.
type addr struct {
	found
	role    role
	leading bool // the line begins with it, or with a label and it
}

// role is the part that a line gives an address.
type role int

const (
	unnamed   role = iota
	recipient      // a label says so
	outside        // a sender, a contact, an identifier: not the recipient
)

// lines are the lines of all texts.
func (r *report) lines() []line {
	var all []line
	size := 0
	for _, t := range r.texts {
		for s := range strings.SplitSeq(t, "\n") {
			if size += len(s) + 1; size > maxProse {
				return all
			}
			s = strings.TrimRight(limitLine(s), " \t\r")
			if strings.TrimSpace(s) == "" {
				if len(all) > 0 {
					all[len(all)-1].ends = true
				}
				continue
			}

			all = append(all, r.line(s))
		}

		if len(all) > 0 {
			all[len(all)-1].ends = true
		}
	}

	return all
}

// limitLine leaves the beginning of a line that is too long for any true report.
func limitLine(s string) string {
	const most = 2000
	if len(s) > most {
		return s[:most]
	}
	return s
}

// The class of an SMTP reply (RFC 5321, 4.2.1) or of an enhanced status code (RFC
// 3463) in a line.
var (
	replyCode    = regexp.MustCompile(`(?:^|[\s<>:("'=\[])([245])[0-5][0-9](?:[ -]+[<#"(A-Za-z0-9]|$)`)
	enhancedCode = regexp.MustCompile(`(?:^|[^0-9.A-Za-z])([245])\.[0-9]{1,3}\.[0-9]{1,3}(?:[^0-9.A-Za-z]|\.?$)`)
)

// replyClass is the class of an SMTP reply in a line: "5", "4", "2" or "".
func replyClass(s string) string {
	for _, re := range []*regexp.Regexp{enhancedCode, replyCode} {
		if m := re.FindStringSubmatch(s); m != nil {
			return m[1]
		}
	}
	return ""
}

// line reads a line: its SMTP reply, and its addresses with their roles.
func (r *report) line(s string) line {
	l := line{text: s, lower: strings.ToLower(s)}
	if len(l.lower) != len(s) {
		l.lower = py.Lower(s)
	}

	l.reply = replyClass(s)

	end := 0 // of the address before
	for i, f := range addresses(s) {
		a := addr{found: f, role: roleOf(l.lower, end, f.start)}
		a.leading = i == 0 && isLeading(s[:f.start])

		if a.role == outside && isSender(l.lower[end:f.start]) {
			r.senders[fold(f.text)] = true
		}

		end = f.end
		l.addrs = append(l.addrs, a)
	}

	return l
}

// isLeading tells whether the text before an address is no part of a sentence:
// bullets and brackets, or a label.
func isLeading(before string) bool {
	if !strings.ContainsFunc(before, unicode.IsLetter) {
		return true
	}
	before = strings.TrimRight(before, " \t<\"'(")
	return strings.HasSuffix(before, ":") || strings.HasSuffix(before, "：")
}

// roleOf is the role that a line gives to an address in the text before it, which
// begins at column from.
func roleOf(lower string, from, start int) role {
	before := lower[from:start]
	label := labelBefore(before)
	switch {
	case hasWord(last(lower[:start], 200), contacts), containsAny(lower, contactsAround), containsAny(label, outsideLabels),
		slices.Contains(summaryLabels, strings.Trim(before, " \t<\"'")):
		return outside
	case containsAny(label, recipientLabels):
		return recipient
	case containsAny(label, senderLabels):
		return outside
	}

	return unnamed
}

// isSender tells whether the text before an address calls it the sender.
func isSender(before string) bool { return containsAny(labelBefore(before), senderLabels) }

// labelBefore is the end of the text before an address, as far as it can be a label.
func labelBefore(before string) string {
	before = last(before, 40)
	if i := strings.LastIndexAny(before, ";,"); i >= 0 && !strings.HasSuffix(before, "rfc822;") {
		before = before[i+1:]
	}
	return " " + before
}

// last is the end of a text, of at most n bytes.
func last(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	for s != "" && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}
