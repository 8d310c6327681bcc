package lmtp

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// session is one connection's. go-smtp calls its methods one after another.
type session struct {
	server *Server
	wire   *wire

	sender     string
	recipients []recipient
}

// recipient is one that was answered with 250 at RCPT.
type recipient struct {
	given    string // as go-smtp has it, for its answers
	address  string
	original string // what the sender wrote, where the mail server says (ORCPT)
	where    Recipient
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.wire.busy.Store(true)
	s.sender = strings.TrimSuffix(from, noDomain)
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	r := recipient{given: to, address: strings.TrimSuffix(to, noDomain)}
	if r.original = decodeORCPT(s.wire.orcpt); r.original == "" {
		r.original = r.address
	}

	var err error
	if r.where, err = s.server.finder.Find(r.address); err != nil {
		return s.server.refuse(r.address, err)
	}
	s.recipients = append(s.recipients, r)
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() {
	s.sender, s.recipients = "", nil
	s.wire.busy.Store(false)
}

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Data implements smtp.Session; an LMTP server calls LMTPData.
func (s *session) Data(io.Reader) error { return errors.New("LMTP answers each recipient") }

// LMTPData implements smtp.LMTPSession: each recipient gets its own answer.
func (s *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	began := time.Now()
	text := textBuffer{limit: s.server.o.MaxSize, memory: &s.server.memory}
	defer text.free()
	var err error

	if _, chunks := r.(*io.PipeReader); chunks {
		err = text.readChunks(r)
	} else {
		err = s.wire.readData(text.add)
	}

	if err != nil {
		// The client may be gone already; nothing of the message was taken.
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "the message did not arrive whole"}
	}
	if text.err != nil {
		s.server.count.refused(text.err.Code, len(s.recipients))
		return text.err
	}
	text.end()

	results := s.server.deliver(envelope{s.sender, began}, s.recipients, string(text.b), checkToken(text.b))
	for i, r := range s.recipients {
		status.SetStatus(r.given, results[i])
	}

	return nil
}
