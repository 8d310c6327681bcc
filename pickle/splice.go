package pickle

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
)

// splice is bytes that replace b[start:end] of a segment. Where start equals end they are inserted.
type splice struct {
	start, end uint32
	parts      [][]byte
}

// writeBuffer collects short pieces; longer ones are written directly.
const writeBuffer = 256 << 10

// WriteTo writes the document with all changes, without a second copy of the bytes. The document stays usable.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	parts, err := d.parts()
	if err != nil {
		return 0, err
	}

	write := func(w *bufio.Writer, p []byte) (int64, error) {
		n, err := w.Write(p)
		return int64(n), err
	}

	// A document in protocol 0 is written as text opcode by opcode, without a second copy of all bytes.
	if d.plain {
		write = writeText
	}

	var n int64
	buf := bufio.NewWriterSize(w, writeBuffer)
	for _, p := range parts {
		m, err := write(buf, p)
		n += m
		if err != nil {
			return n, err
		}
	}

	return n, buf.Flush()
}

// Bytes returns what WriteTo writes.
func (d *Document) Bytes() ([]byte, error) {
	var out bytes.Buffer
	_, err := d.WriteTo(&out)
	return out.Bytes(), err
}

// parts returns the pieces that the document consists of: the old bytes, cut where a change goes in.
func (d *Document) parts() ([][]byte, error) {
	// Live values are written first: what they share gets its PUT in the first of them.
	live, err := d.encodeLive()
	if err != nil {
		return nil, err
	}

	var splices []splice
	for _, s := range d.touched() {
		switch {
		// The key was deleted.
		case s.cur == nil:
			splices = append(splices, d.layout.without(s.index))
		// The old value stays, with changes to single items at most.
		case s.cur == s.first && s.cur.live == nil:
			if s.cur.items != nil {
				more, err := s.cur.items.splices(d)
				if err != nil {
					return nil, fmt.Errorf("key %q: %w", s.key, err)
				}
				splices = append(splices, more...)
			}
		default:
			// A new value, or a live one, takes the place of the old bytes.
			parts, err := s.cur.parts(d, live[s])
			if err != nil {
				return nil, fmt.Errorf("key %q: %w", s.key, err)
			}
			splices = append(splices, splice{s.first.start, s.first.end, parts})
		}
	}

	// New keys go behind the old ones, before the opcode that ends the document's dict.
	added := newItems{doc: d}
	for _, s := range d.added {
		if s.cur == nil {
			continue
		}
		parts, err := s.cur.parts(d, live[s])
		if err == nil {
			err = added.add(Str(s.key), parts...)
		}

		if err != nil {
			return nil, fmt.Errorf("key %q: %w", s.key, err)
		}
	}

	splices = added.at(d.layout.end, splices)
	return d.base.spliced(0, d.layout.end+1, splices)
}

// touched returns the slots of the base's keys that have changes, in order.
func (d *Document) touched() []*slot {
	all := make([]*slot, 0, len(d.slots))
	for _, s := range d.slots {
		if s.first != nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, bySlot)
	return all
}

func bySlot(a, b *slot) int { return a.index - b.index }

// newItems are written behind the items of a dict, as cPickle writes items.
type newItems struct {
	doc   *Document
	parts [][]byte
	n     int
}

func (x *newItems) add(k Value, value ...[]byte) error {
	key, err := x.doc.encode(k)
	if err != nil {
		return err
	}

	if !x.doc.plain && x.n%batch == 0 {
		if x.n > 0 {
			x.parts = append(x.parts, []byte{opSetItems})
		}
		x.parts = append(x.parts, []byte{opMark})
	}

	x.n++
	x.parts = append(append(x.parts, key), value...)
	if x.doc.plain {
		x.parts = append(x.parts, []byte{opSetItem})
	}

	return nil
}

// at adds the splice that inserts the items at end.
func (x *newItems) at(end uint32, splices []splice) []splice {
	if x.n == 0 {
		return splices
	}
	if !x.doc.plain {
		x.parts = append(x.parts, []byte{opSetItems})
	}
	return append(splices, splice{end, end, x.parts})
}

// encodeLive writes the live values, in the order of their slots, so that the first of them has the PUT of a shared
// object.
func (d *Document) encodeLive() (map[*slot][]byte, error) {
	var slots []*slot
	all := &Tuple{}
	slices.SortFunc(d.lively, bySlot)

	for _, s := range d.lively {
		if s.cur != nil && s.cur.live != nil && s.cur.err == nil {
			slots = append(slots, s)
			all.Items = append(all.Items, s.cur.live.v)
		}
	}

	if len(slots) == 0 {
		return nil, nil
	}

	// One writer for all values: what two of them share is put in the memo by the first and fetched by the other.
	w := writer{proto: 1, nextID: d.nextID, lean: true, plain: d.plain}
	w.count(all)
	out := make(map[*slot][]byte)
	for _, s := range slots {
		from := len(w.out)
		if err := w.value(s.cur.live.v, 0); err != nil {
			return nil, fmt.Errorf("key %q: %w", s.key, err)
		}
		out[s] = w.out[from:len(w.out):len(w.out)]
	}

	d.nextID = w.nextID
	return out, nil
}

// parts returns the pieces of a value that is not the base's, or is not any more.
func (c *content) parts(d *Document, live []byte) ([][]byte, error) {
	switch {
	case c.err != nil:
		return nil, c.err
	case c.live != nil:
		return [][]byte{live}, nil
	case c.items == nil:
		return [][]byte{c.seg.b[c.start:c.end]}, nil
	}

	splices, err := c.items.splices(d)
	if err != nil {
		return nil, err
	}

	return c.seg.spliced(c.start, c.end, splices)
}

// without is the splice that removes an item.
func (x *dictIndex) without(i int) splice {
	b := x.batch(i)
	end := x.value(i).end
	if b.start == x.items[i] {
		// The SETITEM of a single item.
		end++
	}
	return splice{start: x.items[i], end: end}
}

// splices returns the changes to the items, in order.
func (x *items) splices(d *Document) ([]splice, error) {
	if !x.changed() {
		return nil, nil
	}
	order := make([]int, 0, len(x.edits))
	for i := range x.edits {
		order = append(order, i)
	}

	// Splices must be in the order of the bytes.
	slices.Sort(order)
	out := make([]splice, 0, len(order)+1)
	for _, i := range order {
		e := x.edits[i]
		switch {
		case e.err != nil:
			return nil, e.err
		case e.deleted:
			out = append(out, x.index.without(i))
		default:
			at := x.index.value(i)
			out = append(out, splice{at.start, at.end, [][]byte{e.b}})
		}
	}

	if x.added == nil {
		return out, nil
	}

	// New items follow the old ones.
	added := newItems{doc: d}
	for k, v := range x.added.All() {
		e := v.(*edit)
		if e.err != nil {
			return nil, e.err
		}
		if err := added.add(k, e.b); err != nil {
			return nil, err
		}
	}

	return added.at(x.index.end, out), nil
}

// spliced returns the pieces of b[start:end] with the splices, which are in order, applied. Where a splice removes a
// PUT, and a GET of its id stays, the first such GET is replaced by the value with its PUT.
func (s *segment) spliced(start, end uint32, splices []splice) ([][]byte, error) {
	splices, err := s.rehome(start, end, splices)
	if err != nil {
		return nil, err
	}

	parts := make([][]byte, 0, 2*len(splices)+1)
	at := start
	for _, sp := range splices {
		if at < sp.start {
			parts = append(parts, s.b[at:sp.start])
		}
		parts = append(parts, sp.parts...)
		at = sp.end
	}

	if at < end {
		parts = append(parts, s.b[at:end])
	}

	return parts, nil
}
