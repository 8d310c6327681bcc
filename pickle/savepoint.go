package pickle

// note counts a change, and keeps the function that takes it back while a savepoint exists.
func (d *Document) note(undo func()) {
	d.changed++
	if d.undoable {
		d.undo = append(d.undo, func() { undo(); d.changed-- })
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

// keepLive notes how to restore the live values, which can change in place.
func (d *Document) keepLive() {
	for _, s := range d.lively {
		if s.cur == nil || s.cur.live == nil {
			continue
		}

		// A single copier would be enough, but live values are rare and small.
		d.undo = append(d.undo, d.liveCopy())
		return
	}
}

// liveCopy copies all live values and returns the function that puts the copies in place.
func (d *Document) liveCopy() func() {
	// One copier for all values, so that what they share stays shared.
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

	// A key's first value counts too: Rollback may bring it back.
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

// Rollback takes back all changes since sp. sp stays valid for another Rollback; later savepoints are void.
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

// Release drops all savepoints, and the memory that they need.
func (d *Document) Release() { d.undo, d.undoable = nil, false }
