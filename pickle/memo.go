package pickle

import (
	"fmt"
	"strconv"
	"unsafe"
)

// memo has the ids that picklers count up in a slice and any others in a map, so that a large id costs nothing.
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
	// cPickle begins at 1, and a document that was edited has gaps.
	case int(id) <= len(m.dense)+8:
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

// arena copies strings into blocks, which costs less than one allocation each. Blocks are small, so that one string
// does not keep much else in memory.
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

func (r *reader) memoOp(op byte) error {
	var id uint32
	var err error

	// The id: a decimal line in protocol 0, one byte or four bytes in the others.
	switch op {
	case opPut, opGet:
		line, e := r.line()
		if e != nil {
			return e
		}

		// Picklers write plain decimal numbers. Python's reader takes other forms, which no Mailman file has.
		n, e := strconv.ParseUint(string(line), 10, 31)
		if e != nil || line[0] == '0' && len(line) > 1 {
			return r.fail("got %.40q, need a memo id", line)
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

	// PUT keeps the value on the stack.
	if op == opPut || op == opBinPut || op == opLongBinPut {
		v, err := r.top()
		if err == nil {
			r.memo.put(id, v)
		}
		return err
	}

	// A span of a Document may refer to an id that was put outside of it.
	v, ok := r.memo.get(id)
	if !ok && r.outer != nil {
		v, ok = r.outer(id)
	}

	if !ok {
		return r.raise(fmt.Sprintf("BadPickleGet: %d", id), "got memo id %d, need one that something was put under", id)
	}
	r.push(v)
	return nil
}
