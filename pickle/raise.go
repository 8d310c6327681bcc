package pickle

import (
	"bytes"
	"encoding/binary"
	"math/big"
)

// The exceptions that cPickle 2.7.18 raises where a reader refuses a pickle, so that a log can have the same text.

const (
	raiseUnderflow  = "UnpicklingError: unpickling stack underflow"
	raiseShort      = "UnpicklingError: pickle data was truncated"
	raiseMark       = "UnpicklingError: could not find MARK"
	raisePersistent = "UnpicklingError: A load persistent id instruction was encountered,\nbut no persistent_load function was specified."
)

// raiseOpcode is for a byte that is no opcode. cPickle takes a zero byte for the end.
func raiseOpcode(op byte) string {
	if op == 0 {
		return "EOFError"
	}
	return "UnpicklingError: invalid load key, '" + string([]byte{op}) + "'."
}

// raiseOdd is for a key without a value, which DICT accepts.
func raiseOdd(op byte) string {
	if op == opDict {
		return ""
	}
	return "UnpicklingError: odd number of items for SETITEMS"
}

// raiseLine is for a line without an end. cPickle accepts one of two characters or more as the last line, and takes
// the last character for the line's end.
func (r *reader) raiseLine() string {
	rest := string(r.b[r.pos:])
	if len(rest) < 2 && (rest == "" || r.opcode() != opUnicode) {
		return raiseShort
	}

	cut := rest[:len(rest)-1]
	switch op := r.opcode(); {
	case op == opGlobal, op == opInst:
		if !bytes.Contains(r.b[r.op:r.pos], []byte("\n")) {
			return raiseShort // this was the module
		}
		return "AttributeError: 'module' object has no attribute '" + cut + "'"
	case op == opString && (rest[0] != rest[len(rest)-1] || rest[0] != '\'' && rest[0] != '"'):
		return "ValueError: insecure string pickle"
	case op == opGet:
		return "BadPickleGet: " + cut
	case op == opFloat:
		return "ValueError: could not convert string to float"
	}

	return "EOFError"
}

// raiseNumber is for text that should be a number.
func raiseNumber(op byte, s string) string {
	switch {
	case s == "":
		return raiseShort
	case op == opFloat:
		return "ValueError: could not convert string to float"
	case op == opInt:
		return "ValueError: could not convert string to int"
	}

	return "ValueError: invalid literal for long() with base 10: " + Repr(Str(s), 4*len(s)+2)
}

// raiseExtension is for a code that was not registered.
func (r *reader) raiseExtension(op byte) string {
	n := map[byte]int{opExt1: 1, opExt2: 2, opExt4: 4}[op]
	s, err := r.take(n)
	if err != nil {
		return "EOFError"
	}
	var b [4]byte
	copy(b[:], s)
	return "ValueError: unregistered extension code " + big.NewInt(int64(binary.LittleEndian.Uint32(b[:]))).String()
}

// raiseItems is for items that are set in a value without items.
func raiseItems(t Value, items []Value) string {
	if len(items)%2 != 0 {
		return raiseOdd(opSetItems)
	}
	if _, ok := t.(*List); ok && len(items) > 0 {
		return "TypeError: list indices must be integers, not " + TypeName(items[0])
	}
	return "TypeError: '" + TypeName(t) + "' object does not support item assignment"
}

func raiseCall(f Value) string { return "TypeError: '" + TypeName(f) + "' object is not callable" }

// raiseState is for a state of an object without a __dict__.
func raiseState(t, state Value) string {
	if _, ok := state.(*Dict); !ok {
		return "UnpicklingError: state is not a dictionary"
	}
	return "AttributeError: '" + TypeName(t) + "' object has no attribute '__dict__'"
}

// TypeName is the name of a value's Python type.
func TypeName(v Value) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case Int:
		return "int"
	case *big.Int:
		return "long"
	case float64:
		return "float"
	case Str:
		return "str"
	case Unicode:
		return "unicode"
	case *Tuple:
		return "tuple"
	case *List:
		return "list"
	case *Dict:
		return "dict"
	case *Global:
		return "classobj"
	}

	return "instance"
}
