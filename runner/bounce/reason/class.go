package reason

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
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

// Words in a diagnostic that tell its class, in lower case.
var (
	fullWords   = byFirst("quota", "mailbox full", "mailbox is full", "over limit", "storage", "exceeded storage", "insufficient system storage")
	policyWords = byFirst("blacklist", "blocklist", "block list", "blocked", "listed", "spam", "dmarc", "spf", "dkim", "reputation", "policy", "banned",
		"access denied", "not authorized", "unauthenticated", "rbl", "dnsbl", "rejected for", "unsolicited", "rate limit", "too many")
	hardWords = byFirst("unknown", "no such", "does not exist", "doesn't exist", "not exist", "not found", "invalid", "disabled", "no mailbox", "inactive", "suspended")
)

// Class tells why by the status code (RFC 3463) and by the words beside it.
func (r Reason) Class() Class {
	text := py.Lower(r.Diagnostic)
	subject := ""

	if len(r.Status) > 2 {
		subject = r.Status[2:]
	}

	switch {
	case subject == "2.2" || fullWords.in(text):
		return Full
	case strings.HasPrefix(subject, "7.") || policyWords.in(text):
		return Policy
	case strings.HasPrefix(r.Status, "5.1.") || subject == "2.1" || hardWords.in(text):
		return Hard
	case strings.HasPrefix(r.Status, "4.") || strings.HasPrefix(text, "4"):
		return Soft
	case strings.HasPrefix(r.Status, "5.") || strings.HasPrefix(text, "5"):
		return Hard
	}

	return Unknown
}

// words are words by their first byte, so that a text is looked through once for all
// of them: a batch has thousands of diagnostics.
type words [256][]string

func byFirst(all ...string) *words {
	var w words
	for _, s := range all {
		w[s[0]] = append(w[s[0]], s)
	}
	return &w
}

// in tells whether a text contains any of the words.
func (w *words) in(text string) bool {
	for i := range len(text) {
		for _, s := range w[text[i]] {
			if strings.HasPrefix(text[i:], s) {
				return true
			}
		}
	}
	return false
}
