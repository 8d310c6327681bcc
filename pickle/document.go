package pickle

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrNotFound is wrapped by errors about a missing key.
var ErrNotFound = errors.New("no such key")

// Document is a large pickled dict with str keys (a config.pck), of which little is read and less is changed. It
// indexes the bytes, decodes only the values that are asked for, keeps changes beside the old bytes, and writes by
// splicing.
//
// Values that Get returns are copies: a change counts once the value is given to Set. Set copies a value as it is at
// that moment, and values of two calls share nothing. Where two places of the original share an object that can
// change (one list under two names), they go on sharing it. Such values are kept decoded: Get returns the shared
// object itself, Set keeps the object that it gets, and a changed value must still be given to Set.
//
// A Document is for one goroutine at a time.
type Document struct {
	base   *segment
	layout *dictIndex
	slots  map[string]*slot // of keys with changes, and of new keys
	added  []*slot          // the new keys, in the order in which they are written
	nextID uint32           // the first memo id that no bytes use
	plain  bool             // written in protocol 0
	writer writer           // used again and again

	undo     []func()
	undoable bool
	lively   []*slot // have, or had, a live value
	overlay  int
	changed  int // changes so far, without those taken back
}

// slot is a key of the document.
type slot struct {
	key   string
	index int      // in the base, and after that in added
	cur   *content // nil where the key is deleted
	first *content // the base's value; nil for a new key
	group *group   // of the base's values that share objects; nil for most
}

// content is the value of a key: bytes somewhere, with changes to its items if it is a dict, or a live value.
type content struct {
	span
	items *items // set by the first look at it as a dict
	live  *liveValue
	err   error // why the new value cannot be written
}

// SetProtocol says in which protocol the document is written, 0 or 1. It must be called before any change. Opcodes of
// protocol 1 without a counterpart in protocol 0 stay as they are; all of Python's readers take them.
func (d *Document) SetProtocol(proto int) { d.plain = proto == 0 }

// keyAt returns a key of the base.
func (d *Document) keyAt(i int) []byte {
	key, _ := d.base.asciiKey(d.layout.items[i])
	return key
}

// asciiKey returns the bytes of a str at start, or of a unicode that equals one: Python finds either by the other.
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

// slot returns the slot of a key, or nil for a key that never existed.
func (d *Document) slot(key string) *slot {
	if s := d.slots[key]; s != nil {
		return s
	}
	if i := d.layout.find(Str(key)); i >= 0 {
		return d.slotAt(i)
	}
	return nil
}

// Keys returns the keys in the order in which they are written.
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
		return nil, fmt.Errorf("pickle: got %s, need a dict", kind(v))
	}

	return dict, c.items.applyTo(dict)
}

// Set sets the value of a key. A value that Dump cannot write makes the next WriteTo fail, unless it is rolled back.
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

// editCost is about how much memory a change takes besides its bytes.
const editCost = 200

// encode writes a value with memo ids that no other bytes use.
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

// Dict gives access to the items of a value that is a dict, without decoding all of it. It fails for a missing key
// and for a value that is no dict. The view stays valid while the key holds a dict, which may be replaced by another.
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

// Changed reports whether there are changes that have not been taken back.
func (d *Document) Changed() bool { return d.changed > 0 }

// OverlaySize returns about how many bytes the changes take in memory.
func (d *Document) OverlaySize() int { return d.overlay }

// Compact writes the document to memory and starts afresh from the new bytes. Call it between batches when
// OverlaySize has become a large part of the whole. Savepoints are void afterwards; views stay valid.
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
