package pickle

import (
	"fmt"
	"iter"
)

// Dict is a Python dict. Keys are found by Python's equality: 1, 1L, 1.0 and
// True are one key, and so are 'a' and u'a'. It keeps the order of insertion,
// which Python does not, so that what is written does not depend on chance.
// The zero Dict is empty and ready to use.
type Dict struct {
	entries []entry // in order of insertion; deleted ones stay as holes for a while
	table   []int32 // open addressing: 1 + index into entries, 0 is free; nil while there are few entries
	holes   int     // deleted entries still in entries
}

type entry struct {
	key, value Value
	hash       uint64
	live       bool
}

// fewItems is how many entries are searched one by one before a table pays.
const fewItems = 8

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{} }

// Len returns the number of items.
func (d *Dict) Len() int { return len(d.entries) - d.holes }

// Get returns the value of a key. A key that Python could not hash is not there.
func (d *Dict) Get(key Value) (Value, bool) {
	h, ok := hash(key, 0)
	if !ok {
		return nil, false
	}
	if i := d.find(key, h); i >= 0 {
		return d.entries[i].value, true
	}
	return nil, false
}

// Set sets the value of a key. An equal key that is there already stays, as in
// Python. Set panics where Python would say unhashable: a list or dict as the key.
func (d *Dict) Set(key, v Value) {
	if !d.set(key, v) {
		panic(fmt.Sprintf("pickle: unhashable key: had %s", kind(key)))
	}
}

func (d *Dict) set(key, v Value) bool {
	h, ok := hash(key, 0)
	if !ok {
		return false
	}
	if i := d.find(key, h); i >= 0 {
		d.entries[i].value = v
		return true
	}
	d.entries = append(d.entries, entry{key, v, h, true})
	switch {
	case d.table != nil && len(d.entries)*4 <= len(d.table)*3:
		d.link(len(d.entries) - 1)
	case len(d.entries) > fewItems:
		d.rebuild()
	}
	return true
}

// Delete removes a key and reports whether it was there.
func (d *Dict) Delete(key Value) bool {
	h, ok := hash(key, 0)
	if !ok {
		return false
	}
	i := d.find(key, h)
	if i < 0 {
		return false
	}
	d.entries[i] = entry{}
	d.holes++
	return true
}

func (d *Dict) find(key Value, h uint64) int {
	if d.table == nil {
		for i := range d.entries {
			if e := &d.entries[i]; e.live && e.hash == h && sameKey(e.key, key, 0) {
				return i
			}
		}
		return -1
	}
	mask := uint64(len(d.table) - 1)
	for slot := h & mask; d.table[slot] != 0; slot = (slot + 1) & mask {
		i := int(d.table[slot] - 1)
		if e := &d.entries[i]; e.live && e.hash == h && sameKey(e.key, key, 0) {
			return i
		}
	}
	return -1
}

func (d *Dict) link(i int) {
	mask := uint64(len(d.table) - 1)
	slot := d.entries[i].hash & mask
	for d.table[slot] != 0 {
		slot = (slot + 1) & mask
	}
	d.table[slot] = int32(i + 1)
}

// rebuild drops the holes and makes a table of twice the room that is needed.
func (d *Dict) rebuild() {
	if d.holes > 0 {
		kept := make([]entry, 0, d.Len())
		for _, e := range d.entries {
			if e.live {
				kept = append(kept, e)
			}
		}
		d.entries, d.holes = kept, 0
	}
	size := 16
	for size < 2*len(d.entries) {
		size *= 2
	}
	d.table = make([]int32, size)
	for i := range d.entries {
		d.link(i)
	}
}

// All yields the items in order of insertion. Items added while it runs may be
// missed; items deleted while it runs are not yielded.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		for i := 0; i < len(d.entries); i++ {
			if e := &d.entries[i]; e.live && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Keys returns the keys in order of insertion.
func (d *Dict) Keys() []Value {
	keys := make([]Value, 0, d.Len())
	for k := range d.All() {
		keys = append(keys, k)
	}
	return keys
}

// GetStr is Get of a str key.
func (d *Dict) GetStr(key string) (Value, bool) { return d.Get(Str(key)) }

// SetStr is Set of a str key.
func (d *Dict) SetStr(key string, v Value) { d.Set(Str(key), v) }
