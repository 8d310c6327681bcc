package pickle

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// OpenDocument indexes a pickled dict. It keeps b, which must not change from then on. A pickle that is not in the
// layout of protocol 1 is first converted. A document is written in protocol 1 unless SetProtocol says otherwise.
func OpenDocument(b []byte) (*Document, error) {
	d, err := openLayout(b)
	if !errors.Is(err, errLayout) {
		return d, err
	}
	if d := openTranscoded(b); d != nil {
		return d, nil
	}

	v, _, err := Load(b)
	if err != nil {
		return nil, err
	}
	dict, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("pickle: got %s, need a dict", kind(v))
	}

	return newDocument(dict, b[0] == opMark)
}

// openTranscoded is OpenDocument for a pickle that can be converted to protocol 1 without decoding it; nil for any
// other.
func openTranscoded(b []byte) *Document {
	b, err := transcode(b)
	if err != nil {
		return nil
	}

	d, err := openLayout(b)
	if err != nil {
		return nil
	}
	return d
}

// NewDocument returns a document with the present contents of d.
func NewDocument(d *Dict) (*Document, error) { return newDocument(d, false) }

// newDocument is NewDocument, and with plain it uses only opcodes that have a counterpart in protocol 0.
func newDocument(d *Dict, plain bool) (*Document, error) {
	for k := range d.All() {
		if u, ok := k.(Unicode); ok && isASCII(string(u)) {
			continue
		}
		if _, ok := k.(Str); !ok {
			return nil, fmt.Errorf("pickle: got %s as a key, need a str", kind(k))
		}
	}

	w := writer{proto: 1, nextID: 1, plain: plain}
	w.count(d)
	if err := w.value(d, 1); err != nil {
		return nil, err
	}

	return openLayout(append(w.out, opStop))
}

// openLayout is OpenDocument for protocol 1. It returns errLayout for anything else.
func openLayout(b []byte) (*Document, error) {
	// Offsets have four bytes.
	if uint64(len(b)) >= math.MaxUint32 {
		return nil, fmt.Errorf("pickle: got %d bytes, need less than 4 GiB", len(b))
	}
	if len(b) == 0 || b[0] != opEmptyDict {
		return nil, errLayout
	}

	// Run the opcodes once: this finds the items and refuses what a reader would refuse.
	seg := &segment{b: b}
	l := layout{seg: seg, wantMemo: true}
	if err := l.run(0); err != nil {
		return nil, err
	}
	if l.stack[0].start != 0 || l.stack[0].flags&flagDict == 0 {
		return nil, errLayout
	}

	// A value may be deeper through its GETs than by the containers around it. Load knows the true depth.
	if (len(seg.gets)+1)*int(l.maxHeight) > MaxDepth {
		if _, _, err := Load(b); err != nil {
			return nil, err
		}
	}

	// Attributes of a list have ASCII names; other keys need a full decode to be compared.
	for _, start := range l.items {
		if _, ok := seg.asciiKey(start); !ok {
			return nil, errLayout
		}
	}

	d := &Document{base: seg, slots: make(map[string]*slot), nextID: uint32(len(seg.memo))}
	d.layout = &dictIndex{span: span{seg, 0, uint32(l.pos - 1)}, items: l.items, batches: l.batches}
	if err := d.layout.buildTable(); err != nil {
		return nil, err
	}
	if err := d.link(); err != nil {
		return nil, err
	}

	return d, nil
}

// link groups the slots whose values share an object that can change: such values are decoded together.
func (d *Document) link() error {
	// Only a GET of a mutable object ties two values together; most lists have none.
	if len(d.base.gets) == 0 {
		return nil
	}

	// Union-find: up leads from a value to another one of its group, and find returns the group's first.
	up := make(map[int]int)
	find := func(i int) int {
		for {
			j, ok := up[i]
			if !ok || j == i {
				return i
			}

			if k, ok := up[j]; ok {
				up[i] = k
			}

			i = j
		}
	}

	// Each GET ties the value that it stands in to the value in which the object was made.
	for _, g := range d.base.gets {
		from, made := d.layout.itemAt(g.at), d.layout.itemAt(d.base.memoAt(g.id).start)
		// The object was made outside of all items: it is the document's dict itself.
		if made < 0 {
			return fmt.Errorf("pickle: offset %d: got a dict that holds itself, need one that does not", g.at)
		}

		if made, from = find(made), find(from); made != from {
			up[made], up[from] = from, from
		}
	}

	// Sorted, so that the groups' order and with it the written bytes do not depend on chance.
	groups := make(map[int]*group)
	for _, i := range slices.Sorted(maps.Keys(up)) {
		g := groups[find(i)]
		if g == nil {
			g = &group{}
			groups[find(i)] = g
		}

		s := d.slotAt(i)
		s.group = g
		g.slots = append(g.slots, s)
	}

	return nil
}
