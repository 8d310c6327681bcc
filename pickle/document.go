package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// ErrNotFound is wrapped by errors about a key that is not there.
var ErrNotFound = errors.New("no such key")

// Document is a large pickled dict with str keys (a config.pck), of which little
// is read and less changed. It indexes the bytes it is given, decodes what is
// asked for, keeps changes beside the old bytes, and writes by splicing.
//
// Values that Get returns are copies: a change to one counts only once it is
// handed to Set. Values handed to Set are copied as they are then; two values
// handed over apart share nothing afterwards. Where two places of the original
// share an object that can change (one list under two names), they go on sharing
// it: such values are held decoded, Get returns the shared object itself, Set
// keeps what it is given, and whatever is changed must still be handed to Set.
//
// A Document is for one goroutine at a time.
type Document struct {
	base   *segment
	layout *dictIndex
	slots  map[string]*slot // of the keys that were to be changed, and new ones
	added  []*slot          // the new ones, in the order they are written
	nextID uint32           // the first memo id that no bytes use
	plain  bool             // written in protocol 0
	writer writer           // used again and again

	undo     []func()
	undoable bool
	lively   []*slot // that have, or had, a live value
	overlay  int
	changed  int // changes so far, less those taken back
}

// slot is a key of the document.
type slot struct {
	key   string
	index int      // in the base, and after that in added
	cur   *content // nil where the key is deleted
	first *content // what the base has; nil for a new key
	group *group   // of the base's values that share objects; nil for most
}

// content is the value of a key: bytes somewhere, with changes to its items
// where it is a dict, or a live value.
type content struct {
	span
	items *items // set by the first look at it as a dict
	live  *liveValue
	err   error // why what was set cannot be written
}

// liveValue is a decoded value that other slots may share objects with.
type liveValue struct {
	v     Value
	group *group
}

// group is a number of slots whose values share objects that can change. Its
// values are decoded together, once one of them is asked for.
type group struct {
	slots []*slot
	live  bool
}

// OpenDocument indexes a pickled dict. It keeps b, and b must not change from
// then on. What is not in the layout of protocol 1 is first brought into it, and
// a document is written in protocol 1 unless SetProtocol says otherwise.
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
		return nil, fmt.Errorf("pickle: had %s, wanted a dict", kind(v))
	}

	return newDocument(dict, b[0] == opMark)
}

// openTranscoded is OpenDocument of what can be brought into protocol 1 without
// decoding it; nil of anything else.
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

// SetProtocol says which protocol the document is written in, 0 or 1, and is to
// be called before any change. What a document in protocol 1 has that protocol 0
// has not stays as it is; all of Python's readers take it.
func (d *Document) SetProtocol(proto int) { d.plain = proto == 0 }

// NewDocument returns a document that holds what d holds now.
func NewDocument(d *Dict) (*Document, error) { return newDocument(d, false) }

// newDocument is NewDocument that can also keep to opcodes which have their like
// in protocol 0.
func newDocument(d *Dict, plain bool) (*Document, error) {
	for k := range d.All() {
		if u, ok := k.(Unicode); ok && isASCII(string(u)) {
			continue
		}
		if _, ok := k.(Str); !ok {
			return nil, fmt.Errorf("pickle: had %s as a key, wanted a str", kind(k))
		}
	}

	w := writer{proto: 1, nextID: 1, plain: plain}
	w.count(d)
	if err := w.value(d, 1); err != nil {
		return nil, err
	}

	return openLayout(append(w.out, opStop))
}

// openLayout is OpenDocument of protocol 1; errLayout of anything else.
func openLayout(b []byte) (*Document, error) {
	if uint64(len(b)) >= math.MaxUint32 {
		return nil, fmt.Errorf("pickle: had %d bytes, wanted less than 4 GiB", len(b))
	}
	if len(b) == 0 || b[0] != opEmptyDict {
		return nil, errLayout
	}

	seg := &segment{b: b}
	l := layout{seg: seg, wantMemo: true}
	if err := l.run(0); err != nil {
		return nil, err
	}
	if l.stack[0].start != 0 || l.stack[0].flags&flagDict == 0 {
		return nil, errLayout
	}

	// A chain through GETs may be deeper than what lies inside one another.
	if (len(seg.gets)+1)*int(l.maxHeight) > MaxDepth {
		if _, _, err := Load(b); err != nil {
			return nil, err
		}
	}

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

// link finds the slots whose values share what can change.
func (d *Document) link() error {
	if len(d.base.gets) == 0 {
		return nil
	}
	up := make(map[int]int) // of what is in a group, to another of the group
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

	for _, g := range d.base.gets {
		from, made := d.layout.itemAt(g.at), d.layout.itemAt(d.base.known(g.id).start)
		if made < 0 {
			return fmt.Errorf("pickle: offset %d: had a dict that holds itself, wanted one that does not", g.at)
		}

		if made, from = find(made), find(from); made != from {
			up[made], up[from] = from, from
		}
	}

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

// keyAt returns a key of the base.
func (d *Document) keyAt(i int) []byte {
	key, _ := d.base.asciiKey(d.layout.items[i])
	return key
}

// asciiKey returns the bytes of a str at start, or of a unicode that is equal to
// one: Python finds either by the other.
func (s *segment) asciiKey(start uint32) ([]byte, bool) {
	if key, ok := s.str(start); ok {
		return key, true
	}
	v, err := span{s, start, s.atomEnd(start)}.decode()
	u, ok := v.(Unicode)
	return []byte(u), err == nil && ok && isASCII(string(u))
}

// slotAt returns the slot of the base's item i.
func (d *Document) slotAt(i int) *slot {
	key := string(d.keyAt(i))
	if s := d.slots[key]; s != nil {
		return s
	}
	s := &slot{key: key, index: i, first: &content{span: d.layout.value(i)}}
	s.cur = s.first
	d.slots[key] = s
	return s
}

// slot returns the slot of a key, or nil where there is no such key and was none.
func (d *Document) slot(key string) *slot {
	if s := d.slots[key]; s != nil {
		return s
	}
	if i := d.layout.find(Str(key)); i >= 0 {
		return d.slotAt(i)
	}
	return nil
}

// Keys returns the keys, in the order they are written.
func (d *Document) Keys() []string {
	keys := make([]string, 0, len(d.layout.items)+len(d.added))
	for i := range d.layout.items {
		key := d.keyAt(i)
		if s := d.slots[string(key)]; s == nil || s.cur != nil {
			keys = append(keys, string(key))
		}
	}

	for _, s := range d.added {
		if s.cur != nil {
			keys = append(keys, s.key)
		}
	}

	return keys
}

// Has reports whether there is such a key.
func (d *Document) Has(key string) bool {
	if s := d.slots[key]; s != nil {
		return s.cur != nil
	}
	return d.layout.find(Str(key)) >= 0
}

// Get decodes the value of a key.
func (d *Document) Get(key string) (Value, bool, error) {
	s := d.slots[key]
	if s == nil {
		i := d.layout.find(Str(key))
		if i < 0 {
			return nil, false, nil
		}
		v, err := d.layout.value(i).decode()
		return v, err == nil, err
	}

	if s.cur == nil {
		return nil, false, nil
	}
	if err := d.enliven(s.group); err != nil {
		return nil, false, err
	}
	v, err := s.cur.decode()
	return v, err == nil, err
}

// decode decodes the value with the changes to its items.
func (c *content) decode() (Value, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.live != nil {
		return c.live.v, nil
	}

	v, err := c.span.decode()
	if err != nil || c.items == nil || !c.items.changed() {
		return v, err
	}
	dict, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("pickle: had %s, wanted a dict", kind(v))
	}

	return dict, c.items.applyTo(dict)
}

// Set sets the value of a key. What Dump would not write makes the next
// WriteTo fail, unless it is rolled back.
func (d *Document) Set(key string, v Value) {
	s := d.slot(key)
	if s == nil {
		s = &slot{key: key, index: len(d.layout.items) + len(d.added)}
		d.slots[key] = s
		d.added = append(d.added, s)
	}

	err := d.enliven(s.group)
	c := &content{err: err}
	if s.cur != nil && s.cur.live != nil {
		c.live = &liveValue{v, s.cur.live.group}
		if old := s.cur.live; old.v == v && isContainer(v) {
			c.live = old
		}
	} else if err == nil {
		b, err := d.encode(v)
		d.overlay += len(b) + editCost
		c = &content{span: span{&segment{b: b}, 0, uint32(len(b))}, err: err}
	}

	d.replace(s, c)
}

// editCost is about what a change takes besides its bytes.
const editCost = 200

// encode writes a value with memo ids of its own.
func (d *Document) encode(v Value) ([]byte, error) {
	w := &d.writer
	w.proto, w.lean, w.plain, w.nextID = 1, true, d.plain, d.nextID
	defer w.reset()
	w.count(v)
	if err := w.value(v, 0); err != nil {
		return nil, err
	}

	d.nextID = w.nextID
	return bytes.Clone(w.out), nil
}

func (d *Document) replace(s *slot, c *content) {
	old := s.cur
	s.cur = c
	d.note(func() { s.cur = old })
}

// note counts a change, and keeps how to take it back while that may be asked for.
func (d *Document) note(undo func()) {
	d.changed++
	if d.undoable {
		d.undo = append(d.undo, func() { undo(); d.changed-- })
	}
}

// Delete removes a key and reports whether it was there.
func (d *Document) Delete(key string) bool {
	s := d.slot(key)
	if s == nil || s.cur == nil {
		return false
	}
	if err := d.enliven(s.group); err != nil {
		d.replace(s, &content{err: err})
		return true
	}

	d.replace(s, nil)
	return true
}

// Dict gives access to the items of a value that is a dict without decoding all
// of it. It fails where there is no such key or the value is no dict. The view
// stays good while the key holds a dict, also another one.
func (d *Document) Dict(key string) (*DictView, error) {
	s := d.slot(key)
	if s == nil || s.cur == nil {
		return nil, fmt.Errorf("pickle: key %q: %w", key, ErrNotFound)
	}
	if err := d.enliven(s.group); err != nil {
		return nil, err
	}

	v := &DictView{doc: d, key: key}
	if _, _, err := v.look(); err != nil {
		return nil, err
	}
	return v, nil
}

// enliven decodes the values of a group, all together, so that what they share
// is shared.
func (d *Document) enliven(g *group) error {
	if g == nil || g.live {
		return nil
	}
	values := make([]Value, len(g.slots))
	var known memo // what the parts have put in the memo so far
	for i, s := range g.slots {
		part := d.base.reader(s.first.start, s.first.end)
		part.memo = known
		v, err := part.run()
		if err != nil {
			return err
		}

		values[i] = v
		known = part.memo
	}

	d.setLive(g, values)
	return nil
}

func (d *Document) setLive(g *group, values []Value) {
	g.live = true
	for i, s := range g.slots {
		s.first.live = &liveValue{values[i], g}
	}
	d.enlist(g.slots...)

	if d.undoable {
		d.undo = append(d.undo, func() {
			g.live = false
			for _, s := range g.slots {
				s.first.live = nil
			}
		})
	}
}

// enlist notes slots that have a live value from now on.
func (d *Document) enlist(slots ...*slot) {
	for _, s := range slots {
		if !slices.Contains(d.lively, s) {
			d.lively = append(d.lively, s)
		}
	}
}

// Savepoint is a state that a Document can go back to.
type Savepoint int

// Savepoint marks the present state for Rollback. Savepoints nest.
func (d *Document) Savepoint() Savepoint {
	sp := Savepoint(len(d.undo))
	d.undoable = true
	d.keepLive()
	return sp
}

// keepLive notes how to bring back the live values, which can change in place.
func (d *Document) keepLive() {
	for _, s := range d.lively {
		if s.cur == nil || s.cur.live == nil {
			continue
		}
		// One copier for all would be enough, but live values are rare and small.
		d.undo = append(d.undo, d.liveCopy())
		return
	}
}

// liveCopy copies all live values and returns what puts the copies in place.
func (d *Document) liveCopy() func() {
	c := copier{}
	type kept struct {
		l *liveValue
		v Value
	}

	var all []kept
	keep := func(c0 *content) {
		if c0 != nil && c0.live != nil {
			all = append(all, kept{c0.live, c.copy(c0.live.v)})
		}
	}

	for _, s := range d.lively {
		keep(s.cur)
		if s.first != s.cur {
			keep(s.first)
		}
	}

	return func() {
		for _, k := range all {
			k.l.v = k.v
		}
	}
}

// Rollback takes back all that was changed since sp, which stays good for
// another Rollback; later savepoints are void.
func (d *Document) Rollback(sp Savepoint) {
	for len(d.undo) > int(sp) {
		last := len(d.undo) - 1
		undo := d.undo[last]
		d.undo[last] = nil
		d.undo = d.undo[:last]
		undo()
	}
	d.keepLive()
}

// Release forgets all savepoints and what they need to keep.
func (d *Document) Release() { d.undo, d.undoable = nil, false }

// Changed reports whether there are changes that have not been taken back.
func (d *Document) Changed() bool { return d.changed > 0 }

// OverlaySize returns about how many bytes the changes take in memory.
func (d *Document) OverlaySize() int { return d.overlay }

// Compact writes the document to memory and starts afresh from that. Do it
// between batches where OverlaySize has become a large part of the whole.
// Savepoints are void afterwards; views stay good.
func (d *Document) Compact() error {
	parts, err := d.parts()
	if err != nil {
		return err
	}

	fresh, err := OpenDocument(bytes.Join(parts, nil))
	if err != nil {
		return err
	}
	fresh.plain = d.plain
	*d = *fresh
	return nil
}
