package pickle

import (
	"errors"
)

// A Document leaves its bytes as they are and needs to know only where the values are in them. layout runs the
// opcodes as a reader does, but for each value it keeps only where the value starts and what may be done with it.
//
// It accepts protocol 1 as cPickle and pickle.py write it, and refuses with errLayout everything else that a reader
// would also run. A reader accepts all that layout accepts.

// errLayout says that bytes may be a good pickle, but not one that can be changed in place.
var errLayout = errors.New("not the layout of protocol 1")

// What is known about a value on the stack or in the memo.
const (
	flagPure   = 1 << iota // immutable, with immutable contents
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
	got    bool // a GET fetched it, so it was made elsewhere
}

// itemBatch is a run of dict items that one SETITEMS, or one SETITEM, sets.
type itemBatch struct {
	first int    // index of its first item
	start uint32 // its MARK, or the key of a single item
	end   uint32 // its SETITEMS or SETITEM
}

// containerGet is a GET of a mutable object.
type containerGet struct{ at, id uint32 }

// segment is a run of opcodes that is kept as it is, with its index.
type segment struct {
	b       []byte
	firstID uint32      // the memo id of memo[0]
	memo    []memoPlace // by id, from firstID on
	gets    []containerGet
}

// layout is a run over a segment, or over a dict in one.
type layout struct {
	seg    *segment
	pos    int
	stack  []place
	marks  []int
	markAt []uint32

	items     []uint32 // where the keys of the dict at the bottom of the stack start
	batches   []itemBatch
	wantMemo  bool
	maxHeight uint16
	oddKey    bool // a key of the dict is not an atom or a tuple of atoms
	pending   int  // where the value that POP or POP_MARK dropped began, or -1
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

// top returns the value on top if it has the flag and was made here, not fetched by GET.
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

// popMark returns the values above the last MARK and where the MARK is.
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

// run runs opcodes up to STOP, or up to the offset end where end is not 0.
func (l *layout) run(end int) error {
	b := l.seg.b
	l.pending = -1
	var t token
	for {
		// The end of a span: exactly one value, made completely, may be on the stack.
		if end > 0 && l.pos >= end {
			if l.pos > end || len(l.stack) != 1 || len(l.marks) != 0 {
				return errLayout
			}
			return nil
		}

		// The opcodes that make up nearly all of a list's members are handled first, without the general reader.
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

		// Everything else in general: read the opcode, then see what it does to the stack.
		if err := nextToken(b, l.pos, &t); err != nil {
			return err
		}
		l.pos = t.end
		// STOP needs exactly one value on the stack. Inside a span, STOP is an error.
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
	// A MARK between a dropped object and its GET would come from no pickler.
	case opMark:
		start := uint32(t.start)
		if l.pending >= 0 {
			return false
		}
		l.marks = append(l.marks, len(l.stack))
		l.markAt = append(l.markAt, start)
	case opPopMark:
		// A pickler writes POP_MARK after a tuple that holds itself; a GET of the tuple follows.
		_, at, ok := l.popMark()
		if !ok || l.pending >= 0 {
			return false
		}
		l.pending = int(at)
	case opPop:
		// A pickler writes POP after an object in its own arguments; a GET of the object follows.
		n := len(l.stack)
		if n <= l.floor() || l.pending >= 0 {
			return false
		}
		l.pending = int(l.stack[n-1].start)
		l.stack = l.stack[:n-1]
	case opNone, opBinInt1, opBinInt2, opBinInt, opBinFloat:
		l.push(t.start, flagAtom, 0)
	case opInt, opLong:
		// Only what picklers write: the reader accepts more forms of a number, and they may mean a bool.
		if !plainDigits(t.arg, t.op) {
			return false
		}
		l.push(t.start, flagAtom, 0)
	case opShortBinString, opBinString:
		l.push(t.start, flagAtom|flagStr, 0)
	case opBinUnicode:
		// Python's utf-8 codec would refuse the text, so Load would fail where this run did not.
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
		// A tuple is pure, and hashable, where all of its items are.
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
		// OBJ finds the class above the MARK; INST has it in its own line.
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

		// The arguments of an old-style instance count as a tuple, one level deeper.
		if len(above) > 1 || t.op == opInst && len(above) > 0 {
			height++ // the arguments are a tuple of their own
		}

		l.push(int(at), flagObject|flagList|flagDict|flagHash, height+1)
	// REDUCE calls a function with a tuple; anything else on the stack is an error for Load to name.
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
	// BUILD gives an object its state. A second state would have to be merged with the first: Load does that.
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

// holds notes that p has a part of that height.
func (l *layout) holds(p *place, height uint16) bool {
	if height >= MaxDepth {
		return false
	}
	p.height = max(p.height, height+1)
	l.maxHeight = max(l.maxHeight, p.height)
	return true
}

func (l *layout) setItems(above []place, start, end uint32) bool {
	// Keys and values in pairs, set in a dict that was made here.
	if len(above)%2 != 0 || l.pending >= 0 {
		return false
	}
	p := l.top(flagDict)
	if p == nil {
		return false
	}

	// Only the items of the dict at the bottom are indexed: it is the document, or a dict in it.
	wanted := len(l.stack) == 1 && len(l.marks) == 0
	if wanted {
		l.batches = append(l.batches, itemBatch{first: len(l.items), start: start, end: end})
	}

	height := uint16(0)
	for i := 0; i < len(above); i += 2 {
		k, v := &above[i], &above[i+1]
		// A key that Python could not hash makes SETITEMS raise.
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
