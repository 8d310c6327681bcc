package pickle

import (
	"slices"
)

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
