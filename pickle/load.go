package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Load reads one pickle and returns what follows it; queue entries hold two
// pickles, bounce-events files many. Of an empty b it returns io.EOF.
func Load(b []byte) (v Value, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, io.EOF
	}
	r := reader{b: b, work: loadWork(len(b))}
	v, err = r.run()
	if err != nil {
		return nil, b, err
	}
	return v, b[r.pos:], nil
}

// loadWork is how much hashing the keys of an n-byte pickle may cost: far more
// than any that Python wrote (a key that is a GET of five bytes may stand for
// some hundred), far less than one made to keep us busy.
func loadWork(n int) int { return 4<<20 + 256*n }

// mark is what MARK leaves on the stack.
type mark struct{}

// reader is the stack machine that a pickle is a program for.
type reader struct {
	b     []byte
	pos   int
	op    int // offset of the opcode at work
	stack []Value
	memo  map[int]Value
	dense []Value // memo entries 0..len-1, where they came in order
	marks []int   // positions of marks in stack

	containers int
	work       int // what hashing keys may still cost
	globals    map[Global]*Global

	// outer resolves a GET of what was not PUT in these bytes: the reader of a
	// span inside a Document has the rest of the document to ask.
	outer func(id int) (Value, bool)
	// span says that the bytes are one value without STOP.
	span bool
}

func (r *reader) fail(format string, a ...any) error {
	var op byte
	if r.op < len(r.b) {
		op = r.b[r.op]
	}
	return &SyntaxError{Offset: int64(r.op), Opcode: op, Reason: fmt.Sprintf(format, a...)}
}

func (r *reader) torn(want string) error {
	var op byte
	if r.op < len(r.b) {
		op = r.b[r.op]
	}
	return &SyntaxError{Offset: int64(r.op), Opcode: op, Err: ErrTruncated,
		Reason: fmt.Sprintf("had %d bytes left, wanted %s: %v", len(r.b)-r.pos, want, ErrTruncated)}
}

func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.b)-r.pos {
		return nil, r.torn(fmt.Sprintf("%d", n))
	}
	s := r.b[r.pos : r.pos+n]
	r.pos += n
	return s, nil
}

func (r *reader) line() ([]byte, error) {
	n := bytes.IndexByte(r.b[r.pos:], '\n')
	if n < 0 {
		return nil, r.torn("a line")
	}
	s := r.b[r.pos : r.pos+n]
	r.pos += n + 1
	return s, nil
}

func (r *reader) push(v Value) { r.stack = append(r.stack, v) }

// floor is how far the stack may be popped: to the last mark.
func (r *reader) floor() int {
	if len(r.marks) > 0 {
		return r.marks[len(r.marks)-1] + 1
	}
	return 0
}

func (r *reader) pop() (Value, error) {
	if len(r.stack) <= r.floor() {
		return nil, r.fail("had an empty stack, wanted a value")
	}
	v := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	return v, nil
}

func (r *reader) top() (Value, error) {
	if len(r.stack) <= r.floor() {
		return nil, r.fail("had an empty stack, wanted a value")
	}
	return r.stack[len(r.stack)-1], nil
}

// popMark returns what was pushed since the last MARK.
func (r *reader) popMark() ([]Value, error) {
	if len(r.marks) == 0 {
		return nil, r.fail("had no MARK on the stack, wanted one")
	}
	at := r.marks[len(r.marks)-1]
	r.marks = r.marks[:len(r.marks)-1]
	items := r.stack[at+1:]
	r.stack = r.stack[:at]
	return items, nil
}

func (r *reader) put(id int) error {
	v, err := r.top()
	if err != nil {
		return err
	}
	r.remember(id, v)
	return nil
}

func (r *reader) get(id int) error {
	if id >= 0 && id < len(r.dense) {
		r.push(r.dense[id])
		return nil
	}
	v, ok := r.memo[id]
	if !ok && r.outer != nil {
		v, ok = r.outer(id)
	}
	if !ok {
		return r.fail("had memo key %d, which nothing was stored under", id)
	}
	r.push(v)
	return nil
}

// remember puts v in the memo.
func (r *reader) remember(id int, v Value) {
	switch {
	case id < len(r.dense):
		r.dense[id] = v
	case id == len(r.dense):
		r.dense = append(r.dense, v)
	default:
		if r.memo == nil {
			r.memo = map[int]Value{}
		}
		r.memo[id] = v
	}
}

// runToPut runs until the only value on the stack is put in the memo under id.
func (r *reader) runToPut(id int) (Value, error) {
	for {
		r.op = r.pos
		if r.pos >= len(r.b) {
			return nil, r.torn("an opcode")
		}
		op := r.b[r.pos]
		r.pos++
		if err := r.step(op); err != nil {
			return nil, err
		}
		if len(r.stack) != 1 || len(r.marks) != 0 {
			continue
		}
		at := r.op
		switch op {
		case opBinPut:
			if int(r.b[at+1]) == id {
				return r.stack[0], nil
			}
		case opLongBinPut:
			if int(binary.LittleEndian.Uint32(r.b[at+1:])) == id {
				return r.stack[0], nil
			}
		}
	}
}

func (r *reader) run() (Value, error) {
	for {
		r.op = r.pos
		if r.pos >= len(r.b) {
			if r.span && len(r.stack) == 1 && len(r.marks) == 0 {
				return r.stack[0], nil
			}
			return nil, r.torn("an opcode")
		}
		op := r.b[r.pos]
		r.pos++
		if op == opStop {
			v, err := r.pop()
			if err != nil {
				return nil, err
			}
			if r.containers > MaxDepth {
				if err := checkDepth(v); err != nil {
					return nil, &SyntaxError{Offset: int64(r.op), Opcode: op, Reason: err.Error(), Err: ErrDepth}
				}
			}
			return v, nil
		}
		if err := r.step(op); err != nil {
			return nil, err
		}
	}
}

func (r *reader) step(op byte) error {
	switch op {
	case opMark:
		r.marks = append(r.marks, len(r.stack))
		r.push(mark{})
	case opPop:
		// A MARK may be popped too: pickle.py does so after a recursive tuple.
		if n := len(r.marks); n > 0 && r.marks[n-1] == len(r.stack)-1 {
			r.marks = r.marks[:n-1]
			r.stack = r.stack[:len(r.stack)-1]
			return nil
		}
		_, err := r.pop()
		return err
	case opPopMark:
		_, err := r.popMark()
		return err
	case opDup:
		v, err := r.top()
		if err != nil {
			return err
		}
		r.push(v)
	case opNone:
		r.push(nil)
	case opNewTrue:
		r.push(true)
	case opNewFalse:
		r.push(false)
	case opInt, opLong, opFloat:
		return r.textNumber(op)
	case opBinInt, opBinInt1, opBinInt2, opBinFloat, opLong1, opLong4:
		return r.binaryNumber(op)
	case opString, opUnicode, opShortBinString, opBinString, opBinUnicode:
		return r.text(op)
	case opPut, opBinPut, opLongBinPut, opGet, opBinGet, opLongBinGet:
		id, err := r.memoKey(op)
		if err != nil {
			return err
		}
		if op == opGet || op == opBinGet || op == opLongBinGet {
			return r.get(id)
		}
		return r.put(id)
	case opEmptyDict, opDict, opSetItem, opSetItems:
		return r.dict(op)
	case opEmptyList, opList, opAppend, opAppends:
		return r.list(op)
	case opEmptyTuple, opTuple, opTuple1, opTuple2, opTuple3:
		return r.tuple(op)
	case opGlobal, opInst, opObj, opReduce, opNewObj, opBuild:
		return r.object(op)
	case opProto:
		n, err := r.take(1)
		if err != nil {
			return err
		}
		if n[0] > 2 {
			return r.fail("had protocol %d, wanted 0 to 2", n[0])
		}
	case opPersID, opBinPersID:
		return r.fail("had a persistent id, which only its writer can resolve")
	case opExt1, opExt2, opExt4:
		return r.fail("had an extension code, which only its writer can resolve")
	default:
		return r.fail("had an opcode that protocols 0 to 2 do not have")
	}
	return nil
}

func (r *reader) textNumber(op byte) error {
	b, err := r.line()
	if err != nil {
		return err
	}
	s := strings.TrimSpace(string(b))
	switch op {
	case opInt:
		switch s {
		case "00":
			r.push(false)
			return nil
		case "01":
			r.push(true)
			return nil
		}
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			r.push(Int(n))
			return nil
		} else if !errors.Is(err, strconv.ErrRange) {
			return r.fail("had %.20q, wanted an int", s)
		}
	case opLong:
		s = strings.TrimSuffix(strings.TrimSuffix(s, "L"), "l")
	case opFloat:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(s, "_xX") {
			return r.fail("had %.20q, wanted a float", s)
		}
		r.push(f)
		return nil
	}
	if len(s) > maxLongDigits {
		return r.fail("had a long of %d digits, wanted at most %d", len(s), maxLongDigits)
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || strings.Contains(s, "_") {
		return r.fail("had %.20q, wanted a long", s)
	}
	r.push(n)
	return nil
}

// maxLongDigits bounds the time that reading a decimal long may take, which
// grows faster than its length. Nothing that Mailman keeps comes near.
const maxLongDigits = 100000

func (r *reader) binaryNumber(op byte) error {
	size := map[byte]int{opBinInt: 4, opBinInt1: 1, opBinInt2: 2, opBinFloat: 8, opLong1: 1, opLong4: 4}[op]
	b, err := r.take(size)
	if err != nil {
		return err
	}
	switch op {
	case opBinInt:
		r.push(Int(int32(binary.LittleEndian.Uint32(b))))
	case opBinInt1:
		r.push(Int(b[0]))
	case opBinInt2:
		r.push(Int(binary.LittleEndian.Uint16(b)))
	case opBinFloat:
		r.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	default:
		n := int(b[0])
		if op == opLong4 {
			n = int(int32(binary.LittleEndian.Uint32(b)))
		}
		b, err := r.take(n)
		if err != nil {
			return err
		}
		r.push(littleEndian(b))
	}
	return nil
}

// littleEndian reads a long in two's complement.
func littleEndian(b []byte) *big.Int {
	be := make([]byte, len(b))
	for i, c := range b {
		be[len(b)-1-i] = c
	}
	n := new(big.Int).SetBytes(be)
	if len(b) > 0 && b[len(b)-1]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func (r *reader) text(op byte) error {
	switch op {
	case opString:
		b, err := r.line()
		if err != nil {
			return err
		}
		s, err := unquote(b)
		if err != nil {
			return r.fail("%v", err)
		}
		r.push(s)
		return nil
	case opUnicode:
		b, err := r.line()
		if err != nil {
			return err
		}
		u, err := rawUnicode(b)
		if err != nil {
			return r.fail("%v", err)
		}
		r.push(u)
		return nil
	}
	size := 4
	if op == opShortBinString {
		size = 1
	}
	b, err := r.take(size)
	if err != nil {
		return err
	}
	n := int(b[0])
	if size == 4 {
		n = int(int32(binary.LittleEndian.Uint32(b)))
	}
	if b, err = r.take(n); err != nil {
		return err
	}
	if op == opBinUnicode {
		if !validWTF8(string(b)) {
			return r.fail("had %.20q, wanted UTF-8", b)
		}
		r.push(Unicode(b))
		return nil
	}
	r.push(Str(b))
	return nil
}

func (r *reader) memoKey(op byte) (int, error) {
	switch op {
	case opPut, opGet:
		b, err := r.line()
		if err != nil {
			return 0, err
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || n < 0 {
			return 0, r.fail("had memo key %.20q, wanted a number from 0", b)
		}
		return n, nil
	case opBinPut, opBinGet:
		b, err := r.take(1)
		if err != nil {
			return 0, err
		}
		return int(b[0]), nil
	}
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return int(binary.LittleEndian.Uint32(b)), nil
}

func (r *reader) dict(op byte) error {
	switch op {
	case opEmptyDict:
		r.containers++
		r.push(NewDict())
		return nil
	case opSetItem:
		v, err := r.pop()
		if err != nil {
			return err
		}
		k, err := r.pop()
		if err != nil {
			return err
		}
		return r.setItems([]Value{k, v})
	}
	items, err := r.popMark()
	if err != nil {
		return err
	}
	if len(items)%2 != 0 {
		return r.fail("had %d values, wanted pairs", len(items))
	}
	if op == opDict {
		r.containers++
		// The new dict takes the mark's place, where items still lie above it.
		items = append([]Value(nil), items...)
		r.push(NewDict())
	}
	return r.setItems(items)
}

func (r *reader) setItems(items []Value) error {
	t, err := r.top()
	if err != nil {
		return err
	}
	var d *Dict
	switch t := t.(type) {
	case *Dict:
		d = t
	case *Instance:
		if t.DictItems == nil {
			t.DictItems = NewDict()
		}
		d = t.DictItems
	case *Reduce:
		if t.DictItems == nil {
			t.DictItems = NewDict()
		}
		d = t.DictItems
	default:
		return r.fail("had %s to set items of, wanted a dict", kind(t))
	}
	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1], &r.work); err != nil {
			e := r.fail("%v", err).(*SyntaxError)
			if errors.Is(err, ErrDepth) {
				e.Err = ErrDepth
			}
			return e
		}
	}
	return nil
}

func (r *reader) list(op byte) error {
	var items []Value
	var err error
	switch op {
	case opEmptyList:
		r.containers++
		r.push(&List{})
		return nil
	case opAppend:
		v, err := r.pop()
		if err != nil {
			return err
		}
		items = []Value{v}
	default:
		if items, err = r.popMark(); err != nil {
			return err
		}
	}
	if op == opList {
		r.containers++
		r.push(&List{Items: append([]Value(nil), items...)})
		return nil
	}
	t, err := r.top()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case *List:
		t.Items = append(t.Items, items...)
	case *Instance:
		t.ListItems = append(t.ListItems, items...)
	case *Reduce:
		t.ListItems = append(t.ListItems, items...)
	default:
		return r.fail("had %s to append to, wanted a list", kind(t))
	}
	return nil
}

func (r *reader) tuple(op byte) error {
	r.containers++
	n := map[byte]int{opTuple1: 1, opTuple2: 2, opTuple3: 3}[op]
	switch op {
	case opEmptyTuple:
		r.push(&Tuple{})
		return nil
	case opTuple:
		items, err := r.popMark()
		if err != nil {
			return err
		}
		r.push(&Tuple{Items: append([]Value(nil), items...)})
		return nil
	}
	if len(r.stack)-r.floor() < n {
		return r.fail("had %d values on the stack, wanted %d", len(r.stack)-r.floor(), n)
	}
	items := append([]Value(nil), r.stack[len(r.stack)-n:]...)
	r.stack = append(r.stack[:len(r.stack)-n], &Tuple{Items: items})
	return nil
}

func (r *reader) global() (*Global, error) {
	module, err := r.line()
	if err != nil {
		return nil, err
	}
	name, err := r.line()
	if err != nil {
		return nil, err
	}
	g := Global{string(module), string(name)}
	if known := r.globals[g]; known != nil {
		return known, nil
	}
	if r.globals == nil {
		r.globals = map[Global]*Global{}
	}
	r.globals[g] = &g
	return &g, nil
}

var (
	reconstructor = Global{"copy_reg", "_reconstructor"}
	newObject     = Global{"copy_reg", "__newobj__"}
	object        = Global{"__builtin__", "object"}
)

func (r *reader) object(op byte) error {
	switch op {
	case opGlobal:
		g, err := r.global()
		if err != nil {
			return err
		}
		r.push(g)
		return nil
	case opInst, opObj:
		return r.oldInstance(op)
	case opBuild:
		return r.build()
	}
	r.containers++
	a, err := r.pop()
	if err != nil {
		return err
	}
	f, err := r.pop()
	if err != nil {
		return err
	}
	args, ok := a.(*Tuple)
	if !ok {
		return r.fail("had %s as arguments, wanted a tuple", kind(a))
	}
	g, isGlobal := f.(*Global)
	switch {
	case op == opNewObj:
		if !isGlobal {
			return r.fail("had %s to make an object of, wanted a class", kind(f))
		}
		r.push(&Instance{Class: *g, Kind: NewStyle, Args: args})
	case isGlobal && *g == reconstructor && len(args.Items) == 3:
		if cls, ok := args.Items[0].(*Global); ok {
			r.push(&Instance{Class: *cls, Kind: Reconstructed, Args: args})
			return nil
		}
		fallthrough
	default:
		r.push(&Reduce{Func: f, Args: args})
	}
	return nil
}

func (r *reader) oldInstance(op byte) error {
	r.containers++
	var cls *Global
	if op == opInst {
		g, err := r.global()
		if err != nil {
			return err
		}
		cls = g
	}
	items, err := r.popMark()
	if err != nil {
		return err
	}
	if op == opObj {
		if len(items) == 0 {
			return r.fail("had no class, wanted one after the MARK")
		}
		g, ok := items[0].(*Global)
		if !ok {
			return r.fail("had %s, wanted a class", kind(items[0]))
		}
		cls, items = g, items[1:]
	}
	in := &Instance{Class: *cls, Kind: OldStyle}
	if len(items) > 0 {
		in.Args = &Tuple{Items: append([]Value(nil), items...)}
	}
	r.push(in)
	return nil
}

func (r *reader) build() error {
	state, err := r.pop()
	if err != nil {
		return err
	}
	t, err := r.top()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case *Instance:
		t.State, t.HasState = state, true
	case *Reduce:
		t.State, t.HasState = state, true
	default:
		return r.fail("had %s to set the state of, wanted an instance", kind(t))
	}
	return nil
}

// kind names a value's Python type for an error message.
func kind(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case Int:
		return "an int"
	case *big.Int:
		return "a long"
	case float64:
		return "a float"
	case Str:
		return "a str"
	case Unicode:
		return "a unicode"
	case *Tuple:
		return "a tuple"
	case *List:
		return "a list"
	case *Dict:
		return "a dict"
	case *Global:
		return "the name " + v.String()
	case *Instance:
		return "an instance of " + v.Class.String()
	case *Reduce:
		return "the result of a call"
	}
	return fmt.Sprintf("%T", v)
}
