package lmtp

import (
	"bufio"
	"errors"
	"io"
	"time"
)

// readData reads the data of DATA up to the line with only a dot, and takes the
// dots of RFC 5321 4.5.2 out. Line ends become LF. add is given one piece after
// another, a line or a part of one, and may not keep it; it is not called again
// once it returned false. The error is the connection's, or a timeout.
func (w *wire) readData(add func(piece []byte) bool) error {
	w.until = time.Now().Add(w.message)
	defer func() { w.until = time.Time{} }()

	wanted := true
	lineBegins := true // after CR LF: only there a dot means something
	heldCR := false    // the piece before ended with a CR, which may be the line end's
	for {
		piece, err := w.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}

		if lineBegins && piece[0] == '.' {
			if len(piece) == 3 && piece[1] == '\r' && piece[2] == '\n' {
				break
			}
			piece = piece[1:]
		}

		whole := err == nil
		crlf := whole && (len(piece) == 1 && heldCR || len(piece) > 1 && piece[len(piece)-2] == '\r')
		if heldCR && !(crlf && len(piece) == 1) {
			wanted = wanted && add([]byte{'\r'})
		}

		heldCR = !whole && len(piece) > 0 && piece[len(piece)-1] == '\r'
		switch {
		case crlf && len(piece) > 1:
			piece[len(piece)-2] = '\n'
			piece = piece[:len(piece)-1]
		case heldCR:
			piece = piece[:len(piece)-1]
		}

		lineBegins = crlf
		wanted = wanted && add(piece)
	}

	// go-smtp reads the end of its empty message.
	w.mode = modeCommand
	w.pending = append(w.pending[:0], ".\r\n"...)
	return nil
}
