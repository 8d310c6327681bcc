package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

func (r *reader) opcode() byte {
	if r.op < len(r.b) {
		return r.b[r.op]
	}
	return 0
}

func (r *reader) fail(format string, a ...any) error {
	return &SyntaxError{Offset: int64(r.op), Opcode: r.opcode(), Reason: fmt.Sprintf(format, a...)}
}

// raise is fail where cPickle raises the exception python.
func (r *reader) raise(python, format string, a ...any) error {
	return &SyntaxError{Offset: int64(r.op), Opcode: r.opcode(), Reason: fmt.Sprintf(format, a...), Python: python}
}

// failFor is fail with an error as its reason.
func (r *reader) failFor(err error) error {
	e := &SyntaxError{Offset: int64(r.op), Opcode: r.opcode(), Reason: err.Error()}
	if errors.Is(err, ErrDepth) {
		e.Err = ErrDepth
	}
	return e
}

func (r *reader) torn(want string) error {
	return &SyntaxError{Offset: int64(r.op), Opcode: r.opcode(), Err: ErrTruncated, Python: "EOFError",
		Reason: fmt.Sprintf("got the end of the pickle, need %s", want)}
}

// take returns the next n bytes.
func (r *reader) take(n int) ([]byte, error) {
	if left := len(r.b) - r.pos; n > left {
		return nil, r.torn(fmt.Sprintf("%d bytes more", n-left))
	}
	s := r.b[r.pos : r.pos+n]
	r.pos += n
	return s, nil
}

// sized reads a length of one or four bytes and returns so many bytes.
func (r *reader) sized(wide bool) ([]byte, error) {
	if !wide {
		s, err := r.take(1)
		if err != nil {
			return nil, err
		}
		return r.take(int(s[0]))
	}

	n, err := r.uint31()
	if err != nil {
		return nil, err
	}
	return r.take(int(n))
}

// uint31 reads a signed number of four bytes that must not be negative.
func (r *reader) uint31() (uint32, error) {
	s, err := r.take(4)
	if err != nil {
		return 0, err
	}

	n := binary.LittleEndian.Uint32(s)
	if n > math.MaxInt32 {
		return 0, r.fail("got %d, need a number from 0", int32(n))
	}
	return n, nil
}

// line returns the bytes to the next newline, without it.
func (r *reader) line() ([]byte, error) {
	n := bytes.IndexByte(r.b[r.pos:], '\n')
	if n < 0 {
		return nil, &SyntaxError{Offset: int64(r.op), Opcode: r.opcode(), Err: ErrTruncated, Python: r.raiseLine(),
			Reason: "got the end of the pickle, need a newline"}
	}
	s := r.b[r.pos : r.pos+n]
	r.pos += n + 1
	return s, nil
}
