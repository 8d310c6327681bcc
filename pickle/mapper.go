package pickle

// Mapper copies values and changes them on the way. An object in two places is copied once, also in cyclic values.
type Mapper struct {
	// Leaf returns the replacement of a value without parts; nil keeps all of them.
	Leaf func(Value) Value
	// Object returns the replacement of an *Instance or *Reduce, whose parts are copied afterwards. It may not change
	// its argument; nil keeps it.
	Object func(Value) Value

	done map[Value]Value
}

// Copy returns the changed copy of a value.
func (m Mapper) Copy(v Value) Value {
	m.done = map[Value]Value{}
	return m.value(v)
}

func (m Mapper) value(v Value) Value {
	switch v.(type) {
	case *List, *Tuple, *Dict, *Instance, *Reduce:
		if done, ok := m.done[v]; ok {
			return done
		}
	default:
		if m.Leaf != nil {
			return m.Leaf(v)
		}
		return v
	}

	// Each copy is noted before it is filled, since a value may hold itself.
	switch v := v.(type) {
	case *List:
		c := &List{}
		m.done[v] = c
		c.Items = m.items(v.Items)
		return c
	case *Tuple:
		c := &Tuple{}
		m.done[v] = c
		c.Items = m.items(v.Items)
		return c
	case *Dict:
		c := NewDict()
		m.done[v] = c
		m.fill(c, v)
		return c
	}

	return m.object(v)
}

// object copies an instance or reduction.
func (m Mapper) object(v Value) Value {
	from := v
	if m.Object != nil {
		from = m.Object(v)
	}

	switch from := from.(type) {
	case *Instance:
		c := *from
		m.done[v] = &c
		m.parts(&c.Args, &c.ListItems, &c.DictItems, &c.State)
		return &c
	case *Reduce:
		c := *from
		m.done[v] = &c
		m.parts(&c.Args, &c.ListItems, &c.DictItems, &c.State)
		return &c
	}

	m.done[v] = from
	return from
}

func (m Mapper) parts(args **Tuple, list *[]Value, dict **Dict, state *Value) {
	if *args != nil {
		*args, _ = m.value(*args).(*Tuple)
	}
	*list = m.items(*list)

	if from := *dict; from != nil {
		*dict = NewDict()
		m.fill(*dict, from)
	}
	*state = m.value(*state)
}

func (m Mapper) items(items []Value) []Value {
	if items == nil {
		return nil
	}
	c := make([]Value, len(items))
	for i, v := range items {
		c[i] = m.value(v)
	}
	return c
}

func (m Mapper) fill(to, from *Dict) {
	for k, v := range from.All() {
		to.Set(m.value(k), m.value(v))
	}
}
