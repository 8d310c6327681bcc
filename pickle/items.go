package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
)

// Items goes through a pickled dict and calls fn with each key and a pickle of
// its value that stands by itself: what it shared with the rest of the dict is
// repeated in it. That is for a dict of very many small values: the values are
// not decoded, and what fn keeps of their bytes is all the memory it takes. fn
// must not keep value itself, and must expect a later item with an equal key to
// replace an earlier one.
//
// Values that share more than strings, names and numbers with each other, and
// opcodes that no pickler writes, make Items load the whole dict and dump each
// value in protocol 0.
//
// An error is fn's, a SyntaxError, or, where the pickle is no dict, a
// NotDictError. What is wrong inside a value may show only when it is loaded.
func Items(b []byte, fn func(key Value, value []byte) error) error {
	s := splitter{b: b, fn: fn}
	err := s.run()
	if !errors.Is(err, errLayout) {
		return err
	}
	v, _, err := Load(b)
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok {
		return &NotDictError{Kind: kind(v)}
	}
	for k, v := range d.All() {
		value, err := Dump(v, 0)
		if err != nil {
			return err
		}
		if err := fn(k, value); err != nil {
			return err
		}
	}
	return nil
}

// NotDictError is about a pickle that is sound but no dict.
type NotDictError struct{ Kind string }

func (e *NotDictError) Error() string { return "had " + e.Kind + ", wanted a dict" }

// splitter runs the opcodes of a dict as a reader does, but for each value on
// the stack keeps only where it starts.
type splitter struct {
	b     []byte
	fn    func(Value, []byte) error
	stack []splitPlace
	marks []splitMark
	memo  memoStarts
	puts  []splitPut // not in memo yet: at or behind the item to come
	buf   []byte
	inner map[uint32]uint8 // ids that the value at work has PUT, and those it will GET
}

// splitPlace is a value on the stack. An atom is one opcode, and may be repeated
// anywhere.
type splitPlace struct {
	start int
	atom  bool
}

type splitMark struct{ height, at int }

type splitPut struct {
	at    int
	id    uint32
	place splitPlace
}

// memoStarts is a memo of places. Ids as picklers count them are in the slice.
type memoStarts struct {
	dense  []uint32 // 0 for none, else 2*start+atom+1
	sparse map[uint32]uint32
}

func (m *memoStarts) put(id uint32, p splitPlace) {
	v := uint32(p.start)*2 + 1
	if p.atom {
		v++
	}
	switch {
	case int(id) < len(m.dense):
		m.dense[id] = v
	case int(id) <= len(m.dense)+8:
		for len(m.dense) < int(id) {
			m.dense = append(m.dense, 0)
		}
		m.dense = append(m.dense, v)
	default:
		if m.sparse == nil {
			m.sparse = map[uint32]uint32{}
		}
		m.sparse[id] = v
	}
}

func (m *memoStarts) get(id uint32) (p splitPlace, ok bool) {
	v := m.sparse[id]
	if int(id) < len(m.dense) && m.dense[id] != 0 {
		v = m.dense[id]
	}
	return splitPlace{int((v - 1) / 2), (v-1)%2 == 1}, v != 0
}

// splitMax is the largest pickle whose offsets memoStarts can hold.
const splitMax = 1<<31 - 2

func (s *splitter) run() error {
	if len(s.b) > splitMax {
		return errLayout
	}
	pos := 0
	if len(s.b) > 1 && s.b[0] == opProto {
		pos = 2
	}
	s.inner = map[uint32]uint8{}
	for pos < len(s.b) {
		end, err := opEnd(s.b, pos)
		if err != nil {
			return err
		}
		if s.b[pos] == opStop {
			if len(s.stack) != 1 || len(s.marks) > 0 || !s.isDict() {
				return errLayout
			}
			return nil
		}
		if err := s.step(pos, end); err != nil {
			return err
		}
		pos = end
	}
	return errLayout
}

// isDict tells whether what is at the bottom of the stack began as an empty dict.
func (s *splitter) isDict() bool {
	p := s.stack[0]
	return !p.atom && (s.b[p.start] == opEmptyDict || bytes.HasPrefix(s.b[p.start:], []byte("(d")))
}

func (s *splitter) step(pos, end int) error {
	op := s.b[pos]
	switch op {
	case opMark:
		s.marks = append(s.marks, splitMark{len(s.stack), pos})
		return nil
	case opPut, opBinPut, opLongBinPut:
		id, err := memoID(s.b, pos, end)
		if err != nil || len(s.stack) == s.floor() {
			return errLayout
		}
		s.puts = append(s.puts, splitPut{pos, id, s.stack[len(s.stack)-1]})
		return nil
	case opSetItem:
		if len(s.marks) == 0 && len(s.stack) == 3 && s.isDict() {
			return s.items(pos)
		}
		return s.change(2)
	case opAppend, opBuild, opReduce, opNewObj:
		return s.change(1)
	case opSetItems, opAppends:
		if len(s.marks) == 0 {
			return errLayout
		}
		m := s.marks[len(s.marks)-1]
		s.marks = s.marks[:len(s.marks)-1]
		if op == opSetItems && len(s.marks) == 0 && m.height == 1 && s.isDict() {
			return s.items(pos)
		}
		return s.change(len(s.stack) - m.height)
	case opTuple, opList, opDict, opInst, opObj:
		if len(s.marks) == 0 {
			return errLayout
		}
		m := s.marks[len(s.marks)-1]
		s.marks = s.marks[:len(s.marks)-1]
		s.stack = append(s.stack[:m.height], splitPlace{start: m.at})
		return nil
	case opTuple1, opTuple2, opTuple3:
		return s.change(int(op - opTuple1))
	case opEmptyDict, opEmptyList:
		s.stack = append(s.stack, splitPlace{start: pos})
		return nil
	case opPop, opPopMark, opDup, opPersID, opBinPersID, opExt1, opExt2, opExt4, opProto:
		return errLayout
	}
	s.stack = append(s.stack, splitPlace{pos, true})
	return nil
}

func (s *splitter) floor() int {
	if len(s.marks) == 0 {
		return 0
	}
	return s.marks[len(s.marks)-1].height
}

// change takes n values off the stack for the one below them.
func (s *splitter) change(n int) error {
	left := len(s.stack) - n
	if n < 0 || left <= s.floor() {
		return errLayout
	}
	s.stack = s.stack[:left]
	s.stack[left-1].atom = false
	return nil
}

// items hands over the items of the dict that are on the stack.
func (s *splitter) items(end int) error {
	places := s.stack[1:]
	if len(places)%2 != 0 {
		return errLayout
	}
	for i := 0; i < len(places); i += 2 {
		key, value, next := places[i].start, places[i+1].start, end
		if i+2 < len(places) {
			next = places[i+2].start
		}
		if !places[i].atom {
			return errLayout // not every object can be a key
		}
		if err := s.selfContained(key, value); err != nil {
			return err
		}
		k, _, err := Load(s.buf)
		if err != nil {
			return errLayout
		}
		if err := s.selfContained(value, next); err != nil {
			return err
		}
		if err := s.fn(k, s.buf); err != nil {
			return err
		}
	}
	s.stack = s.stack[:1]
	return nil
}

// selfContained makes a pickle of one value in buf.
func (s *splitter) selfContained(start, end int) error {
	n := 0
	for n < len(s.puts) && s.puts[n].at < start {
		s.memo.put(s.puts[n].id, s.puts[n].place)
		n++
	}
	s.puts = s.puts[:copy(s.puts, s.puts[n:])]
	const has, wants = 1, 2
	clear(s.inner)
	if err := s.tokens(start, end, func(op byte, pos, next int, id uint32) error {
		if isAnyPut(op) {
			s.inner[id] |= has
		} else if isAnyGet(op) && s.inner[id] != 0 {
			s.inner[id] |= wants
		} else if op == opString {
			if _, err := unquote(s.b[pos+1 : next-1]); err != nil {
				return errLayout
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for id, v := range s.inner {
		s.inner[id] = v &^ has
	}
	s.buf = s.buf[:0]
	err := s.tokens(start, end, func(op byte, pos, next int, id uint32) error {
		switch {
		case isAnyPut(op):
			if s.inner[id] == 0 {
				return nil // nobody asks
			}
			s.inner[id] |= has
		case isAnyGet(op) && s.inner[id]&has == 0:
			return s.repeat(id)
		}
		s.buf = append(s.buf, s.b[pos:next]...)
		return nil
	})
	s.buf = append(s.buf, opStop)
	return err
}

// tokens calls fn for each opcode from start to end; id is for those of the memo.
func (s *splitter) tokens(start, end int, fn func(op byte, pos, next int, id uint32) error) error {
	for pos := start; pos < end; {
		next, err := opEnd(s.b, pos)
		if err != nil {
			return err
		}
		op, id := s.b[pos], uint32(0)
		if isAnyPut(op) || isAnyGet(op) {
			if id, err = memoID(s.b, pos, next); err != nil {
				return err
			}
		}
		if err := fn(op, pos, next, id); err != nil {
			return err
		}
		pos = next
	}
	return nil
}

// repeat adds to buf what was put under an id by an earlier value.
func (s *splitter) repeat(id uint32) error {
	for range 8 { // a GET that was itself PUT leads on
		p, ok := s.memo.get(id)
		if !ok || !p.atom {
			return errLayout
		}
		end, err := opEnd(s.b, p.start)
		if err != nil {
			return err
		}
		if !isAnyGet(s.b[p.start]) {
			s.buf = append(s.buf, s.b[p.start:end]...)
			return nil
		}
		if id, err = memoID(s.b, p.start, end); err != nil {
			return err
		}
	}
	return errLayout
}

func isAnyPut(op byte) bool { return op == opPut || op == opBinPut || op == opLongBinPut }
func isAnyGet(op byte) bool { return op == opGet || op == opBinGet || op == opLongBinGet }

// memoID reads the id of a memo opcode at pos.
func memoID(b []byte, pos, end int) (uint32, error) {
	arg := b[pos+1 : end]
	switch len(arg) {
	case 1:
		if b[pos] == opBinPut || b[pos] == opBinGet {
			return uint32(arg[0]), nil
		}
	case 4:
		if b[pos] == opLongBinPut || b[pos] == opLongBinGet {
			if id := binary.LittleEndian.Uint32(arg); id>>31 == 0 {
				return id, nil
			}
			return 0, errLayout
		}
	}
	n, err := strconv.ParseUint(string(arg[:len(arg)-1]), 10, 31)
	if err != nil || arg[0] == '0' && len(arg) > 2 {
		return 0, errLayout
	}
	return uint32(n), nil
}

// opEnd returns where the opcode at pos ends, its argument included.
func opEnd(b []byte, pos int) (int, error) {
	op := b[pos]
	pos++
	n := 0
	switch op {
	case opMark, opStop, opNone, opReduce, opAppend, opBuild, opDict, opEmptyDict, opAppends, opList, opEmptyList,
		opObj, opSetItem, opTuple, opEmptyTuple, opSetItems, opNewObj, opTuple1, opTuple2, opTuple3, opNewTrue, opNewFalse:
		return pos, nil
	case opFloat, opInt, opLong, opString, opUnicode, opGet, opPut:
		n = bytes.IndexByte(b[pos:], '\n') + 1
		if n == 0 {
			return 0, errLayout
		}
	case opGlobal, opInst:
		n = bytes.IndexByte(b[pos:], '\n') + 1
		more := bytes.IndexByte(b[pos+n:], '\n') + 1
		if n == 0 || more == 0 {
			return 0, errLayout
		}
		n += more
	case opBinInt1, opBinGet, opBinPut:
		n = 1
	case opBinInt2:
		n = 2
	case opBinInt, opLongBinGet, opLongBinPut:
		n = 4
	case opBinFloat:
		n = 8
	case opShortBinString, opLong1:
		if pos == len(b) {
			return 0, errLayout
		}
		n = 1 + int(b[pos])
	case opBinString, opBinUnicode, opLong4:
		if len(b)-pos < 4 {
			return 0, errLayout
		}
		size := binary.LittleEndian.Uint32(b[pos:])
		if size>>31 != 0 {
			return 0, errLayout
		}
		n = 4 + int(size)
	default:
		return 0, errLayout
	}
	if n > len(b)-pos {
		return 0, errLayout
	}
	return pos + n, nil
}
