package pickle

// appendChildren appends the direct parts of v.
func appendChildren(to []Value, v Value) []Value {
	switch v := v.(type) {
	case *Tuple:
		return append(to, v.Items...)
	case *List:
		return append(to, v.Items...)
	case *Dict:
		return appendItems(to, v)
	case *Instance:
		return appendParts(to, v.Args, v.ListItems, v.DictItems, v.State)
	case *Reduce:
		return appendParts(append(to, v.Func), v.Args, v.ListItems, v.DictItems, v.State)
	}

	return to
}

func appendItems(to []Value, d *Dict) []Value {
	for k, v := range d.All() {
		to = append(to, k, v)
	}
	return to
}

// appendParts appends the parts of an object: its arguments, items and state.
func appendParts(to []Value, args *Tuple, list []Value, dict *Dict, state Value) []Value {
	if args != nil {
		to = append(to, args)
	}
	to = append(to, list...)
	if dict != nil {
		to = appendItems(to, dict)
	}
	return append(to, state)
}

// isContainer tells whether a value can have parts.
func isContainer(v Value) bool {
	switch v.(type) {
	case *Tuple, *List, *Dict, *Instance, *Reduce:
		return true
	}
	return false
}

// depthOver reports whether containers nest deeper than max along a path without a cycle. It does not recurse.
func depthOver(v Value, max int) bool {
	if !isContainer(v) {
		return false
	}

	// A stack of our own: the values that must be refused here would overflow a recursion.
	type frame struct {
		v      Value
		inside []Value // parts that were not visited yet
		height int     // of the highest part so far
	}

	// A height of 0 marks a container that is being visited.
	height := map[Value]int{v: 0}
	stack := []frame{{v: v}}
	stack[0].inside, stack[0].height = containers(v)

	for len(stack) > 0 {
		// Go down into the next container, or take over the height of one that is finished.
		f := &stack[len(stack)-1]
		if len(f.inside) > 0 {
			c := f.inside[0]
			f.inside = f.inside[1:]
			h, seen := height[c]
			if !seen {
				if len(stack) >= max {
					return true
				}
				height[c] = 0
				inside, h := containers(c)
				stack = append(stack, frame{c, inside, h})
			} else if h > f.height {
				f.height = h
			}

			continue
		}

		// All containers inside are finished: this one's height is known, and its parent takes it over.
		h := f.height + 1
		if h > max {
			return true
		}
		height[f.v] = h
		stack = stack[:len(stack)-1]
		if n := len(stack); n > 0 && h > stack[n-1].height {
			stack[n-1].height = h
		}
	}

	return false
}

// containers returns the parts of v that can have parts themselves. height is 1 where a part is an empty container.
func containers(v Value) (in []Value, height int) {
	for _, c := range appendChildren(nil, v) {
		switch {
		case !isContainer(c):
		case isEmpty(c):
			height = 1
		default:
			in = append(in, c)
		}
	}

	return in, height
}

// isEmpty tells whether a container has no parts. A value may have very many of these.
func isEmpty(v Value) bool {
	switch v := v.(type) {
	case *Tuple:
		return len(v.Items) == 0
	case *List:
		return len(v.Items) == 0
	case *Dict:
		return v.Len() == 0
	}

	return false
}

// copier copies values. An object in two places gets one copy.
type copier map[Value]Value

func (c copier) copy(v Value) Value {
	// Scalars are immutable and stay shared.
	if !isContainer(v) {
		return v
	}

	// An object that is reached again keeps its copy: this ends cycles.
	if done, ok := c[v]; ok {
		return done
	}

	// Each copy is noted before its contents are copied, so that a cycle leads back to it.
	switch v := v.(type) {
	case *Tuple:
		t := &Tuple{}
		c[v] = t
		t.Items = c.items(v.Items)
		return t
	case *List:
		l := &List{}
		c[v] = l
		l.Items = c.items(v.Items)
		return l
	case *Dict:
		d := NewDict()
		c[v] = d
		c.fill(d, v)
		return d
	case *Instance:
		in := *v
		c[v] = &in
		in.Args, _ = c.copyTuple(v.Args)
		in.ListItems, in.DictItems = c.items(v.ListItems), c.dict(v.DictItems)
		in.State = c.copy(v.State)
		return &in
	case *Reduce:
		r := *v
		c[v] = &r
		r.Func = c.copy(v.Func)
		r.Args, _ = c.copyTuple(v.Args)
		r.ListItems, r.DictItems = c.items(v.ListItems), c.dict(v.DictItems)
		r.State = c.copy(v.State)
		return &r
	}

	return v
}

func (c copier) copyTuple(t *Tuple) (*Tuple, bool) {
	if t == nil {
		return nil, false
	}
	t, ok := c.copy(t).(*Tuple)
	return t, ok
}

func (c copier) items(items []Value) []Value {
	if items == nil {
		return nil
	}
	out := make([]Value, len(items))
	for i, v := range items {
		out[i] = c.copy(v)
	}
	return out
}

func (c copier) dict(d *Dict) *Dict {
	if d == nil {
		return nil
	}
	out := NewDict()
	c.fill(out, d)
	return out
}

func (c copier) fill(dst, src *Dict) {
	for k, v := range src.All() {
		dst.Set(c.copy(k), c.copy(v))
	}
}
