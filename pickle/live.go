package pickle

import (
	"slices"
)

// liveValue is a decoded value that may share objects with other slots.
type liveValue struct {
	v     Value
	group *group
}

// group is a number of slots whose values share mutable objects. Its values are decoded together, as soon as one of
// them is asked for.
type group struct {
	slots []*slot
	live  bool
}

// enliven decodes the values of a group together, so that they share one copy of a shared object.
func (d *Document) enliven(g *group) error {
	if g == nil || g.live {
		return nil
	}
	values := make([]Value, len(g.slots))
	var known memo // what the decoded parts have put in the memo
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

// enlist notes slots that now have a live value.
func (d *Document) enlist(slots ...*slot) {
	for _, s := range slots {
		if !slices.Contains(d.lively, s) {
			d.lively = append(d.lively, s)
		}
	}
}
