package pickle

// items is a dict in bytes with the changes to its items.
type items struct {
	index *dictIndex
	edits map[int]*edit // of items of the index
	added *Dict         // of *edit, by key
	size  int
}

// edit is an item's new value: bytes, or nothing where it was deleted.
type edit struct {
	b       []byte
	deleted bool
	err     error // why the new value cannot be written
}

func (e *edit) decode() (Value, error) {
	if e.err != nil {
		return nil, e.err
	}
	r := reader{b: e.b, span: true, work: loadWork(len(e.b))}
	return r.run()
}

func (x *items) changed() bool { return len(x.edits) > 0 || x.added != nil && x.added.Len() > 0 }

// applyTo applies the changes to a dict that was decoded from the bytes.
func (x *items) applyTo(dict *Dict) error {
	apply := func(k Value, e *edit) error {
		if e.deleted {
			dict.Delete(k)
			return nil
		}
		v, err := e.decode()
		if err == nil {
			dict.Set(k, v)
		}

		return err
	}

	// Changes to items of the old bytes, and then the new items. Python's dicts have no order that this could break.
	for i, e := range x.edits {
		k, err := x.index.key(i).decode()
		if err == nil {
			err = apply(k, e)
		}

		if err != nil {
			return err
		}
	}

	if x.added == nil {
		return nil
	}

	for k, e := range x.added.All() {
		if e := e.(*edit); !e.deleted {
			if err := apply(k, e); err != nil {
				return err
			}
		}
	}

	return nil
}

// find returns the change to a key's item, or nil, and the item's index in the bytes, or -1.
func (x *items) find(key Value) (*edit, int) {
	if i := x.index.find(key); i >= 0 {
		return x.edits[i], i
	}

	if x.added != nil {
		if e, ok := x.added.Get(key); ok {
			return e.(*edit), -1
		}
	}

	return nil, -1
}

// noteLive counts a change inside a live value. The savepoint has a copy of the value, which takes the change back.
func (d *Document) noteLive() {
	if d.undoable {
		d.undo = append(d.undo, func() { d.changed-- })
	}
}

// edit changes the item of a key.
func (d *Document) edit(x *items, key Value, e *edit) {
	// The size counts keys: a deletion of a key that is there lowers it, and a new key raises it.
	old, i := x.find(key)
	had := old != nil && !old.deleted || old == nil && i >= 0
	size := x.size
	switch {
	case had && e.deleted:
		x.size--
	case !had && !e.deleted:
		x.size++
	}

	// The key is in the old bytes: the change waits beside its index, and WriteTo splices it in there.
	if i >= 0 {
		if x.edits == nil {
			x.edits = make(map[int]*edit)
		}

		x.edits[i] = e
		d.note(func() {
			x.size = size
			if x.edits[i] = old; old == nil {
				delete(x.edits, i)
			}
		})

		return
	}

	// The key is not in the old bytes: it goes behind all others, in the order in which it came.
	if x.added == nil {
		x.added = NewDict()
	}

	if e.deleted {
		x.added.Delete(key)
	} else {
		x.added.Set(key, e)
	}

	// Rollback calls this to bring back the change that was there before, or the absence of one.
	d.note(func() {
		x.size = size
		if old == nil {
			x.added.Delete(key)
		} else {
			x.added.Set(key, old)
		}
	})
}
