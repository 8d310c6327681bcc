package lmtp

import (
	"strings"
	"time"
)

// envelope holds the sender and the time of a message (RFC 5321 2.3.1).
type envelope struct {
	sender string // "" for a bounce
	at     time.Time
}

// head returns the lines that Postfix's local(8) puts before a message that goes
// to a command: mail_copy with MAIL_COPY_FROM, _RETURN_PATH, _ORIG_RCPT and
// _DELIVERED. original is the recipient as the message first had it, and recipient
// what it was delivered to.
func (e envelope) head(original, recipient string) string {
	sender := quoteAddress(e.sender)
	var b strings.Builder
	b.WriteString("From ")

	if sender == "" {
		b.WriteString("MAILER-DAEMON")
	} else {
		b.WriteString(sender)
	}

	b.WriteString("  " + e.at.Format(time.ANSIC) + "\n")
	b.WriteString("Return-Path: <" + sender + ">\n")
	b.WriteString("X-Original-To: " + quoteAddress(original) + "\n")
	b.WriteString("Delivered-To: " + quoteAddress(recipient) + "\n")
	return b.String()
}

// quoteAddress writes an address as RFC 5322 wants it in a header field: the local
// part as a quoted string where it is no dot-atom. A line break in it, which no
// mail server sends, must not begin a field.
func quoteAddress(address string) string {
	address = strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, address)

	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		at = len(address)
	}

	local, domain := address[:at], address[at:]
	if isDotAtom(local) {
		return address
	}
	var b strings.Builder
	b.WriteByte('"')

	for i := 0; i < len(local); i++ {
		if c := local[i]; c == '"' || c == '\\' || c == '\r' {
			b.WriteByte('\\')
		}
		b.WriteByte(local[i])
	}

	b.WriteByte('"')
	return b.String() + domain
}

// isDotAtom tells whether a local part needs no quotes (RFC 5322 3.2.3; RFC 6532 for
// bytes beyond ASCII).
func isDotAtom(local string) bool {
	if local == "" {
		return true
	}
	if local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return false
	}

	for i := 0; i < len(local); i++ {
		if c := local[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`()<>[]:;@\,"`, c) >= 0 {
			return false
		}
	}

	return true
}
