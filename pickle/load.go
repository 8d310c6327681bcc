package pickle

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Load reads one pickle and returns the bytes behind it; queue entries have two pickles, bounce-events files many.
// For an empty b it returns [io.EOF], and for anything else that is not a pickle a [*SyntaxError]. The value keeps no
// part of b.
func Load(b []byte) (v Value, rest []byte, err error) {
	if len(b) == 0 {
		return nil, b, io.EOF
	}
	r := reader{b: b, work: loadWork(len(b))}
	if v, err = r.run(); err != nil {
		return nil, b, err
	}
	if r.containers > MaxDepth && depthOver(v, MaxDepth) {
		return nil, b, &SyntaxError{Offset: int64(r.op), Opcode: opStop, Err: ErrDepth,
			Reason: fmt.Sprintf("got a value nested deeper than %d", MaxDepth)}
	}
	return v, b[r.pos:], nil
}

// loadWork is how much the hashing of keys may cost in a pickle of n bytes: far more than Python's own pickles need
// (a GET of five bytes may stand for a key of some hundred), and far less than a hostile one could ask for.
func loadWork(n int) int { return 4<<20 + 256*n }

// reader is the stack machine that runs a pickle.
type reader struct {
	b     []byte
	pos   int
	op    int // offset of the present opcode
	stack []Value
	marks []int // heights of the stack at the MARKs
	memo  memo

	strs       arena
	work       int // the budget that is left for hashing keys
	containers int // made so far

	// span says that the bytes are one value without STOP.
	span bool
	// outer resolves a GET of an id that these bytes have not PUT: the reader of a span inside a Document finds it in
	// the rest of the document.
	outer func(id uint32) (Value, bool)
}

func (r *reader) push(v Value) { r.stack = append(r.stack, v) }

func (r *reader) pushNew(v Value) {
	r.containers++
	r.push(v)
}

// floor is the height down to which the stack may be popped: the last MARK.
func (r *reader) floor() int {
	if n := len(r.marks); n > 0 {
		return r.marks[n-1]
	}
	return 0
}

// pop takes n values off the stack. They are valid until the next push.
func (r *reader) pop(n int) ([]Value, error) {
	h := len(r.stack) - n
	if h < r.floor() {
		return nil, r.raise(raiseUnderflow, "got %d values on the stack, need %d", len(r.stack)-r.floor(), n)
	}
	s := r.stack[h:]
	r.stack = r.stack[:h]
	return s, nil
}

// popMark takes the values above the last MARK off the stack, and the MARK.
func (r *reader) popMark() ([]Value, error) {
	n := len(r.marks)
	if n == 0 {
		return nil, r.raise(raiseMark, "got no MARK on the stack, need one")
	}

	h := r.marks[n-1]
	r.marks = r.marks[:n-1]
	s := r.stack[h:]
	r.stack = r.stack[:h]
	return s, nil
}

func (r *reader) top() (Value, error) {
	if len(r.stack) <= r.floor() {
		return nil, r.raise(raiseUnderflow, "got an empty stack, need a value")
	}
	return r.stack[len(r.stack)-1], nil
}

// run runs to STOP, or to the end of a span, and returns the value.
func (r *reader) run() (Value, error) {
	for {
		if r.span && r.pos >= len(r.b) && len(r.stack) == 1 && len(r.marks) == 0 {
			return r.stack[0], nil
		}
		op, err := r.next()
		if err != nil {
			return nil, err
		}
		if op == opStop {
			return r.top()
		}
	}
}

// runToPut runs until the only value on the stack is put in the memo under id.
func (r *reader) runToPut(id uint32) (Value, error) {
	for {
		op, err := r.next()
		if err != nil {
			return nil, err
		}
		if len(r.stack) != 1 || len(r.marks) != 0 {
			continue
		}

		switch arg := r.b[r.op+1 : r.pos]; op {
		case opBinPut:
			if uint32(arg[0]) == id {
				return r.stack[0], nil
			}
		case opLongBinPut:
			if binary.LittleEndian.Uint32(arg) == id {
				return r.stack[0], nil
			}
		}
	}
}

// next runs one opcode. STOP is left to the caller.
func (r *reader) next() (op byte, err error) {
	// Errors name the opcode by its offset.
	r.op = r.pos
	if r.pos >= len(r.b) {
		return 0, r.torn("an opcode")
	}

	op = r.b[r.pos]
	r.pos++
	switch op {
	// The caller sees STOP and checks the stack.
	case opStop:
	// Marks are heights of the stack, as in pickle.py's marker().
	case opMark:
		r.marks = append(r.marks, len(r.stack))
	case opPop:
		// Protocol 0 drops a MARK in this way too, after a tuple inside itself.
		if n := len(r.marks); n > 0 && r.marks[n-1] == len(r.stack) {
			r.marks = r.marks[:n-1]
		} else {
			_, err = r.pop(1)
		}
	case opPopMark:
		_, err = r.popMark()
	case opDup:
		// DUP is in no pickle that Python writes, but both of its readers run it.
		var v Value
		if v, err = r.top(); err == nil {
			r.push(v)
		}
	case opNone:
		r.push(nil)
	case opNewTrue:
		r.push(true)
	case opNewFalse:
		r.push(false)
	case opShortBinString, opBinString:
		// Strings of one pickle are copied into shared blocks: an entry may hold thousands.
		var s []byte
		if s, err = r.sized(op == opBinString); err == nil {
			r.push(Str(r.strs.copy(s)))
		}
	case opBinInt1, opBinInt2, opBinInt, opBinFloat, opLong1, opLong4:
		err = r.number(op)
	case opInt, opLong, opFloat:
		err = r.textNumber(op)
	case opString, opUnicode, opBinUnicode:
		err = r.text(op)
	case opPut, opBinPut, opLongBinPut, opGet, opBinGet, opLongBinGet:
		err = r.memoOp(op)
	case opEmptyDict:
		r.pushNew(&Dict{})
	case opEmptyList:
		r.pushNew(&List{})
	case opEmptyTuple:
		r.pushNew(&Tuple{})
	case opAppend, opAppends, opSetItem, opSetItems:
		err = r.fill(op)
	case opTuple, opList, opDict:
		err = r.gather(op)
	case opTuple1, opTuple2, opTuple3:
		var s []Value
		if s, err = r.pop(int(op-opTuple1) + 1); err == nil {
			r.pushNew(&Tuple{clone(s)})
		}
	case opGlobal:
		var g Global
		if g, err = r.global(); err == nil {
			r.pushNew(&g)
		}
	case opInst, opObj:
		err = r.oldInstance(op)
	case opReduce, opNewObj:
		err = r.call(op)
	case opBuild:
		err = r.build()
	case opProto:
		// The opcodes of protocol 2 are known; a higher number means a Python 3 pickler.
		var s []byte
		if s, err = r.take(1); err == nil && s[0] > 2 {
			err = r.raise(fmt.Sprintf("ValueError: unsupported pickle protocol: %d", s[0]), "got protocol %d, need 0, 1 or 2", s[0])
		}
	// Persistent ids and extension codes need the program that wrote them, and Mailman uses neither.
	case opPersID, opBinPersID:
		err = r.raise(raisePersistent, "got a persistent id, which only the program that wrote it understands")
	case opExt1, opExt2, opExt4:
		err = r.raise(r.raiseExtension(op), "got an extension code, which only the program that registered it understands")
	// Opcodes of protocols 3 to 5 end here too.
	default:
		err = r.raise(raiseOpcode(op), "got %#02x, need an opcode of protocols 0 to 2", op)
	}

	return op, err
}

// clone copies values off the stack.
func clone(s []Value) []Value {
	if len(s) == 0 {
		return nil
	}
	return append(make([]Value, 0, len(s)), s...)
}

var (
	// reconstructor makes new-style objects below protocol 2 (copy_reg.py).
	reconstructor = Global{"copy_reg", "_reconstructor"}
	newObject     = Global{"copy_reg", "__newobj__"}
	object        = Global{"__builtin__", "object"}
)
