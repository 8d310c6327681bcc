package py

// The order of a dict's keys follows from the hashes of the keys and the dict's
// history (Objects/dictobject.c). It shows wherever Mailman goes through a dict, as
// in the order in which a bounce's addresses are registered. It is that of a 64-bit
// Python without hash randomization (-R), which Mailman does not switch on.

// Dict is a dict whose keys are str, as far as the order of its keys goes. The
// zero Dict is empty and ready to use.
type Dict struct {
	slots []slot
	fill  int // slots that are or were in use
	used  int
}

type slot struct {
	key   string
	hash  uint64
	state slotState
}

type slotState uint8

const (
	free slotState = iota
	dummy
	taken
)

const minSize = 8

// DictOrder returns the keys of a dict into which keys were put one after the other.
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

// find returns the slot that holds key, or the one that would take it.
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
		case s.hash == hash && s.key == key:
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
	*s = slot{key, hash, taken}
	d.used++
	if d.fill*3 >= len(d.slots)*2 {
		if d.used > 50000 {
			d.resize(d.used * 2)
		} else {
			d.resize(d.used * 4)
		}
	}
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
			*d.find(s.key, s.hash) = s
		}
	}
}

// Keys is d.keys().
func (d *Dict) Keys() []string {
	out := make([]string, 0, d.used)
	for _, s := range d.slots {
		if s.state == taken {
			out = append(out, s.key)
		}
	}
	return out
}

// Clone returns a dict with the same history.
func (d *Dict) Clone() *Dict {
	c := *d
	c.slots = append([]slot(nil), d.slots...)
	return &c
}

// Update is d.update(other), which makes room for all of other's keys at once.
func (d *Dict) Update(other *Dict) {
	if other.used == 0 {
		return
	}
	if d.slots == nil {
		d.slots = make([]slot, minSize)
	}
	if (d.fill+other.used)*3 >= len(d.slots)*2 {
		d.resize((d.used + other.used) * 2)
	}
	for _, s := range other.slots {
		if s.state != taken {
			continue
		}
		to := d.find(s.key, s.hash)
		if to.state == taken {
			continue
		}
		if to.state == free {
			d.fill++
		}
		*to = s
		d.used++
	}
}
