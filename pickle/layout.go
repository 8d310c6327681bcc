package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// A Document leaves its bytes as they are and needs to know only where things
// are in them. layout runs the opcodes as a reader does, but for each value it
// keeps no more than where it starts and what may be done with it.
//
// It takes the language of protocol 1 as cPickle and pickle.py write it, and
// refuses with errLayout whatever else a reader would also run. What it takes, a
// reader takes.

// errLayout says that bytes may be a good pickle but not one to work on in place.
var errLayout = errors.New("not the layout of protocol 1")

// What is known of a value on the stack or in the memo.
const (
	flagPure   = 1 << iota // never changes and holds nothing that does
	flagHash               // may be a dict key
	flagStr                // a str
	flagGlobal             // a class or function
	flagTuple              // a tuple
	flagList               // a list or an object, to append to
	flagDict               // a dict or an object, to set items of
	flagObject             // an object, to give a state

	flagAtom = flagPure | flagHash
)

// place is a value on the stack.
type place struct {
	start  uint32
	height uint16 // how deep containers nest in it
	flags  uint8
	got    bool // by GET: it was made elsewhere
}

// memoPlace is what is known of a memo id; flags are 0 where nothing was put.
type memoPlace struct {
	start  uint32
	height uint16
	flags  uint8
	refs   uint8 // GETs of it; 255 is that or more
}

// itemBatch is a run of dict items that one SETITEMS, or one SETITEM, sets.
type itemBatch struct {
	first int    // index of its first item
	start uint32 // its MARK, or the key of a single item
	end   uint32 // its SETITEMS or SETITEM
}

// containerGet is a GET of something that can change.
type containerGet struct{ at, id uint32 }

// segment is a run of opcodes that is kept as it is, and what is known of it.
type segment struct {
	b       []byte
	firstID uint32      // of memo
	memo    []memoPlace // by id less firstID
	gets    []containerGet
}

func (s *segment) known(id uint32) *memoPlace {
	if i := id - s.firstID; id >= s.firstID && int(i) < len(s.memo) && s.memo[i].flags != 0 {
		return &s.memo[i]
	}
	return nil
}

// layout is a run over a segment, or over a dict in one.
type layout struct {
	seg    *segment
	pos    int
	stack  []place
	marks  []int
	markAt []uint32

	items     []uint32 // where the keys start, of the dict at the bottom of the stack
	batches   []itemBatch
	wantMemo  bool
	maxHeight uint16
	oddKey    bool // a key of the dict is not an atom or a tuple of atoms
	pending   int  // where what POP or POP_MARK dropped began, or -1
}

// token is one opcode with its argument.
type token struct {
	op         byte
	start, end int
	arg        []byte // of strings, numbers in text and names
	id         uint32 // of memo opcodes
}

// nextToken reads one opcode of the language of protocol 1.
func nextToken(b []byte, pos int, t *token) error {
	t.start = pos
	if pos >= len(b) {
		return errLayout
	}

	op := b[pos]
	t.op = op
	pos++
	n := 0

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

	if n > len(b)-pos {
		return errLayout
	}
	t.arg, t.end = b[pos:pos+n], pos+n
	return nil
}

func isPut(op byte) bool { return op == opBinPut || op == opLongBinPut }
func isGet(op byte) bool { return op == opBinGet || op == opLongBinGet }

// plainDigits allows the numbers in text that picklers write.
func plainDigits(s []byte, op byte) bool {
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

func (l *layout) push(start int, flags uint8, height uint16) {
	if l.pending >= 0 {
		start = l.pending
		l.pending = -1
	}
	l.stack = append(l.stack, place{start: uint32(start), flags: flags, height: height})
	if height > l.maxHeight {
		l.maxHeight = height
	}
}

// floor is the height of the stack at the last MARK.
func (l *layout) floor() int {
	if n := len(l.marks); n > 0 {
		return l.marks[n-1]
	}
	return 0
}

// top returns the value on top that was made here, not by GET, with the flag.
func (l *layout) top(flag uint8) *place {
	if len(l.stack) <= l.floor() {
		return nil
	}
	p := &l.stack[len(l.stack)-1]
	if p.got || p.flags&flag == 0 {
		return nil
	}
	return p
}

// popMark returns what is above the last MARK and where the MARK is.
func (l *layout) popMark() (above []place, at uint32, ok bool) {
	n := len(l.marks)
	if n == 0 {
		return nil, 0, false
	}

	h := l.marks[n-1]
	at = l.markAt[n-1]
	l.marks, l.markAt = l.marks[:n-1], l.markAt[:n-1]
	above = l.stack[h:]
	l.stack = l.stack[:h]
	return above, at, true
}

// run goes on to STOP, or to end where that is not 0.
func (l *layout) run(end int) error {
	b := l.seg.b
	l.pending = -1
	var t token
	for {
		if end > 0 && l.pos >= end {
			if l.pos > end || len(l.stack) != 1 || len(l.marks) != 0 {
				return errLayout
			}
			return nil
		}

		// The opcodes that make up nearly all of a list's members go first.
		if len(b)-l.pos > 7 {
			switch pos := l.pos; b[pos] {
			case opShortBinString:
				if n := int(b[pos+1]); n < len(b)-pos-2 {
					l.push(pos, flagAtom|flagStr, 0)
					l.pos += 2 + n
					continue
				}
			case opBinInt1:
				l.push(pos, flagAtom, 0)
				l.pos += 2
				continue
			case opBinInt2:
				l.push(pos, flagAtom, 0)
				l.pos += 3
				continue
			}
		}

		if err := nextToken(b, l.pos, &t); err != nil {
			return err
		}
		l.pos = t.end
		if t.op == opStop {
			if end > 0 || len(l.stack) != 1 || len(l.marks) != 0 || l.pending >= 0 {
				return errLayout
			}
			return nil
		}

		if !l.step(&t) {
			return errLayout
		}
	}
}

func (l *layout) step(t *token) bool {
	switch t.op {
	case opMark:
		start := uint32(t.start)
		if l.pending >= 0 {
			return false
		}
		l.marks = append(l.marks, len(l.stack))
		l.markAt = append(l.markAt, start)
	case opPopMark:
		// After a tuple inside itself; a GET of it follows.
		_, at, ok := l.popMark()
		if !ok || l.pending >= 0 {
			return false
		}
		l.pending = int(at)
	case opPop:
		// After an object in its own arguments; a GET of it follows.
		n := len(l.stack)
		if n <= l.floor() || l.pending >= 0 {
			return false
		}
		l.pending = int(l.stack[n-1].start)
		l.stack = l.stack[:n-1]
	case opNone, opBinInt1, opBinInt2, opBinInt, opBinFloat:
		l.push(t.start, flagAtom, 0)
	case opInt, opLong:
		if !plainDigits(t.arg, t.op) {
			return false
		}
		l.push(t.start, flagAtom, 0)
	case opShortBinString, opBinString:
		l.push(t.start, flagAtom|flagStr, 0)
	case opBinUnicode:
		if wtf8Error(t.arg) >= 0 {
			return false
		}
		l.push(t.start, flagAtom, 0)
	case opGlobal:
		l.push(t.start, flagAtom|flagGlobal, 0)
	case opEmptyTuple:
		l.push(t.start, flagAtom|flagTuple, 1)
	case opEmptyList:
		l.push(t.start, flagList, 1)
	case opEmptyDict:
		l.push(t.start, flagDict, 1)
	case opTuple:
		above, at, ok := l.popMark()
		if !ok {
			return false
		}

		flags, height := uint8(flagAtom), uint16(0)
		for _, p := range above {
			flags &= p.flags
			height = max(height, p.height)
		}

		if height >= MaxDepth {
			return false
		}
		l.push(int(at), flags|flagTuple, height+1)
	case opInst, opObj:
		above, at, ok := l.popMark()
		if !ok || t.op == opObj && (len(above) == 0 || above[0].flags&flagGlobal == 0) {
			return false
		}

		height := uint16(0)
		for _, p := range above {
			height = max(height, p.height)
		}
		if height >= MaxDepth-1 {
			return false
		}

		if len(above) > 1 || t.op == opInst && len(above) > 0 {
			height++ // the arguments are a tuple of their own
		}

		l.push(int(at), flagObject|flagList|flagDict|flagHash, height+1)
	case opReduce:
		n := len(l.stack)
		if n-l.floor() < 2 || l.stack[n-2].flags&flagGlobal == 0 || l.stack[n-1].flags&flagTuple == 0 {
			return false
		}

		start, height := l.stack[n-2].start, l.stack[n-1].height
		l.stack = l.stack[:n-2]
		if height >= MaxDepth {
			return false
		}

		l.push(int(start), flagObject|flagList|flagDict|flagHash, height+1)
	case opBuild:
		n := len(l.stack)
		if n-l.floor() < 2 {
			return false
		}

		height := l.stack[n-1].height
		l.stack = l.stack[:n-1]
		p := l.top(flagObject)
		if p == nil || !l.holds(p, height) {
			return false
		}

		p.flags &^= flagObject // a second state is for a reader to sort out
	case opAppend:
		n := len(l.stack)
		if n-l.floor() < 2 {
			return false
		}
		height := l.stack[n-1].height
		l.stack = l.stack[:n-1]
		p := l.top(flagList)
		return p != nil && l.holds(p, height)
	case opAppends:
		above, _, ok := l.popMark()
		if !ok {
			return false
		}

		height := uint16(0)
		for _, p := range above {
			height = max(height, p.height)
		}
		p := l.top(flagList)
		return p != nil && l.holds(p, height)
	case opSetItem:
		n := len(l.stack)
		if n-l.floor() < 3 {
			return false
		}
		above := l.stack[n-2:]
		l.stack = l.stack[:n-2]
		return l.setItems(above, above[0].start, uint32(t.start))
	case opSetItems:
		above, at, ok := l.popMark()
		return ok && l.setItems(above, at, uint32(t.start))
	default:
		switch {
		case isPut(t.op):
			return l.put(t.id)
		case isGet(t.op):
			return l.get(t)
		}
		return false
	}

	return true
}

// holds notes that p holds something of that height.
func (l *layout) holds(p *place, height uint16) bool {
	if height >= MaxDepth {
		return false
	}
	p.height = max(p.height, height+1)
	l.maxHeight = max(l.maxHeight, p.height)
	return true
}

func (l *layout) setItems(above []place, start, end uint32) bool {
	if len(above)%2 != 0 || l.pending >= 0 {
		return false
	}
	p := l.top(flagDict)
	if p == nil {
		return false
	}

	wanted := len(l.stack) == 1 && len(l.marks) == 0
	if wanted {
		l.batches = append(l.batches, itemBatch{first: len(l.items), start: start, end: end})
	}

	height := uint16(0)
	for i := 0; i < len(above); i += 2 {
		k, v := &above[i], &above[i+1]
		if k.flags&flagHash == 0 {
			return false
		}

		height = max(height, k.height, v.height)
		if wanted {
			l.items = append(l.items, k.start)
			if k.flags&flagPure == 0 {
				l.oddKey = true
			}
		}
	}

	return l.holds(p, height)
}

func (l *layout) put(id uint32) bool {
	if len(l.stack) <= l.floor() || l.pending >= 0 {
		return false
	}
	if !l.wantMemo {
		return true
	}

	p := &l.stack[len(l.stack)-1]
	s := l.seg
	i := int(id) - int(s.firstID)
	if p.got || i < 0 || i > len(s.b)/5+1024 {
		return false
	}

	for i >= len(s.memo) {
		s.memo = append(s.memo, memoPlace{})
	}
	if s.memo[i].flags != 0 {
		return false
	}
	s.memo[i] = memoPlace{start: p.start, height: p.height, flags: p.flags &^ flagObject}
	return true
}

func (l *layout) get(t *token) bool {
	s := l.seg
	m := s.known(t.id)
	if m == nil {
		return false
	}

	if l.wantMemo {
		if m.refs < math.MaxUint8 {
			m.refs++
		}
		if m.flags&flagPure == 0 {
			s.gets = append(s.gets, containerGet{uint32(t.start), t.id})
		}
	}

	l.push(t.start, m.flags, m.height)
	l.stack[len(l.stack)-1].got = true
	return true
}
