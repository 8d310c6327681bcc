package terminal

import (
	"io"
	"unicode/utf8"
)

// Writer passes text on to another writer as [Lines] has it, whatever it is cut into. It is for one goroutine at a
// time, as that other writer is.
type Writer struct {
	to   io.Writer
	rest []byte // the beginning of a character of which the end has not come yet
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write writes p. The error is the other writer's.
func (w *Writer) Write(p []byte) (int, error) {
	all := append(w.rest, p...)
	w.rest = nil

	if cut := incomplete(all); cut > 0 {
		w.rest = append([]byte(nil), all[len(all)-cut:]...)
		all = all[:len(all)-cut]
	}

	if _, err := io.WriteString(w.to, Lines(string(all))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// incomplete is how many bytes at the end of b are the beginning of a character.
func incomplete(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}

	return 0
}
