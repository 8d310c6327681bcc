package verify

import (
	"math/big"

	"github.com/mmrunner/mmrunner/pickle"
)

// neutral copies a value into the terms that all readers share: every object is
// an instance of what was called to make it, whatever the opcodes were. merged
// also takes out the differences that gopickle does not know: unicode becomes
// str, and a long that fits becomes an int.
// A value that is in these terms already is returned itself: lists are large.
func neutral(v pickle.Value, merged bool) pickle.Value {
	if (scan{merged, map[pickle.Value]bool{}}).neutral(v) {
		return v
	}
	return neutralizer{merged, map[pickle.Value]pickle.Value{}}.value(v)
}

type neutralizer struct {
	merged bool
	done   map[pickle.Value]pickle.Value
}

func (n neutralizer) value(v pickle.Value) pickle.Value {
	switch v := v.(type) {
	case pickle.Unicode:
		if n.merged {
			return pickle.Str(v)
		}
		return v
	case *big.Int:
		if n.merged && v.IsInt64() {
			return pickle.Int(v.Int64())
		}
		return v
	case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Instance, *pickle.Reduce:
		if done, ok := n.done[v]; ok {
			return done
		}
	}

	switch v := v.(type) {
	case *pickle.List:
		c := &pickle.List{}
		n.done[v] = c
		c.Items = n.items(v.Items)
		return c
	case *pickle.Tuple:
		c := &pickle.Tuple{}
		n.done[v] = c
		c.Items = n.items(v.Items)
		return c
	case *pickle.Dict:
		c := pickle.NewDict()
		n.done[v] = c
		n.fill(c, v)
		return c
	case *pickle.Instance:
		c := &pickle.Instance{Class: v.Class, HasState: v.HasState}
		n.done[v] = c
		args := v.Args

		if v.Kind == pickle.Reconstructed {
			// gopickle keeps only the class of such an object.
			if n.merged {
				args = nil
			} else {
				c.Class = reconstructor
			}
		}

		n.object(c, args, v.ListItems, v.DictItems, v.State)
		return c
	case *pickle.Reduce:
		c := &pickle.Instance{HasState: v.HasState}
		n.done[v] = c
		if f, ok := v.Func.(*pickle.Global); ok {
			c.Class = *f
		}
		n.object(c, v.Args, v.ListItems, v.DictItems, v.State)
		return c
	}

	return v
}

var reconstructor = pickle.Global{Module: "copy_reg", Name: "_reconstructor"}

func (n neutralizer) object(to *pickle.Instance, args *pickle.Tuple, list []pickle.Value, dict *pickle.Dict, state pickle.Value) {
	if args != nil && len(args.Items) > 0 {
		to.Args = pickle.NewTuple(n.items(args.Items)...)
	}

	if len(list) > 0 {
		to.ListItems = n.items(list)
	}

	if dict != nil && dict.Len() > 0 {
		to.DictItems = pickle.NewDict()
		n.fill(to.DictItems, dict)
	}

	to.State = n.value(state)
}

func (n neutralizer) items(items []pickle.Value) []pickle.Value {
	c := make([]pickle.Value, len(items))
	for i, v := range items {
		c[i] = n.value(v)
	}
	return c
}

func (n neutralizer) fill(to, from *pickle.Dict) {
	for k, v := range from.All() {
		to.Set(n.value(k), n.value(v))
	}
}

// scan looks for what neutral would change.
type scan struct {
	merged bool
	seen   map[pickle.Value]bool // containers
}

func (s scan) neutral(v pickle.Value) bool {
	switch v := v.(type) {
	case pickle.Unicode, *big.Int:
		return !s.merged
	case *pickle.Reduce:
		return false
	case *pickle.Instance:
		if v.Kind != pickle.OldStyle {
			return false
		}
	case *pickle.List, *pickle.Tuple, *pickle.Dict:
	default:
		return true
	}

	if s.seen[v] {
		return true
	}
	s.seen[v] = true
	switch v := v.(type) {
	case *pickle.List:
		return s.all(v.Items)
	case *pickle.Tuple:
		return s.all(v.Items)
	case *pickle.Dict:
		return s.dict(v)
	case *pickle.Instance:
		return (v.Args == nil || s.neutral(v.Args)) && s.all(v.ListItems) && (v.DictItems == nil || s.dict(v.DictItems)) && s.neutral(v.State)
	}

	return true
}

func (s scan) all(items []pickle.Value) bool {
	for _, v := range items {
		if !s.neutral(v) {
			return false
		}
	}
	return true
}

func (s scan) dict(d *pickle.Dict) bool {
	for k, v := range d.All() {
		if !s.neutral(k) || !s.neutral(v) {
			return false
		}
	}
	return true
}
