package beyond

import (
	"slices"
	"strings"
)

// near is within how many lines of a failure an address counts, without blank lines.
const near = 2

// prose looks for recipients in the report's words.
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

	// Addresses near a failure: in the sentence that announces it, or near an SMTP reply.
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

	// An address that is called the recipient, anywhere in a report of failure, or else
	// the recipient of the returned message.
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
	before := func() []string {
		if a, ok := r.justBefore(p[s.first], s.start); ok {
			return []string{a}
		}
		return r.above(p, s.first)
	}

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

// justBefore is the last address of a line before a column: that of the sentence before,
// as in "You wrote to amy@example.net. There is no such user."
func (r *report) justBefore(l line, column int) (addr string, ok bool) {
	for _, a := range l.addrs {
		if a.end <= column && r.chargeable(a) && !succeeds(l) {
			addr, ok = a.text, true
		}
	}
	return addr, ok
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
