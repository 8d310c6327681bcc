package pickle

import "iter"

// Dict is a Python dict. Keys are found by Python's equality: 1, 1L, 1.0 and
// True are one key, and so are 'a' and u'a'. It keeps the order of insertion,
// which Python does not, so that the written bytes do not depend on chance.
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

// fewItems is how many entries are searched one by one before a table is made.
const fewItems = 8

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{} }

// Len returns the number of items.
func (d *Dict) Len() int { return len(d.entries) - d.holes }

// Get returns the value of a key. A key that Python could not hash is not there.
func (d *Dict) Get(key Value) (Value, bool) {
	if len(d.entries) == 0 {
		return nil, false
	}
	work := freeWork
	h, err := hash(key, &work, 0)
	if err != nil {
		return nil, false
	}
	if i := d.find(key, h); i >= 0 {
		return d.entries[i].value, true
	}
	return nil, false
}

// Set sets the value of a key. As in Python, an equal key that is there already stays. Set panics where Python would
// say unhashable: for a list or dict as the key.
func (d *Dict) Set(key, v Value) {
	work := freeWork
	if err := d.set(key, v, &work); err != nil {
		panic("pickle: Dict.Set " + err.Error())
	}
}

// set is Set, and takes the cost of hashing from *work.
func (d *Dict) set(key, v Value, work *int) error {
	h, err := hash(key, work, 0)
	if err != nil {
		return err
	}
	if i := d.find(key, h); i >= 0 {
		d.entries[i].value = v
		return nil
	}

	if len(d.entries) == cap(d.entries) && d.holes > len(d.entries)/2 {
		d.compact()
	}

	d.entries = append(d.entries, entry{key, v, h, true})
	switch {
	case d.table != nil && len(d.entries)*4 <= len(d.table)*3:
		d.link(len(d.entries) - 1)
	case len(d.entries) > fewItems:
		d.rebuild()
	}

	return nil
}

// Delete removes a key and reports whether it was there.
func (d *Dict) Delete(key Value) bool {
	work := freeWork
	h, err := hash(key, &work, 0)
	if err != nil {
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
			if e := &d.entries[i]; e.live && e.hash == h && sameKey(e.key, key) {
				return i
			}
		}
		return -1
	}

	mask := uint64(len(d.table) - 1)
	for slot := h & mask; d.table[slot] != 0; slot = (slot + 1) & mask {
		i := int(d.table[slot] - 1)
		if e := &d.entries[i]; e.live && e.hash == h && sameKey(e.key, key) {
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

// compact removes the holes. It makes a new slice, so that a running All can go on with the old one.
func (d *Dict) compact() {
	kept := make([]entry, 0, 2*d.Len()+1)
	for _, e := range d.entries {
		if e.live {
			kept = append(kept, e)
		}
	}

	d.entries, d.holes, d.table = kept, 0, nil
	if len(kept) > fewItems {
		d.rebuild()
	}
}

// rebuild makes a table of twice the size that is needed.
func (d *Dict) rebuild() {
	size := 16
	for size < 2*len(d.entries) {
		size *= 2
	}
	d.table = make([]int32, size)

	for i := range d.entries {
		if d.entries[i].live {
			d.link(i)
		}
	}
}

// All yields the items in order of insertion. The dict may be changed meanwhile: All may miss added items, and does
// not yield deleted ones.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		entries := d.entries
		for i := range entries {
			e := entries[i]
			if !e.live {
				continue
			}

			// The entries have moved: read them at their new place.
			if len(d.entries) == 0 || &d.entries[0] != &entries[0] {
				j := d.find(e.key, e.hash)
				if j < 0 {
					continue
				}
				e = d.entries[j]
			}

			if !yield(e.key, e.value) {
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
