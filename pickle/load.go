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
	"unsafe"
)

// Load reads one pickle and returns what follows it; queue entries hold two
// pickles, bounce-events files many. Of an empty b it returns [io.EOF]; what
// else is not a pickle gives a [*SyntaxError]. The value keeps no part of b.
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
			Reason: fmt.Sprintf("had a value nested deeper than %d", MaxDepth)}
	}
	return v, b[r.pos:], nil
}

// loadWork is how much hashing the keys of an n-byte pickle may cost: far more
// than any that Python wrote (a key that is a GET of five bytes may stand for
// some hundred), far less than one made to keep us busy.
func loadWork(n int) int { return 4<<20 + 256*n }

// reader is the stack machine that a pickle is a program for.
type reader struct {
	b     []byte
	pos   int
	op    int // offset of the opcode at work
	stack []Value
	marks []int // heights of the stack at which there is a MARK
	memo  memo

	strs       arena
	work       int // what hashing keys may still cost
	containers int // made so far

	// span says that the bytes are one value without STOP.
	span bool
	// outer resolves a GET of what was not PUT in these bytes: the reader of a
	// span inside a Document has the rest of the document to ask.
	outer func(id uint32) (Value, bool)
}

// memo holds ids as picklers count them in a slice and any others in a map, so
// that a large id costs nothing.
type memo struct {
	dense  []memoSlot
	sparse map[uint32]Value
}

type memoSlot struct {
	v   Value
	set bool
}

func (m *memo) get(id uint32) (Value, bool) {
	if int(id) < len(m.dense) && m.dense[id].set {
		return m.dense[id].v, true
	}
	v, ok := m.sparse[id]
	return v, ok
}

func (m *memo) put(id uint32, v Value) {
	switch {
	case int(id) < len(m.dense):
		m.dense[id] = memoSlot{v, true}
	case int(id) <= len(m.dense)+8: // cPickle begins at 1; a document that was edited has gaps
		for len(m.dense) < int(id) {
			m.dense = append(m.dense, memoSlot{})
		}
		m.dense = append(m.dense, memoSlot{v, true})
	default:
		if m.sparse == nil {
			m.sparse = make(map[uint32]Value)
		}
		m.sparse[id] = v
	}
}

// arena copies strings into blocks, which costs less than an allocation each. A
// block is small enough that one string does not keep much else in memory.
type arena struct {
	block []byte
	size  int
}

const maxBlock = 8 << 10

func (a *arena) copy(s []byte) string {
	switch n := len(s); {
	case n == 0:
		return ""
	case n > maxBlock/8:
		return string(s)
	case n > cap(a.block)-len(a.block):
		a.size = min(max(2*a.size, 64), maxBlock)
		a.block = make([]byte, 0, max(a.size, n))
	}

	at := len(a.block)
	a.block = append(a.block, s...)
	return unsafe.String(&a.block[at], len(s))
}

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
		Reason: fmt.Sprintf("had the end of the pickle, wanted %s", want)}
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

// sized returns what a length of one or four bytes says.
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
		return 0, r.fail("had %d, wanted a number from 0", int32(n))
	}
	return n, nil
}

// line returns the bytes to the next newline, without it.
func (r *reader) line() ([]byte, error) {
	n := bytes.IndexByte(r.b[r.pos:], '\n')
	if n < 0 {
		return nil, &SyntaxError{Offset: int64(r.op), Opcode: r.opcode(), Err: ErrTruncated, Python: r.raiseLine(),
			Reason: "had the end of the pickle, wanted a newline"}
	}
	s := r.b[r.pos : r.pos+n]
	r.pos += n + 1
	return s, nil
}

func (r *reader) push(v Value) { r.stack = append(r.stack, v) }

func (r *reader) pushNew(v Value) {
	r.containers++
	r.push(v)
}

// floor is how far the stack may be popped: to the last MARK.
func (r *reader) floor() int {
	if n := len(r.marks); n > 0 {
		return r.marks[n-1]
	}
	return 0
}

// pop takes n values off the stack. They are good until the next push.
func (r *reader) pop(n int) ([]Value, error) {
	h := len(r.stack) - n
	if h < r.floor() {
		return nil, r.raise(raiseUnderflow, "had %d values on the stack, wanted %d", len(r.stack)-r.floor(), n)
	}
	s := r.stack[h:]
	r.stack = r.stack[:h]
	return s, nil
}

// popMark takes what was pushed since the last MARK, and the MARK.
func (r *reader) popMark() ([]Value, error) {
	n := len(r.marks)
	if n == 0 {
		return nil, r.raise(raiseMark, "had no MARK on the stack, wanted one")
	}

	h := r.marks[n-1]
	r.marks = r.marks[:n-1]
	s := r.stack[h:]
	r.stack = r.stack[:h]
	return s, nil
}

func (r *reader) top() (Value, error) {
	if len(r.stack) <= r.floor() {
		return nil, r.raise(raiseUnderflow, "had an empty stack, wanted a value")
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
	r.op = r.pos
	if r.pos >= len(r.b) {
		return 0, r.torn("an opcode")
	}

	op = r.b[r.pos]
	r.pos++
	switch op {
	case opStop:
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
		var s []byte
		if s, err = r.take(1); err == nil && s[0] > 2 {
			err = r.raise(fmt.Sprintf("ValueError: unsupported pickle protocol: %d", s[0]), "had protocol %d, wanted 0, 1 or 2", s[0])
		}
	case opPersID, opBinPersID:
		err = r.raise(raisePersistent, "had a persistent id, which only the program that wrote it understands")
	case opExt1, opExt2, opExt4:
		err = r.raise(r.raiseExtension(op), "had an extension code, which only the program that registered it understands")
	default:
		err = r.raise(raiseOpcode(op), "had %#02x, wanted an opcode of protocols 0 to 2", op)
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

func (r *reader) number(op byte) error {
	n := 1
	switch op {
	case opBinInt2:
		n = 2
	case opBinInt:
		n = 4
	case opBinFloat:
		n = 8
	case opLong1, opLong4:
		s, err := r.sized(op == opLong4)
		if err == nil {
			r.push(decodeLong(s))
		}
		return err
	}

	s, err := r.take(n)
	if err != nil {
		return err
	}

	switch n {
	case 1:
		r.push(Int(s[0]))
	case 2:
		r.push(Int(binary.LittleEndian.Uint16(s)))
	case 4:
		r.push(Int(int32(binary.LittleEndian.Uint32(s))))
	case 8:
		r.push(math.Float64frombits(binary.BigEndian.Uint64(s)))
	}

	return nil
}

// decodeLong reads a long in two's complement, the lowest byte first.
func decodeLong(s []byte) *big.Int {
	n := len(s)
	be := make([]byte, n)
	for i, c := range s {
		be[n-1-i] = c
	}
	v := new(big.Int).SetBytes(be)

	if n > 0 && s[n-1]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}

	return v
}

// maxLongDigits bounds the time that reading a decimal long may take, which
// grows faster than its length. Nothing that Mailman keeps comes near.
const maxLongDigits = 100000

func (r *reader) textNumber(op byte) error {
	line, err := r.line()
	if err != nil {
		return err
	}

	s := string(line)
	switch op {
	case opInt:
		// Below protocol 2 a bool is an int with a needless zero.
		if s == "00" || s == "01" {
			r.push(s == "01")
			return nil
		}
	case opLong:
		s = strings.TrimSuffix(s, "L")
	case opFloat:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(s, "_xX") {
			return r.raise(raiseNumber(op, s), "had %.40q, wanted a float", s)
		}
		r.push(f)
		return nil
	}

	if len(s) > maxLongDigits {
		return r.fail("had a number of %d digits, wanted at most %d", len(s), maxLongDigits)
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' && len(digits) > 1 {
		// Other needless zeros mean octal to cPickle and nothing to pickle.
		return r.raise(raiseNumber(op, s), "had %.40q, wanted a decimal number", s)
	}

	if op == opInt {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			r.push(Int(n))
			return nil
		}
	}

	n, _ := new(big.Int).SetString(s, 10)
	r.push(n)
	return nil
}

func (r *reader) text(op byte) error {
	if op == opBinUnicode {
		s, err := r.sized(true)
		if err != nil {
			return err
		}
		if i := wtf8Error(s); i >= 0 {
			return r.fail("had byte %#02x at %d, wanted UTF-8", s[i], i)
		}

		r.push(Unicode(r.strs.copy(s)))
		return nil
	}

	line, err := r.line()
	if err != nil {
		return err
	}

	if op == opString {
		s, err := unquote(line)
		if err != nil {
			return r.failFor(err)
		}
		r.push(Str(r.strs.copy(s)))
		return nil
	}

	s, err := rawUnicode(line)
	if err != nil {
		return r.failFor(err)
	}
	r.push(Unicode(r.strs.copy(s)))
	return nil
}

func (r *reader) memoOp(op byte) error {
	var id uint32
	var err error

	switch op {
	case opPut, opGet:
		line, e := r.line()
		if e != nil {
			return e
		}

		n, e := strconv.ParseUint(string(line), 10, 31)
		if e != nil || line[0] == '0' && len(line) > 1 {
			return r.fail("had %.40q, wanted a memo id", line)
		}
		id = uint32(n)
	case opBinPut, opBinGet:
		var s []byte
		if s, err = r.take(1); err == nil {
			id = uint32(s[0])
		}
	default:
		id, err = r.uint31()
	}

	if err != nil {
		return err
	}

	if op == opPut || op == opBinPut || op == opLongBinPut {
		v, err := r.top()
		if err == nil {
			r.memo.put(id, v)
		}
		return err
	}

	v, ok := r.memo.get(id)
	if !ok && r.outer != nil {
		v, ok = r.outer(id)
	}

	if !ok {
		return r.raise(fmt.Sprintf("BadPickleGet: %d", id), "had memo id %d, wanted one that something was put under", id)
	}
	r.push(v)
	return nil
}

// gather makes a tuple, list or dict of what is above the MARK.
func (r *reader) gather(op byte) error {
	items, err := r.popMark()
	if err != nil {
		return err
	}

	switch op {
	case opTuple:
		r.pushNew(&Tuple{clone(items)})
	case opList:
		r.pushNew(&List{clone(items)})
	case opDict:
		d := &Dict{}
		if err := r.setItems(d, items); err != nil {
			return err
		}
		r.pushNew(d)
	}

	return nil
}

// fill appends to the list, or sets items of the dict, below the items. Objects
// that are like lists and dicts keep such items beside their state.
func (r *reader) fill(op byte) error {
	var items []Value
	var err error

	switch op {
	case opAppend:
		items, err = r.pop(1)
	case opSetItem:
		items, err = r.pop(2)
	default:
		items, err = r.popMark()
	}

	if err != nil {
		return err
	}
	t, err := r.top()
	if err != nil {
		return err
	}

	var list *[]Value
	var dict **Dict
	switch t := t.(type) {
	case *List:
		list = &t.Items
	case *Dict:
		dict = &t
	case *Instance:
		list, dict = &t.ListItems, &t.DictItems
	case *Reduce:
		list, dict = &t.ListItems, &t.DictItems
	}

	if op == opAppend || op == opAppends {
		if list == nil {
			return r.raise("AttributeError: '"+TypeName(t)+"' object has no attribute 'append'", "had %s to append to, wanted a list", kind(t))
		}
		*list = append(*list, items...)
		return nil
	}

	if dict == nil {
		return r.raise(raiseItems(t, items), "had %s to set items of, wanted a dict", kind(t))
	}

	if *dict == nil {
		*dict = &Dict{}
	}

	return r.setItems(*dict, items)
}

func (r *reader) setItems(d *Dict, items []Value) error {
	if len(items)%2 != 0 {
		return r.raise(raiseOdd(r.opcode()), "had %d keys and values, wanted an even number", len(items))
	}

	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1], &r.work); err != nil {
			return r.failFor(err)
		}
	}

	return nil
}

func (r *reader) global() (Global, error) {
	module, err := r.line()
	if err != nil {
		return Global{}, err
	}
	name, err := r.line()
	return Global{r.strs.copy(module), r.strs.copy(name)}, err
}

func (r *reader) oldInstance(op byte) error {
	var class Global
	var err error

	if op == opInst {
		if class, err = r.global(); err != nil {
			return err
		}
	}

	args, err := r.popMark()
	if err != nil {
		return err
	}

	if op == opObj {
		if len(args) == 0 {
			return r.fail("had nothing after the MARK, wanted a class")
		}
		g, ok := args[0].(*Global)
		if !ok {
			return r.raise(raiseCall(args[0]), "had %s, wanted a class", kind(args[0]))
		}

		class, args = *g, args[1:]
	}

	in := &Instance{Class: class, Kind: OldStyle}
	if len(args) > 0 {
		in.Args = &Tuple{clone(args)}
	}

	r.pushNew(in)
	return nil
}

var (
	// reconstructor makes new-style objects below protocol 2 (copy_reg.py).
	reconstructor = Global{"copy_reg", "_reconstructor"}
	newObject     = Global{"copy_reg", "__newobj__"}
	object        = Global{"__builtin__", "object"}
)

// call makes an object as REDUCE and NEWOBJ say.
func (r *reader) call(op byte) error {
	s, err := r.pop(2)
	if err != nil {
		return err
	}

	f, ok := s[0].(*Global)
	if !ok {
		return r.raise(raiseCall(s[0]), "had %s to call, wanted a class or function", kind(s[0]))
	}
	args, ok := s[1].(*Tuple)
	if !ok {
		return r.raise("TypeError: argument list must be a tuple", "had %s as arguments, wanted a tuple", kind(s[1]))
	}
	if op == opNewObj {
		r.pushNew(&Instance{Class: *f, Kind: NewStyle, Args: args})
		return nil
	}

	if len(args.Items) > 0 {
		if class, ok := args.Items[0].(*Global); ok {
			switch {
			case *f == newObject: // NEWOBJ in the words of the protocols that lack it
				r.pushNew(&Instance{Class: *class, Kind: NewStyle, Args: &Tuple{clone(args.Items[1:])}})
				return nil
			case *f == reconstructor && len(args.Items) == 3 && isGlobal(args.Items[1]):
				r.pushNew(&Instance{Class: *class, Kind: Reconstructed, Args: args})
				return nil
			}
		}
	}

	r.pushNew(&Reduce{Func: f, Args: args})
	return nil
}

func isGlobal(v Value) bool {
	_, ok := v.(*Global)
	return ok
}

// build gives the object on top its state. One that has a state already, which
// no pickler writes, has its __dict__ updated.
func (r *reader) build() error {
	s, err := r.pop(1)
	if err != nil {
		return err
	}

	state := s[0]
	t, err := r.top()
	if err != nil {
		return err
	}

	var had *Value
	var has *bool
	switch t := t.(type) {
	case *Instance:
		had, has = &t.State, &t.HasState
	case *Reduce:
		had, has = &t.State, &t.HasState
	default:
		return r.raise(raiseState(t, state), "had %s to give a state, wanted an object", kind(t))
	}

	if !*has {
		*had, *has = state, true
		return nil
	}
	a, ok := (*had).(*Dict)
	b, ok2 := state.(*Dict)
	if !ok || !ok2 {
		return r.fail("had %s as a second state after %s, wanted dicts", kind(state), kind(*had))
	}

	// Into a dict of its own: the first may be somebody else's too. A few bytes
	// may ask for this again and again, so it counts as work.
	if r.work -= 64 * (a.Len() + b.Len()); r.work < 0 {
		return r.failFor(errWork)
	}
	both := &Dict{}
	for _, d := range []*Dict{a, b} {
		for k, v := range d.All() {
			if err := both.set(k, v, &r.work); err != nil {
				return r.failFor(err)
			}
		}
	}

	*had = both
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
		return "an object"
	}

	return fmt.Sprintf("a Go %T", v)
}
