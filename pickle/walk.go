package pickle

import "fmt"

// children calls f for each value directly inside v, in the order they are
// written.
func children(v Value, f func(Value) error) error {
	each := func(items []Value) error {
		for _, item := range items {
			if err := f(item); err != nil {
				return err
			}
		}
		return nil
	}
	pairs := func(d *Dict) error {
		if d == nil {
			return nil
		}
		for k, item := range d.All() {
			if err := f(k); err != nil {
				return err
			}
			if err := f(item); err != nil {
				return err
			}
		}
		return nil
	}
	rest := func(list []Value, dict *Dict, has bool, state Value) error {
		if err := each(list); err != nil {
			return err
		}
		if err := pairs(dict); err != nil || !has {
			return err
		}
		return f(state)
	}
	switch v := v.(type) {
	case *Tuple:
		return each(v.Items)
	case *List:
		return each(v.Items)
	case *Dict:
		return pairs(v)
	case *Instance:
		if v.Args != nil {
			if err := f(v.Args); err != nil {
				return err
			}
		}
		return rest(v.ListItems, v.DictItems, v.HasState, v.State)
	case *Reduce:
		if err := f(v.Func); err != nil {
			return err
		}
		if v.Args != nil {
			if err := f(v.Args); err != nil {
				return err
			}
		}
		return rest(v.ListItems, v.DictItems, v.HasState, v.State)
	}
	return nil
}

// isContainer tells the kinds that have an identity and can hold others.
func isContainer(v Value) bool {
	switch v.(type) {
	case *Tuple, *List, *Dict, *Instance, *Reduce:
		return true
	}
	return false
}

// checkDepth returns an error if v nests deeper than MaxDepth.
func checkDepth(v Value) error {
	seen := map[Value]bool{}
	var walk func(v Value, depth int) error
	walk = func(v Value, depth int) error {
		if !isContainer(v) || seen[v] {
			return nil
		}
		if depth > MaxDepth {
			return fmt.Errorf("had a value more than %d deep: %w", MaxDepth, ErrDepth)
		}
		seen[v] = true
		return children(v, func(c Value) error { return walk(c, depth+1) })
	}
	return walk(v, 0)
}

// copyValue returns a copy that shares nothing that can change with v; what v
// shares inside, the copy shares inside.
func copyValue(v Value) Value {
	if !isContainer(v) {
		return v
	}
	return copier{}.copy(v)
}

type copier map[Value]Value

func (c copier) copy(v Value) Value {
	if !isContainer(v) {
		return v
	}
	if done, ok := c[v]; ok {
		return done
	}
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
