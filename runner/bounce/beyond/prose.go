package beyond

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// maxProse is how much of a report's texts together is read for sentences, in
// bytes, and maxSentences how many of these; near is within how many lines of a failure an address counts, blank
// lines aside.
const (
	maxProse     = 128 << 10
	maxSentences = 2000
	near         = 2
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

type role int

const (
	unnamed   role = iota
	recipient      // a label says so
	outside        // a sender, a contact, an identifier: not the recipient
)

// span is a sentence: lines[first] from column start to lines[last], column end.
type span struct {
	first, last, start, end int
	lower                   string
}

// prose looks for what the report says in words.
func (r *report) prose() Result {
	p := r.lines()
	spans := sentences(p)
	announced := announces(r.subject())

	// A delay in words, unless something has failed for good.
	late := delays(r.subject())
	for _, s := range spans {
		late = late || delays(s.lower)
	}
	if late {
		return Result{Kind: Delayed, Rule: "phrase"}
	}

	// What is near a failure.
	rule := ""
	var found [][]string
	failed := announced

	take := func(name string, addrs []string) {
		if len(addrs) > 0 && rule == "" {
			rule = name
		}

		for _, a := range addrs {
			if len(found) < 10*maxRecipients {
				found = append(found, []string{a})
			}
		}
	}

	for _, s := range spans {
		if announces(s.lower) {
			failed = true
			take("phrase", r.around(p, s, true))
		}
	}

	for i, l := range p {
		if l.reply == "5" {
			failed = true
			take("code", r.around(p, span{first: i, last: i, start: 0, end: len(l.text)}, false))
		}
	}

	if all := r.recipients(found); len(all) > 0 {
		return Result{Kind: Bounce, Rule: rule, Recipients: all}
	}
	if !failed {
		return Result{}
	}

	// What is called the recipient, anywhere in a report of failure.
	found = nil
	for _, l := range p {
		for _, a := range l.addrs {
			if a.role == recipient {
				found = append(found, []string{a.text})
			}
		}
	}

	if all := r.recipients(found); len(all) == 1 {
		return Result{Kind: Bounce, Rule: "label", Recipients: all}
	}
	if all := r.returnedTo(); len(all) == 1 && len(found) == 0 {
		return Result{Kind: Bounce, Rule: "returned", Recipients: all}
	}

	return Result{}
}

// around finds the addresses that a failure is about: those in the sentence
// itself, else those near it. An announcement comes before its addresses, and the
// server's answer after them.
func (r *report) around(p []line, s span, announcement bool) []string {
	var own []string
	contact := hasWord(s.lower, contacts)

	for i := s.first; i <= s.last; i++ {
		if i > s.first && hasWord(p[i-1].lower, contacts) {
			break
		}

		for _, a := range p[i].addrs {
			if (i > s.first || a.start >= s.start) && (i < s.last || a.end <= s.end) && r.chargeable(a) {
				own = append(own, a.text)
			}
		}
	}

	if len(own) > 0 || contact && announcement {
		return own
	}
	after := func() []string { return r.listed(p, s.last, s.end) }
	before := func() []string { return r.above(p, s.first) }

	if announcement {
		if all := after(); len(all) > 0 {
			return all
		}
		return before()
	}

	if all := before(); len(all) > 0 {
		return all
	}

	return after()
}

// listed are the addresses that follow column end of lines[at]: in the same line,
// or at the beginning of lines, each within a few lines of the one before.
func (r *report) listed(p []line, at, end int) []string {
	var all []string
	for _, a := range p[at].addrs {
		if a.start >= end && r.chargeable(a) {
			all = append(all, a.text)
		}
	}

	for i, last := at+1, at; i < len(p) && i <= last+near && len(all) < maxRecipients; i++ {
		if i > at+1 && hasWord(p[i-1].lower, contacts) {
			break
		}

		for _, a := range p[i].addrs {
			if r.chargeable(a) && (a.leading || a.role == recipient) && !succeeds(p[i]) {
				all = append(all, a.text)
				last = i
			}
		}

		if last == i {
			if p[i].listed {
				break
			}
			p[i].listed = true
		}
	}

	return all
}

// above is the address that the nearest line above lines[at] begins with.
func (r *report) above(p []line, at int) []string {
	for i := at - 1; i >= 0 && i >= at-near; i-- {
		for _, a := range p[i].addrs {
			if r.chargeable(a) && (a.leading || a.role == recipient) && !succeeds(p[i]) {
				return []string{a.text}
			}
		}

		if p[i].reply == "2" {
			break
		}
	}

	return nil
}

// succeeds tells whether a line says that something went well.
func succeeds(l line) bool { return l.reply == "2" || containsAny(l.lower, successes) }

// chargeable tells whether an address may be the recipient's.
func (r *report) chargeable(a addr) bool {
	local, _, _ := cutDomain(a.text)
	return a.role != outside && !r.sender(a.text) && !slices.Contains(systemParts, letters(strings.ToLower(local)))
}

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

func (r *report) line(s string) line {
	l := line{text: s, lower: strings.ToLower(s)}
	if len(l.lower) != len(s) {
		l.lower = py.Lower(s)
	}

	for _, re := range []*regexp.Regexp{enhancedCode, replyCode} {
		if m := re.FindStringSubmatch(s); m != nil && l.reply == "" {
			l.reply = m[1]
		}
	}

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

// isLeading tells whether what is before an address is no part of a sentence:
// bullets and brackets, or a label.
func isLeading(before string) bool {
	if !strings.ContainsFunc(before, unicode.IsLetter) {
		return true
	}
	before = strings.TrimRight(before, " \t<\"'(")
	return strings.HasSuffix(before, ":") || strings.HasSuffix(before, "：")
}

// roleOf is what a line says of an address before it, from column from on.
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

// isSender tells whether what is before an address calls it the sender.
func isSender(before string) bool { return containsAny(labelBefore(before), senderLabels) }

// labelBefore is the end of what stands before an address, as far as it can be a
// label.
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

// sentences divides lines into sentences. A line that is too short to have been
// wrapped ends one.
func sentences(p []line) []span {
	var all []span
	open := false
	var s span
	var b strings.Builder
	shut := func(last, end int) {
		if open {
			s.last, s.end, s.lower = last, end, b.String()
			all = append(all, s)
			b.Reset()
			open = false
		}
	}

	for i, l := range p {
		if len(all) >= maxSentences {
			return all
		}

		if open && beginsAnew(l) {
			shut(i-1, len(p[i-1].text))
		}

		from := 0
		for from < len(l.lower) {
			end, stop := sentenceEnd(l.lower, from)
			if !open {
				s, open = span{first: i, start: from}, true
			} else {
				b.WriteByte(' ')
			}

			b.WriteString(strings.TrimSpace(l.lower[from:end]))
			if stop || b.Len() > 4096 {
				shut(i, end)
			}

			from = end
		}

		if l.ends || !isWrapped(l.text) {
			shut(i, len(l.text))
		}
	}

	if len(p) > 0 {
		shut(len(p)-1, len(p[len(p)-1].text))
	}

	return all
}

// beginsAnew tells whether a line cannot continue the sentence above it.
func beginsAnew(l line) bool {
	t := strings.TrimLeft(l.text, " \t")
	return l.reply != "" || len(l.addrs) > 0 && l.addrs[0].leading || strings.HasPrefix(t, "-") || strings.HasPrefix(t, "*") ||
		strings.HasPrefix(t, ">>>") || strings.HasPrefix(t, "<<<")
}

// isWrapped tells whether a line is so long that the one below may continue it.
func isWrapped(s string) bool {
	const wide = 45 // columns
	columns := 0
	for _, r := range s {
		columns++
		if unspaced(r) {
			columns++
		}
	}

	return columns >= wide
}

// sentenceEnd is where the sentence ends that begins at from, and whether it ends
// there or goes on in the next line.
func sentenceEnd(s string, from int) (end int, stop bool) {
	for i := from; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n

		switch r {
		case '。', '！', '？', '：':
			return i, true
		case '.', '!', '?', ':', ';':
			dots := r == '.' && i >= 2 && s[i-2] == '.'
			if !dots && (i == len(s) || s[i] == ' ' || s[i] == '\t') {
				return i, true
			}
		}
	}

	return len(s), false
}
