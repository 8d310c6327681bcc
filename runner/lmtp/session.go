package lmtp

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
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
		// Whether anybody hears it or not: nothing of the message was taken.
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

// refuse makes the answer to a recipient that cannot be taken. Whatever is wrong
// here and not with the address can be tried again later.
func (s *Server) refuse(address string, err error) *smtp.SMTPError {
	answer := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}}
	switch {
	case errors.Is(err, ErrNoList):
		answer = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: err.Error()}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		answer = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "no space for mail"}
	default:
		answer.Message = "the mail cannot be queued now"
	}

	s.count.refused(answer.Code, 1)
	if answer.Code != 550 {
		s.complain(fmt.Errorf("mail for %q was put off: %w", address, err))
	}

	return answer
}

// textBuffer takes a message in, with LF for line ends.
type textBuffer struct {
	b      []byte
	limit  int64
	memory *budget
	taken  int64
	err    *smtp.SMTPError // why no more is kept
}

var (
	errTooLarge = &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "the message is larger than --max-size"}
	errNoMemory = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "too many large messages at once, try again"}
)

// add keeps a piece; false says that no more is wanted.
func (t *textBuffer) add(piece []byte) bool {
	need := int64(len(t.b) + len(piece))
	if need > t.limit {
		return t.drop(errTooLarge)
	}

	if need > int64(cap(t.b)) {
		grown := min(max(2*need, 16<<10), t.limit)
		if !t.memory.take(grown - t.taken) {
			return t.drop(errNoMemory)
		}
		t.taken = grown
		t.b = append(make([]byte, 0, grown), t.b...)
	}

	t.b = append(t.b, piece...)
	return true
}

func (t *textBuffer) drop(why *smtp.SMTPError) bool {
	t.err = why
	t.free()
	return false
}

func (t *textBuffer) free() {
	t.memory.give(t.taken)
	t.taken, t.b = 0, nil
}

// readChunks reads what BDAT brought, and makes line ends LF.
func (t *textBuffer) readChunks(r io.Reader) error {
	var buf [16 << 10]byte
	heldCR := false
	for {
		n, err := r.Read(buf[:])
		for part := buf[:n]; len(part) > 0 && t.err == nil; {
			if heldCR && part[0] != '\n' {
				t.add([]byte{'\r'})
			}

			heldCR = false
			line, rest := part, []byte(nil)
			for i := 1; i < len(part); i++ {
				if part[i] == '\n' && part[i-1] == '\r' {
					line, rest = part[:i-1], part[i:]
					break
				}
			}

			if rest == nil && line[len(line)-1] == '\r' {
				heldCR, line = true, line[:len(line)-1]
			}

			t.add(line)
			part = rest
		}

		if err == io.EOF {
			if heldCR && t.err == nil {
				t.add([]byte{'\r'})
			}
			return nil
		}

		if err != nil {
			return err
		}
	}
}

// end gives the last line its end, as a mail server does when it writes a message
// to a command.
func (t *textBuffer) end() {
	if n := len(t.b); n > 0 && t.b[n-1] != '\n' {
		t.b = append(t.b, '\n')
	}
}
