package pickle

import (
	"bytes"
	"encoding/binary"
	"math"
)

// token is one opcode with its argument.
type token struct {
	op         byte
	start, end int
	arg        []byte // of strings, numbers in text and names
	id         uint32 // of memo opcodes
}

// nextToken reads one opcode of the subset that layout accepts, protocol 1 as picklers write it, and says where it
// ends. For an unknown opcode it returns errLayout, and the caller decodes the whole pickle instead.
func nextToken(b []byte, pos int, t *token) error {
	t.start = pos
	if pos >= len(b) {
		return errLayout
	}

	op := b[pos]
	t.op = op
	pos++
	n := 0

	// Opcodes are grouped by their argument: none, a counted string, a fixed number of bytes, a memo id, lines.
	switch op {
	case opMark, opStop, opNone, opReduce, opAppend, opAppends, opBuild, opEmptyDict, opEmptyList, opEmptyTuple,
		opObj, opSetItem, opSetItems, opTuple, opPopMark, opPop:
		t.end = pos
		return nil
	case opShortBinString:
		if pos >= len(b) {
			return errLayout
		}
		n = int(b[pos])
		pos++
	case opBinString, opBinUnicode:
		if len(b)-pos < 4 {
			return errLayout
		}

		// cPickle reads the length as a signed int, and fails for a negative one.
		l := binary.LittleEndian.Uint32(b[pos:])
		if l > math.MaxInt32 {
			return errLayout
		}

		n = int(l)
		pos += 4
	case opBinInt1:
		n = 1
	case opBinInt2:
		n = 2
	case opBinInt:
		n = 4
	case opBinFloat:
		n = 8
	case opBinPut, opBinGet:
		if pos >= len(b) {
			return errLayout
		}
		t.id, t.end = uint32(b[pos]), pos+1
		return nil
	case opLongBinPut, opLongBinGet:
		if len(b)-pos < 4 {
			return errLayout
		}
		t.id, t.end = binary.LittleEndian.Uint32(b[pos:]), pos+4
		return nil
	case opInt, opLong, opGlobal, opInst:
		end := bytes.IndexByte(b[pos:], '\n')
		if end < 0 {
			return errLayout
		}

		// GLOBAL and INST have two lines, the module and the name.
		if op == opGlobal || op == opInst {
			more := bytes.IndexByte(b[pos+end+1:], '\n')
			if more < 0 {
				return errLayout
			}
			end += 1 + more
		}

		t.arg, t.end = b[pos:pos+end], pos+end+1
		return nil
	default:
		return errLayout
	}

	// Torn or hostile bytes: the argument is said to be longer than what is left.
	if n > len(b)-pos {
		return errLayout
	}
	t.arg, t.end = b[pos:pos+n], pos+n
	return nil
}

func isPut(op byte) bool { return op == opBinPut || op == opLongBinPut }

func isGet(op byte) bool { return op == opBinGet || op == opLongBinGet }

// plainDigits accepts the numbers in text that picklers write.
func plainDigits(s []byte, op byte) bool {
	// A long ends in L. An int of 00 or 01 is a bool.
	if op == opLong {
		if len(s) == 0 || s[len(s)-1] != 'L' {
			return false
		}
		s = s[:len(s)-1]
	} else if len(s) == 2 && s[0] == '0' && (s[1] == '0' || s[1] == '1') {
		return true
	}

	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}

	// A leading zero would mean octal to cPickle.
	if len(s) == 0 || len(s) > maxLongDigits || s[0] == '0' && len(s) > 1 {
		return false
	}

	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}

	return true
}
