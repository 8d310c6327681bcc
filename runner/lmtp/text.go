package lmtp

import (
	"io"

	"github.com/emersion/go-smtp"
)

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
