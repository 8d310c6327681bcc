package py

import (
	"math/bits"
	"slices"
)

// The order of a dict's keys follows from the hashes of the keys and the dict's history (Objects/dictobject.c). It
// shows wherever Mailman goes through a dict, for example in the order in which a bounce's addresses are registered.
// This is the order of a 64-bit Python without hash randomization (-R), which Mailman does not switch on.

// Dict has the keys of a dict whose keys are str, for the sake of their order. The zero Dict is empty and ready to
// use.
type Dict struct {
	slots []slot
	keys  []string // by slot.key
	fill  int      // slots that are or were in use
	used  int

	spare [][]slot // unused tables, by the logarithm of their size
}

// slot has no pointers, since Reload goes through thousands of slots many times.
type slot struct {
	hash  uint64
	key   int32
	state slotState
}

type slotState uint8

const (
	free slotState = iota
	dummy
	taken
)

const minSize = 8

// DictOrder returns the keys of a dict that was filled with keys in the given order.
func DictOrder(keys []string) []string {
	var d Dict
	for _, k := range keys {
		d.Set(k)
	}
	return d.Keys()
}

// Hash is hash(s).
func Hash(s string) uint64 {
	if s == "" {
		return 0
	}
	x := uint64(s[0]) << 7
	for i := range len(s) {
		x = 1000003*x ^ uint64(s[i])
	}
	x ^= uint64(len(s))
	if x == ^uint64(0) {
		x--
	}

	return x
}

// find returns the slot that holds key, or the slot in which key would be put.
func (d *Dict) find(key string, hash uint64) *slot {
	mask := uint64(len(d.slots) - 1)
	var reuse *slot
	i, perturb := hash, hash
	for {
		s := &d.slots[i&mask]
		switch {
		case s.state == free:
			if reuse != nil {
				return reuse
			}
			return s
		case s.state == dummy:
			if reuse == nil {
				reuse = s
			}
		case s.hash == hash && d.keys[s.key] == key:
			return s
		}

		i = i<<2 + i + perturb + 1
		perturb >>= 5
	}
}

// Len returns how many keys there are.
func (d *Dict) Len() int { return d.used }

// Has is key in d.
func (d *Dict) Has(key string) bool {
	return d.used > 0 && d.find(key, Hash(key)).state == taken
}

// Set is d[key] = something.
func (d *Dict) Set(key string) {
	if d.slots == nil {
		d.slots = make([]slot, minSize)
	}

	hash := Hash(key)
	s := d.find(key, hash)
	if s.state == taken {
		return
	}

	if s.state == free {
		d.fill++
	}

	d.keys = append(d.keys, key)
	*s = slot{hash, int32(len(d.keys) - 1), taken}
	d.used++

	if d.fill*3 >= len(d.slots)*2 {
		d.resize(grown(d.used))
	}
}

// grown returns how many slots a full dict grows to.
func grown(used int) int {
	if used > 50000 {
		return used * 2
	}
	return used * 4
}

// Delete is del d[key], if it is there.
func (d *Dict) Delete(key string) {
	if d.used == 0 {
		return
	}
	s := d.find(key, Hash(key))
	if s.state == taken {
		*s = slot{state: dummy}
		d.used--
	}
}

func (d *Dict) resize(atLeast int) {
	size := minSize
	for size <= atLeast {
		size <<= 1
	}
	old := d.slots
	d.slots = make([]slot, size)
	d.fill = d.used

	for _, s := range old {
		if s.state == taken {
			place(d.slots, s)
		}
	}
}

// place puts a new key into a table without dummies.
func place(slots []slot, s slot) {
	mask := uint64(len(slots) - 1)
	i, perturb := s.hash, s.hash
	for slots[i&mask].state != free {
		i = i<<2 + i + perturb + 1
		perturb >>= 5
	}
	slots[i&mask] = s
}

// Reload makes d the dict that reading its pickle would make: an empty dict, into which the keys are put in their
// present order. It tells whether the order has changed.
func (d *Dict) Reload() (changed bool) {
	if d.used == 0 {
		d.slots, d.fill = nil, 0
		return false
	}

	// dict_resize: insert the keys in the order of the old table; each time two thirds are taken, the table grows and all
	// are inserted anew. The order of a dict depends on this history.
	old := d.slots
	size, fill := minSize, 0
	table := d.table(size, old)
	for _, s := range old {
		if s.state != taken {
			continue
		}
		place(table, s)
		if fill++; fill*3 < size*2 {
			continue
		}

		full := table
		for size = minSize; size <= grown(fill); {
			size <<= 1
		}
		table = d.table(size, old)
		for _, s := range full {
			if s.state == taken {
				place(table, s)
			}
		}
	}

	d.slots, d.fill = table, fill
	d.keep(old)
	return !sameOrder(old, table)
}

// sameOrder tells whether two tables have the same keys in the same order.
func sameOrder(a, b []slot) bool {
	j := 0
	for i := range a {
		if a[i].state != taken {
			continue
		}
		for j < len(b) && b[j].state != taken {
			j++
		}
		if j == len(b) || b[j].key != a[i].key {
			return false
		}

		j++
	}

	return true
}

// table returns an empty table of that size, and not the one in use.
func (d *Dict) table(size int, inUse []slot) []slot {
	n := bits.Len(uint(size))
	for len(d.spare) <= n {
		d.spare = append(d.spare, nil)
	}
	t := d.spare[n]
	if len(t) != size || len(inUse) > 0 && &t[0] == &inUse[0] {
		t = make([]slot, size)
		d.spare[n] = t
	}

	clear(t)
	return t
}

// keep keeps a table for later use.
func (d *Dict) keep(t []slot) {
	if n := bits.Len(uint(len(t))); n < len(d.spare) && len(t) > 0 {
		d.spare[n] = t
	}
}

// Keys is d.keys().
func (d *Dict) Keys() []string {
	out := make([]string, 0, d.used)
	for _, s := range d.slots {
		if s.state == taken {
			out = append(out, d.keys[s.key])
		}
	}
	return out
}

// Clone returns a dict with the same history.
func (d *Dict) Clone() *Dict {
	c := *d
	c.slots = slices.Clone(d.slots)
	c.keys = slices.Clone(d.keys)
	c.spare = nil
	return &c
}

// Update is d.update(other), which makes room for all keys of other at once.
func (d *Dict) Update(other *Dict) {
	if other.used == 0 {
		return
	}

	if d.slots == nil {
		d.slots = make([]slot, minSize)
	}

	// PyDict_Merge makes room once, and so may end up with another table than single insertions.
	if (d.fill+other.used)*3 >= len(d.slots)*2 {
		d.resize((d.used + other.used) * 2)
	}

	for _, s := range other.slots {
		if s.state != taken {
			continue
		}

		// A key that is there keeps its place, and a deleted slot is used again.
		key := other.keys[s.key]
		to := d.find(key, s.hash)
		if to.state == taken {
			continue
		}

		if to.state == free {
			d.fill++
		}

		d.keys = append(d.keys, key)
		*to = slot{s.hash, int32(len(d.keys) - 1), taken}
		d.used++
	}
}
