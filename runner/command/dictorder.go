package command

// Mailman answers "who" in the order in which Python 2.7 iterates over a dict,
// which follows from the keys' hashes and the dict's history. For the answer to
// be the same, dictOrder lays out keys as Objects/dictobject.c does.

// dictOrder is the layout of one Python dict with str keys.
type dictOrder struct {
	slots []dictSlot
	fill  int // slots that are or were in use
	used  int
}

type dictSlot struct {
	key   string
	hash  uint64
	state slotState
}

type slotState uint8

const (
	slotFree slotState = iota
	slotDummy
	slotUsed
)

const dictMinSize = 8

// newDictOrder is a dict made by setting keys one after the other, as unpickling
// does.
func newDictOrder(keys []string) *dictOrder {
	d := &dictOrder{slots: make([]dictSlot, dictMinSize)}
	for _, k := range keys {
		d.set(k)
	}
	return d
}

// pyHash is hash(s) of a Python 2.7 str in a 64-bit process without -R.
func pyHash(s string) uint64 {
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
func (d *dictOrder) find(key string, hash uint64) *dictSlot {
	mask := uint64(len(d.slots) - 1)
	var dummy *dictSlot
	i, perturb := hash, hash
	for {
		s := &d.slots[i&mask]
		switch {
		case s.state == slotFree:
			if dummy != nil {
				return dummy
			}
			return s
		case s.state == slotDummy:
			if dummy == nil {
				dummy = s
			}
		case s.hash == hash && s.key == key:
			return s
		}
		i = i<<2 + i + perturb + 1
		perturb >>= 5
	}
}

func (d *dictOrder) set(key string) {
	hash := pyHash(key)
	s := d.find(key, hash)
	if s.state == slotUsed {
		return
	}
	if s.state == slotFree {
		d.fill++
	}
	*s = dictSlot{key, hash, slotUsed}
	d.used++
	if d.fill*3 >= len(d.slots)*2 {
		if d.used > 50000 {
			d.resize(d.used * 2)
		} else {
			d.resize(d.used * 4)
		}
	}
}

func (d *dictOrder) delete(key string) {
	s := d.find(key, pyHash(key))
	if s.state == slotUsed {
		*s = dictSlot{state: slotDummy}
		d.used--
	}
}

func (d *dictOrder) resize(atLeast int) {
	size := dictMinSize
	for size <= atLeast {
		size <<= 1
	}
	old := d.slots
	d.slots = make([]dictSlot, size)
	d.fill = d.used
	for _, s := range old {
		if s.state == slotUsed {
			*d.find(s.key, s.hash) = s
		}
	}
}

// keys are the keys in the order of dict.keys().
func (d *dictOrder) keys() []string {
	out := make([]string, 0, d.used)
	for _, s := range d.slots {
		if s.state == slotUsed {
			out = append(out, s.key)
		}
	}
	return out
}

// clone is a copy with the same history.
func (d *dictOrder) clone() *dictOrder {
	c := *d
	c.slots = append([]dictSlot(nil), d.slots...)
	return &c
}
