package smtplib

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Error is an SMTPException without a reply: SMTPServerDisconnected, and what the
// class itself is raised for.
type Error struct {
	Text string
	// Disconnected tells that there is no connection, or no longer one; InData that
	// the message had been begun, so that the server may have it.
	Disconnected, InData bool
}

func (e *Error) Error() string { return e.Text }

// ReplyError is an SMTPResponseException: a reply that was not the one wanted.
type ReplyError struct {
	Kind string // the exception's class, e.g. "SMTPDataError"
	Reply
	Sender string // of an SMTPSenderRefused, its third argument
}

// Error is str(e), a tuple's repr.
func (e *ReplyError) Error() string {
	sender := ""
	if e.Kind == "SMTPSenderRefused" {
		sender = ", " + repr(e.Sender)
	}
	return fmt.Sprintf("(%d, %s%s)", e.Code, repr(e.Text), sender)
}

// RefusedError is SMTPRecipientsRefused: the server took none of the recipients.
type RefusedError struct{ Refused *Refused }

// Error is str(e), the dict's repr.
func (e *RefusedError) Error() string {
	var items []string
	for _, recip := range e.Refused.Recipients() {
		r := e.Refused.Reply(recip)
		items = append(items, fmt.Sprintf("%s: (%d, %s)", repr(recip), r.Code, repr(r.Text)))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// SocketError is Python's socket.error: the connection could not be made.
type SocketError struct{ Err error }

// Error is str(e).
func (e *SocketError) Error() string {
	var no syscall.Errno
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(e.Err, &no):
		text := no.Error() // the C library's, but for the first letter
		return fmt.Sprintf("[Errno %d] %s", int(no), strings.ToUpper(text[:1])+text[1:])
	case errors.As(e.Err, &dns) && dns.IsTemporary:
		return "[Errno -3] Temporary failure in name resolution"
	case errors.As(e.Err, &dns):
		return "[Errno -2] Name or service not known"
	case errors.As(e.Err, &timeout) && timeout.Timeout():
		return "timed out"
	}

	return e.Err.Error()
}

// Unwrap returns the connection's error.
func (e *SocketError) Unwrap() error { return e.Err }

// Refused is a dict of recipients and the replies that they were refused with, in
// Python's order.
type Refused struct {
	order   py.Dict
	replies map[string]Reply
}

// Set is refused[recip] = reply.
func (r *Refused) Set(recip string, reply Reply) {
	if r.replies == nil {
		r.replies = map[string]Reply{}
	}
	r.order.Set(recip)
	r.replies[recip] = reply
}

// Update is refused.update(other).
func (r *Refused) Update(other *Refused) {
	if r.replies == nil {
		r.replies = map[string]Reply{}
	}
	r.order.Update(&other.order)
	for recip, reply := range other.replies {
		r.replies[recip] = reply
	}
}

// Len is how many recipients were refused.
func (r *Refused) Len() int { return len(r.replies) }

// Recipients are the refused ones.
func (r *Refused) Recipients() []string { return r.order.Keys() }

// Reply is the server's refusal of a recipient.
func (r *Refused) Reply(recip string) Reply { return r.replies[recip] }

// repr is Python's repr() of a str.
func repr(s string) string { return pickle.Repr(pickle.Str(s), 4*len(s)+2) }
