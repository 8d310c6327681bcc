package pickle

import (
	"errors"
	"fmt"
	"iter"
)

// DictView is a dict inside a Document.
type DictView struct {
	doc *Document
	key string
	err error
}

// look returns the dict in its present form: a live one, or bytes with changes.
func (v *DictView) look() (*Dict, *items, error) {
	// The key may have been deleted since Document.Dict returned this view.
	s := v.doc.slot(v.key)
	if s == nil || s.cur == nil {
		return nil, nil, fmt.Errorf("pickle: key %q: %w", v.key, ErrNotFound)
	}

	// Values that share a mutable object are changed together, so they are decoded as a group first.
	if err := v.doc.enliven(s.group); err != nil {
		return nil, nil, err
	}

	// A value that could not be encoded stays an error until Set replaces it.
	c := s.cur
	if c.err != nil {
		return nil, nil, c.err
	}

	// An earlier look has indexed the items already.
	if c.items != nil {
		return nil, c.items, nil
	}

	// The first look indexes the bytes; the items are decoded one by one as they are asked for.
	if c.live == nil {
		x, err := c.open(v.doc)
		if err == nil {
			c.items = &items{index: x, size: len(x.items)}
			return nil, c.items, nil
		}
		if !errors.Is(err, errLayout) {
			return nil, nil, fmt.Errorf("pickle: key %q: %w", s.key, err)
		}

		// The items share objects with one another, so no item can be changed alone: decode the whole dict.
		val, err := c.span.decode()
		if err != nil {
			return nil, nil, err
		}
		v.doc.hold(s, c, val)
	}

	dict, ok := c.live.v.(*Dict)
	if !ok {
		return nil, nil, fmt.Errorf("pickle: key %q: got %s, need a dict", s.key, kind(c.live.v))
	}

	return dict, nil, nil
}

// open indexes a value that is a dict.
func (c *content) open(d *Document) (*dictIndex, error) {
	if c.seg.b[c.start] != opEmptyDict {
		v, err := c.span.decode()
		if err != nil {
			return nil, err
		}
		if _, ok := v.(*Dict); ok {
			return nil, errLayout
		}
		return nil, fmt.Errorf("got %s, need a dict", kind(v))
	}

	if c.seg != d.base && c.seg.memo == nil {
		// Bytes that Set has made: find out which memo ids they use.
		c.seg.b = append(c.seg.b, opStop)
		l := layout{seg: c.seg, wantMemo: true}
		c.seg.firstID = firstPut(c.seg.b)
		if err := l.run(0); err != nil {
			return nil, err
		}
	}

	return newDictIndex(c.span)
}

// firstPut returns the smallest memo id that is put.
func firstPut(b []byte) uint32 {
	first := ^uint32(0)
	var t token
	for pos := 0; nextToken(b, pos, &t) == nil; pos = t.end {
		if isPut(t.op) {
			first = min(first, t.id)
		}
	}
	return first
}

// hold makes a value live, outside of any group.
func (d *Document) hold(s *slot, c *content, v Value) {
	c.live = &liveValue{v, &group{slots: []*slot{s}, live: true}}
	d.enlist(s)
	if d.undoable {
		d.undo = append(d.undo, func() { c.live = nil })
	}
}

// Get decodes the value of a key.
func (v *DictView) Get(key Value) (Value, bool, error) {
	dict, x, err := v.look()
	switch {
	case err != nil:
		return nil, false, err
	case dict != nil:
		val, ok := dict.Get(key)
		return val, ok, nil
	}

	e, i := x.find(key)
	var val Value
	switch {
	case e != nil && !e.deleted:
		val, err = e.decode()
	case e == nil && i >= 0:
		val, err = x.index.value(i).decode()
	default:
		return nil, false, nil
	}

	return val, err == nil, err
}

// GetStr is Get of a str key.
func (v *DictView) GetStr(key string) (Value, bool, error) { return v.Get(Str(key)) }

// Has reports whether there is such a key.
func (v *DictView) Has(key Value) bool {
	dict, x, err := v.look()
	switch {
	case err != nil:
		return false
	case dict != nil:
		_, ok := dict.Get(key)
		return ok
	}

	e, i := x.find(key)
	if e != nil {
		return !e.deleted
	}

	return i >= 0
}

// HasStr is Has of a str key.
func (v *DictView) HasStr(key string) bool { return v.Has(Str(key)) }

// Set sets the value of a str key, SetKey that of any key. Where the view's key does not hold a dict any more, Set
// does nothing, and Err says so.
func (v *DictView) Set(key string, val Value) { v.SetKey(Str(key), val) }

// SetKey sets the value of a key. It panics where Python would say unhashable.
func (v *DictView) SetKey(key, val Value) {
	dict, x, err := v.look()
	switch {
	case err != nil:
		v.err = err
	case dict != nil:
		v.doc.changed++
		dict.Set(key, val)
		v.doc.noteLive()
	default:
		b, err := v.doc.encode(val)
		v.doc.overlay += len(b) + editCost
		v.doc.edit(x, key, &edit{b: b, err: err})
	}
}

// Delete removes a str key and reports whether it was there; DeleteKey removes any.
func (v *DictView) Delete(key string) bool { return v.DeleteKey(Str(key)) }

// DeleteKey removes a key and reports whether it was there.
func (v *DictView) DeleteKey(key Value) bool {
	if !v.Has(key) {
		return false
	}
	dict, x, _ := v.look()
	if dict != nil {
		v.doc.changed++
		v.doc.noteLive()
		return dict.Delete(key)
	}

	v.doc.edit(x, key, &edit{deleted: true})
	return true
}

// Len returns the number of items.
func (v *DictView) Len() int {
	dict, x, err := v.look()
	switch {
	case err != nil:
		return 0
	case dict != nil:
		return dict.Len()
	}
	return x.size
}

// Keys yields the keys in the order in which they are written. The dict may be changed meanwhile: Keys may miss added
// items, and does not yield deleted ones.
func (v *DictView) Keys() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		v.each(func(k Value, _ func() (Value, error)) bool { return yield(k) })
	}
}

// All yields the items in the order in which they are written, with the rules of Keys. It ends at a value that cannot
// be decoded; Err then says why.
func (v *DictView) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		v.each(func(k Value, value func() (Value, error)) bool {
			val, err := value()
			if err != nil {
				v.err = err
				return false
			}
			return yield(k, val)
		})
	}
}

func (v *DictView) each(f func(k Value, value func() (Value, error)) bool) {
	v.err = nil
	dict, x, err := v.look()
	if err != nil {
		v.err = err
		return
	}

	// A live dict has its values at hand.
	if dict != nil {
		for k, val := range dict.All() {
			if !f(k, func() (Value, error) { return val, nil }) {
				return
			}
		}
		return
	}

	// Items of the old bytes come first, as they are written; each with its change, if it has one.
	for i := range x.index.items {
		e := x.edits[i]
		if e != nil && e.deleted {
			continue
		}

		k, err := x.index.key(i).decode()
		if err != nil {
			v.err = err
			return
		}

		// The value is decoded only when f asks for it: Keys needs none of them.
		value := func() (Value, error) { return x.index.value(i).decode() }

		if e != nil {
			value = e.decode
		}

		if !f(k, value) {
			return
		}
	}

	// Then the new items, which WriteTo puts behind the old ones.
	if x.added == nil {
		return
	}

	for k, e := range x.added.All() {
		if !f(k, e.(*edit).decode) {
			return
		}
	}
}

// Err returns the error that ended the last Keys or All early, or that kept Set from setting a value, or nil.
func (v *DictView) Err() error { return v.err }
