package pickle

import (
	"errors"
	"fmt"
)

// ErrTruncated is wrapped by a [SyntaxError] where the pickle ends too early.
var ErrTruncated = errors.New("the pickle ends too early")

// ErrDepth is wrapped by errors about values nested deeper than [MaxDepth].
var ErrDepth = errors.New("nested too deeply")

// MaxDepth is how deep containers may nest in a value that Load returns or Dump
// takes. Python's own pickler stops at a depth of about 1,000.
const MaxDepth = 10000

// SyntaxError says where and why bytes are not a pickle that Python 2 would load.
type SyntaxError struct {
	Offset int64  // of the opcode, from the start of the bytes given
	Opcode byte   // 0 where the pickle ends before an opcode
	Reason string // what came and what was needed
	Err    error  // ErrTruncated, ErrDepth or nil
	// Python is cPickle's exception where it stops at the same place, as the last line of a traceback has it
	// ("ValueError: insecure string pickle"); "" where that is not known.
	Python string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("pickle: offset %d, %s: %s", e.Offset, opcodeName(e.Opcode), e.Reason)
}

func (e *SyntaxError) Unwrap() error { return e.Err }
