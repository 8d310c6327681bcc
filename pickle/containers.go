package pickle

// gather makes a tuple, list or dict of the values above the MARK.
func (r *reader) gather(op byte) error {
	items, err := r.popMark()
	if err != nil {
		return err
	}

	switch op {
	case opTuple:
		r.pushNew(&Tuple{clone(items)})
	case opList:
		r.pushNew(&List{clone(items)})
	case opDict:
		d := &Dict{}
		if err := r.setItems(d, items); err != nil {
			return err
		}
		r.pushNew(d)
	}

	return nil
}

// fill runs APPEND, APPENDS, SETITEM and SETITEMS: it adds the values on top of the stack to the container
// below them. An object that behaves like a list or dict keeps such items beside its state.
func (r *reader) fill(op byte) error {
	var items []Value
	var err error

	// The single forms take a fixed number of values; the batch forms take all above the last MARK.
	switch op {
	case opAppend:
		items, err = r.pop(1)
	case opSetItem:
		items, err = r.pop(2)
	default:
		items, err = r.popMark()
	}

	if err != nil {
		return err
	}
	t, err := r.top()
	if err != nil {
		return err
	}

	// An object of a subclass of list or dict, pickled by copy_reg.__reduce_ex__, takes items as well.
	var list *[]Value
	var dict **Dict
	switch t := t.(type) {
	case *List:
		list = &t.Items
	case *Dict:
		dict = &t
	case *Instance:
		list, dict = &t.ListItems, &t.DictItems
	case *Reduce:
		list, dict = &t.ListItems, &t.DictItems
	}

	// Python calls the container's append method here; its error is what a log of Mailman's would show.
	if op == opAppend || op == opAppends {
		if list == nil {
			return r.raise("AttributeError: '"+TypeName(t)+"' object has no attribute 'append'", "got %s to append to, need a list", kind(t))
		}
		*list = append(*list, items...)
		return nil
	}

	// The same with the dict's item assignment.
	if dict == nil {
		return r.raise(raiseItems(t, items), "got %s to set items of, need a dict", kind(t))
	}

	if *dict == nil {
		*dict = &Dict{}
	}

	return r.setItems(*dict, items)
}

func (r *reader) setItems(d *Dict, items []Value) error {
	if len(items)%2 != 0 {
		return r.raise(raiseOdd(r.opcode()), "got %d keys and values, need an even number", len(items))
	}

	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1], &r.work); err != nil {
			return r.failFor(err)
		}
	}

	return nil
}
