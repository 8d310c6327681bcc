package message

import (
	"io"
	"time"
)

// Address is a pair of real name and address.
type Address struct{ Name, Addr string }

// ParseAddr is email.utils.parseaddr.
func ParseAddr(s string) Address { panic("not yet") }

// GetAddresses is email.utils.getaddresses.
func GetAddresses(fields []string) []Address { panic("not yet") }

// FormatAddr is email.utils.formataddr.
func FormatAddr(a Address) string { panic("not yet") }

// Quote is email.utils.quote.
func Quote(s string) string { panic("not yet") }

// Unquote is email.utils.unquote.
func Unquote(s string) string { panic("not yet") }

// FormatDate is email.utils.formatdate: with local, in t's own zone; else in
// UTC as "-0000".
func FormatDate(t time.Time, local bool) string { panic("not yet") }

// MakeMsgid is email.utils.make_msgid.
func MakeMsgid(rand io.Reader, now time.Time, pid int, idstring, host string) (string, error) {
	panic("not yet")
}

// GetSender is Mailman.Message.get_sender; useEnvelope is the argument or
// mm_cfg.USE_ENVELOPE_SENDER.
func (m *Message) GetSender(useEnvelope, preserveCase bool) (string, error) { panic("not yet") }

// GetSenders is Mailman.Message.get_senders; headers is mm_cfg.SENDER_HEADERS,
// with "" for None (the envelope).
func (m *Message) GetSenders(preserveCase bool, headers []string) ([]string, error) {
	panic("not yet")
}
