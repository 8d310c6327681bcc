package pickle

import (
	"hash/maphash"
	"math/bits"
	"sort"
)

// span is the place of a value in a segment.
type span struct {
	seg        *segment
	start, end uint32
}

// reader returns a reader of a part of the segment. It finds objects that the part refers to in the rest of the
// segment.
func (s *segment) reader(start, end uint32) *reader {
	r := &reader{b: s.b[:end], pos: int(start), span: true, work: loadWork(int(end - start))}
	r.outer = func(id uint32) (Value, bool) { return s.memoValue(r, id) }
	return r
}

// memoValue decodes an immutable value that was put in the memo outside of the part.
func (s *segment) memoValue(r *reader, id uint32) (Value, bool) {
	m := s.memoAt(id)
	if m == nil || m.flags&flagPure == 0 {
		return nil, false
	}

	sub := reader{b: s.b, pos: int(m.start), outer: r.outer}
	v, err := sub.runToPut(id)
	if err != nil {
		return nil, false
	}

	r.memo.put(id, v)
	return v, true
}

// decode decodes the value of a span.
func (s span) decode() (Value, error) {
	return s.seg.reader(s.start, s.end).run()
}

// dictIndex finds the items of one dict in a segment by key.
type dictIndex struct {
	span
	items   []uint32 // where the keys start
	batches []itemBatch
	table   []uint32 // 1 + index into items below a tag from the hash; 0 is free
	bits    int      // how many of an entry's low bits are the index
}

// newDictIndex indexes the dict at sp. It returns errLayout where its items cannot be changed one by one: they share
// a mutable object, a key is an object, or one key is there twice.
func newDictIndex(sp span) (*dictIndex, error) {
	l := layout{seg: sp.seg, pos: int(sp.start)}
	if err := l.run(int(sp.end)); err != nil {
		return nil, err
	}
	if l.oddKey {
		return nil, errLayout
	}

	x := &dictIndex{span: sp, items: l.items, batches: l.batches}
	if x.linked() {
		return nil, errLayout
	}
	return x, x.buildTable()
}

// buildTable makes keys findable. It returns errLayout where a key is there twice.
func (x *dictIndex) buildTable() error {
	// Open addressing, at most two thirds full. An entry is the item's number, and bits of the hash that tell most others
	// apart without a look at the bytes.
	x.bits = bits.Len(uint(len(x.items)))
	size := 8
	for size*2 < len(x.items)*3 {
		size *= 2
	}
	x.table = make([]uint32, size)
	work := loadWork(int(x.end - x.start))
	for i := range x.items {
		h, err := x.hashAt(x.items[i], &work)
		if err != nil {
			return err
		}

		// A key that is there twice would make a later change hit the wrong item.
		mask := uint64(size - 1)
		slot := h & mask
		for ; x.table[slot] != 0; slot = (slot + 1) & mask {
			if x.tagged(x.table[slot], h) && x.sameItems(x.index(x.table[slot]), i) {
				return errLayout
			}
		}

		x.table[slot] = x.tag(h) | uint32(i+1)
	}

	return nil
}

func (x *dictIndex) tag(h uint64) uint32            { return uint32(h>>32) >> x.bits << x.bits }
func (x *dictIndex) tagged(e uint32, h uint64) bool { return e>>x.bits<<x.bits == x.tag(h) }
func (x *dictIndex) index(e uint32) int             { return int(e&(1<<x.bits-1)) - 1 }

// linked reports whether one item refers to a mutable object in another item, or to the dict itself.
func (x *dictIndex) linked() bool {
	gets := x.seg.gets
	from := sort.Search(len(gets), func(i int) bool { return gets[i].at >= x.start })
	for _, g := range gets[from:] {
		if g.at >= x.end {
			break
		}
		made := x.seg.memoAt(g.id).start
		if made < x.start || made >= x.end || x.itemAt(made) < 0 || x.itemAt(made) != x.itemAt(g.at) {
			return true
		}
	}

	return false
}

// itemAt returns the item in which an offset lies, or -1.
func (x *dictIndex) itemAt(at uint32) int {
	return sort.Search(len(x.items), func(i int) bool { return x.items[i] > at }) - 1
}

// batch returns the batch of an item.
func (x *dictIndex) batch(i int) *itemBatch {
	n := sort.Search(len(x.batches), func(j int) bool { return x.batches[j].first > i })
	return &x.batches[n-1]
}

// key and value return the places of an item's parts.
func (x *dictIndex) key(i int) span {
	start := x.items[i]
	return span{x.seg, start, x.seg.atomEnd(start)}
}

func (x *dictIndex) value(i int) span {
	b := x.batch(i)
	end := b.end
	if i+1 < len(x.items) && x.items[i+1] < end {
		end = x.items[i+1]
	}
	return span{x.seg, x.key(i).end, end}
}

// atomEnd returns the end of a key: an atom, a GET, or a tuple of those, each with its PUT.
func (s *segment) atomEnd(start uint32) uint32 {
	b := s.b
	pos := int(start)
	// Nearly all keys are short strings.
	if b[pos] == opShortBinString {
		pos += 2 + int(b[pos+1])
	} else {
		var t token
		for depth := 0; ; {
			if nextToken(b, pos, &t) != nil {
				return uint32(pos)
			}
			pos = t.end

			switch t.op {
			case opMark:
				depth++
			case opTuple:
				depth--
			}

			if depth == 0 {
				break
			}
		}
	}

	// The key's PUT belongs to it.
	switch b[pos] {
	case opBinPut:
		pos += 2
	case opLongBinPut:
		pos += 5
	}

	return uint32(pos)
}

// str returns the bytes of a str at start, or of the str that a GET there refers to.
func (s *segment) str(start uint32) ([]byte, bool) {
	var t token
	for {
		if nextToken(s.b, int(start), &t) != nil {
			return nil, false
		}

		switch {
		case t.op == opShortBinString || t.op == opBinString:
			return t.arg, true
		case isGet(t.op):
			m := s.memoAt(t.id)
			if m == nil || m.flags&flagStr == 0 {
				return nil, false
			}
			start = m.start
		default:
			return nil, false
		}
	}
}

func (x *dictIndex) hashAt(start uint32, work *int) (uint64, error) {
	if s, ok := x.seg.str(start); ok {
		if *work -= len(s) + 8; *work < 0 {
			return 0, errWork
		}
		return maphash.Bytes(seed, s), nil
	}

	k, err := span{x.seg, start, x.seg.atomEnd(start)}.decode()
	if err != nil {
		return 0, err
	}
	return hash(k, work, 0)
}

func (x *dictIndex) sameItems(i, j int) bool {
	a, ok := x.seg.str(x.items[i])
	b, ok2 := x.seg.str(x.items[j])
	if ok && ok2 {
		return string(a) == string(b)
	}
	k, err := x.key(j).decode()
	return err == nil && x.is(i, k)
}

// is reports whether an item's key is equal to k.
func (x *dictIndex) is(i int, k Value) bool {
	s, ok := x.seg.str(x.items[i])
	if want, isStr := k.(Str); ok && isStr {
		return string(s) == string(want)
	}
	have, err := x.key(i).decode()
	return err == nil && sameKey(have, k)
}

// find returns the index of a key's item, or -1.
func (x *dictIndex) find(k Value) int {
	work := freeWork
	h, err := hash(k, &work, 0)
	if err != nil {
		return -1
	}

	mask := uint64(len(x.table) - 1)
	for slot := h & mask; x.table[slot] != 0; slot = (slot + 1) & mask {
		if e := x.table[slot]; x.tagged(e, h) && x.is(x.index(e), k) {
			return x.index(e)
		}
	}

	return -1
}
