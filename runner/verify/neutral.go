package verify

import (
	"math/big"

	"github.com/mmrunner/mmrunner/pickle"
)

// neutral copies a value into terms that all readers share: every object is an instance of what was called to make
// it, whatever the opcodes were. merged also removes the differences that gopickle does not know: unicode becomes
// str, and a long that fits becomes an int. A value that is in these terms already is returned itself, since lists
// are large.
func neutral(v pickle.Value, merged bool) pickle.Value {
	if (scan{merged, map[pickle.Value]bool{}}).neutral(v) {
		return v
	}
	n := neutralizer{merged}
	return pickle.Mapper{Leaf: n.leaf, Object: n.object}.Copy(v)
}

type neutralizer struct{ merged bool }

func (n neutralizer) leaf(v pickle.Value) pickle.Value {
	switch v := v.(type) {
	case pickle.Unicode:
		if n.merged {
			return pickle.Str(v)
		}
	case *big.Int:
		if n.merged && v.IsInt64() {
			return pickle.Int(v.Int64())
		}
	}

	return v
}

var reconstructor = pickle.Global{Module: "copy_reg", Name: "_reconstructor"}

func (n neutralizer) object(v pickle.Value) pickle.Value {
	// Old-style instances with the arguments and state: what both readers know of an object.
	var c pickle.Instance
	switch v := v.(type) {
	case *pickle.Instance:
		c = *v
		if v.Kind == pickle.Reconstructed {
			// gopickle keeps only the class of such an object.
			if n.merged {
				c.Args = nil
			} else {
				c.Class = reconstructor
			}
		}
		c.Kind = pickle.OldStyle
	case *pickle.Reduce:
		c = pickle.Instance{Args: v.Args, State: v.State, HasState: v.HasState, ListItems: v.ListItems, DictItems: v.DictItems}
		if f, ok := v.Func.(*pickle.Global); ok {
			c.Class = *f
		}
	}

	// Other readers do not tell empty from missing.
	if c.Args != nil && len(c.Args.Items) == 0 {
		c.Args = nil
	}
	if len(c.ListItems) == 0 {
		c.ListItems = nil
	}
	if c.DictItems != nil && c.DictItems.Len() == 0 {
		c.DictItems = nil
	}
	return &c
}

// scan finds what neutral would change.
type scan struct {
	merged bool
	seen   map[pickle.Value]bool // containers
}

func (s scan) neutral(v pickle.Value) bool {
	// Strings and numbers need a copy only where the other reader merges kinds.
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

	// A value inside itself was looked at already.
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
