package lmtp

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/emersion/go-smtp"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// deliver puts a message into the queues of its recipients. The results are go-smtp
// answers, one for each recipient.
func (s *Server) deliver(env envelope, recipients []recipient, text string, token string) []error {
	// Make an entry for each address, once.
	results := make([]error, len(recipients))
	var entries []intake.Entry
	first := map[string]int{} // the first recipient of each address
	entryOf := make([]int, len(recipients))
	for i, r := range recipients {
		entryOf[i] = -1
		key := strings.ToLower(r.address)
		if _, twice := first[key]; twice {
			continue
		}

		first[key] = i
		if token != "" {
			if ok, err := s.recordArrival(token, r); ok && err == nil {
				results[i] = &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 1, 5}, Message: "noted for mmrunner lmtp --check"}
				continue
			} else if err != nil {
				results[i] = s.refuse(r.address, err)
				continue
			}
		}

		full := env.head(r.original, r.address) + text
		if r.where.Loop {
			results[i] = s.answer(r, "", s.loop(full))
			continue
		}
		e, err := s.entry(r.where, full)
		if err != nil {
			results[i] = s.answer(r, "", err)
			continue
		}

		entryOf[i] = len(entries)
		entries = append(entries, e)
	}

	// Write them together, and answer each recipient.
	written := s.writer.Put(entries)
	for i, r := range recipients {
		if n := entryOf[i]; n >= 0 {
			results[i] = s.answer(r, entries[n].Base, written[n])
		}
	}

	for i, r := range recipients {
		results[i] = results[first[strings.ToLower(r.address)]]
	}
	return results
}

// largeMessage is from what size on messages are made entries of one at a time: an
// entry may be four times as large as its message, while it is made.
const largeMessage = 1 << 20

func (s *Server) entry(where Recipient, full string) (intake.Entry, error) {
	if len(full) > largeMessage {
		s.encoding.Lock()
		defer s.encoding.Unlock()
	}
	return s.settings.Entry(where.Script, where.List, full, s.clock.Now())
}

func (s *Server) loop(full string) error {
	s.mailbox.Lock()
	defer s.mailbox.Unlock()
	return appendToMailbox(filepath.Join(s.dataDir, "owner-bounces.mbox"), full)
}

// answer makes the answer to a recipient whose entry was written, or not.
func (s *Server) answer(r recipient, base string, err error) error {
	if err != nil {
		return s.refuse(r.address, err)
	}
	queue, where := "loop", "appended to owner-bounces.mbox"
	if !r.where.Loop {
		queue = r.where.Script.Queue
		where = fmt.Sprintf("queued in %s as %s", queue, base)
	}

	s.count.accepted(queue)
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 1, 5}, Message: where}
}

// refuse makes the answer to a recipient that cannot be taken: 550 for an address that
// is no list's, and 451 or 452 for all that is wrong on this machine, so that the mail
// server tries again.
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
