package reason

import (
	"strings"
)

// Class sorts reasons roughly.
type Class string

// The classes.
const (
	Hard    Class = "hard"    // there is no such recipient
	Soft    Class = "soft"    // it may work another time
	Policy  Class = "policy"  // the sender or the message is not wanted
	Full    Class = "full"    // the mailbox is full
	Unknown Class = "unknown" // the report gives no reason
)

// The words in a diagnostic that tell its class.
var words = byFirst(map[Class][]string{
	Full: {"quota", "mailbox full", "mailbox is full", "over limit", "storage", "exceeded storage", "insufficient system storage"},
	Policy: {"blacklist", "blocklist", "block list", "blocked", "listed", "spam", "dmarc", "spf", "dkim", "reputation", "policy", "banned",
		"access denied", "not authorized", "unauthenticated", "rbl", "dnsbl", "rejected for", "unsolicited", "rate limit", "too many"},
	Hard: {"unknown", "no such", "does not exist", "doesn't exist", "not exist", "not found", "invalid", "disabled", "no mailbox", "inactive", "suspended"},
})

// Class returns the class by the status code (RFC 3463) and the words beside it.
func (r Reason) Class() Class {
	subject := ""
	if len(r.Status) > 2 {
		subject = r.Status[2:]
	}
	if subject == "2.2" {
		return Full
	}

	full, policy, hard := wordsIn(r.Diagnostic)
	switch {
	case full:
		return Full
	case strings.HasPrefix(subject, "7.") || policy:
		return Policy
	case strings.HasPrefix(r.Status, "5.1.") || subject == "2.1" || hard:
		return Hard
	case strings.HasPrefix(r.Status, "4.") || strings.HasPrefix(r.Diagnostic, "4"):
		return Soft
	case strings.HasPrefix(r.Status, "5.") || strings.HasPrefix(r.Diagnostic, "5"):
		return Hard
	}

	return Unknown
}

// word is a word that tells a class, in lower case.
type word struct {
	text  string
	class Class
}

// byFirst groups the words by their first byte, so that one pass over a diagnostic finds all of them: a batch has
// thousands of diagnostics.
func byFirst(all map[Class][]string) (w [256][]word) {
	for class, texts := range all {
		for _, t := range texts {
			w[t[0]] = append(w[t[0]], word{t, class})
			if upper := t[0] - 'a' + 'A'; 'a' <= t[0] && t[0] <= 'z' {
				w[upper] = append(w[upper], word{t, class})
			}
		}
	}
	return w
}

// wordsIn tells of which classes a text has words; case does not matter.
func wordsIn(text string) (full, policy, hard bool) {
	for i := range len(text) {
		for _, w := range words[text[i]] {
			// The second letter tells most words apart, for less than a comparison takes.
			if len(text)-i < len(w.text) || text[i+1]|' ' != w.text[1] || !strings.EqualFold(text[i:i+len(w.text)], w.text) {
				continue
			}
			switch w.class {
			case Full:
				return true, false, false // it wins over the others
			case Policy:
				policy = true
			case Hard:
				hard = true
			}
		}
	}
	return false, policy, hard
}
