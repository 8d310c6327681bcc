package pickle_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"testing"

	gopickle "github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/mmrunner/mmrunner/pickle"
)

// github.com/nlpodyssey/gopickle, which is an independent reader, reads the
// same values where it can read them at all.
func FuzzGopickle(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := pickle.Load(b)
		if err != nil || len(b) > 1<<16 {
			return
		}

		theirs, err := otherLoad(b[:len(b)-len(rest)])
		if err != nil {
			return
		}
		c := comparison{seen: map[pickle.Value]any{}}
		if diff := c.same(v, theirs); diff != "" {
			t.Fatalf("%q: %s", b, diff)
		}
	})
}

// otherLoad is gopickle's reader with classes that take anything.
func otherLoad(b []byte) (v any, err error) {
	defer func() {
		if p := recover(); p != nil { // it does so for LONG1 of no bytes, for one
			err = fmt.Errorf("gopickle: %v", p)
		}
	}()
	u := gopickle.NewUnpickler(bytes.NewReader(b))
	u.FindClass = func(module, name string) (any, error) { return &otherClass{module, name}, nil }
	return u.Load()
}

type otherClass struct{ module, name string }

type otherObject struct {
	class *otherClass
	args  []any
	state any
	list  types.List
	dict  types.Dict
}

func (c *otherClass) Call(args ...any) (any, error) { return &otherObject{class: c, args: args}, nil }

func (c *otherClass) PyNew(args ...any) (any, error) { return c.Call(args...) }

func (o *otherObject) PySetState(state any) error { o.state = state; return nil }

func (o *otherObject) Append(v any) { o.list.Append(v) }

func (o *otherObject) Set(k, v any) { o.dict.Set(k, v) }

// comparison holds our value against gopickle's, which merges kinds: int and
// long, str and unicode. The argument of STRING and UNICODE it does not decode.
type comparison struct{ seen map[pickle.Value]any }

func (c *comparison) same(v pickle.Value, o any) string {
	switch v.(type) {
	case *pickle.Tuple, *pickle.List, *pickle.Dict, *pickle.Instance, *pickle.Reduce:
		if _, ok := c.seen[v]; ok {
			return ""
		}
		c.seen[v] = o
	}

	differ := fmt.Sprintf("got %s, gopickle %T %.100v", pickle.Repr(v, 100), o, o)
	ok := false
	switch v := v.(type) {
	case nil:
		ok = o == nil
	case bool:
		ok = o == v
	case pickle.Int:
		ok = o == int(v)
	case *big.Int:
		switch o := o.(type) {
		case int:
			ok = v.IsInt64() && v.Int64() == int64(o)
		case *big.Int:
			ok = v.Cmp(o) == 0
		}
	case float64:
		f, isFloat := o.(float64)
		ok = isFloat && (math.Float64bits(f) == math.Float64bits(v) || math.IsNaN(f) && math.IsNaN(v))
	case pickle.Str:
		s, isString := o.(string)
		ok = isString && (s == string(v) || bytes.ContainsRune([]byte(s), '\\') || bytes.HasSuffix([]byte(s), []byte(" ")))
	case pickle.Unicode:
		s, isString := o.(string)
		ok = isString && (s == string(v) || bytes.ContainsRune([]byte(s), '\\') || latin1(s) == string(v))
	case *pickle.Global:
		switch o := o.(type) {
		case *otherClass:
			ok = *o == otherClass{v.Module, v.Name}
		case *types.ObjectClass, *types.Reconstructor, *types.OrderedDictClass:
			ok = v.Module == "__builtin__" || v.Module == "copy_reg" || v.Module == "collections"
		}
	case *pickle.List:
		if l, isList := o.(*types.List); isList {
			return c.all(v.Items, *l, differ)
		}
	case *pickle.Tuple:
		if l, isTuple := o.(*types.Tuple); isTuple {
			return c.all(v.Items, *l, differ)
		}
	case *pickle.Dict:
		if d, isDict := o.(*types.Dict); isDict {
			return c.dict(v, *d)
		}
	case *pickle.Instance:
		obj, isObj := o.(*otherObject)
		if !isObj {
			return differ
		}

		args := v.Args
		switch {
		case v.Kind == pickle.NewStyle && obj.class.name == "__newobj__":
			args = pickle.NewTuple(append([]pickle.Value{&v.Class}, args.Items...)...)
		case v.Kind == pickle.Reconstructed: // which gopickle does without all arguments
			args, obj.args = nil, nil
		case *obj.class != otherClass{v.Class.Module, v.Class.Name}:
			return differ
		}

		return c.object(args, v.ListItems, v.DictItems, v.State, obj, differ)
	case *pickle.Reduce:
		obj, isObj := o.(*otherObject)
		if !isObj {
			return differ
		}
		if diff := c.same(v.Func, obj.class); diff != "" {
			return diff
		}
		return c.object(v.Args, v.ListItems, v.DictItems, v.State, obj, differ)
	}

	if ok {
		return ""
	}

	return differ
}

// latin1 is the text of bytes that are one character each.
func latin1(s string) string {
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

func (c *comparison) all(vs []pickle.Value, os []any, differ string) string {
	if len(vs) != len(os) {
		return differ
	}

	for i := range vs {
		if diff := c.same(vs[i], os[i]); diff != "" {
			return diff
		}
	}

	return ""
}

// dict compares items by their order: gopickle keeps all that was set, also
// what was set again, so dicts of another length are left alone.
func (c *comparison) dict(v *pickle.Dict, o types.Dict) string {
	if v.Len() != len(o) {
		return ""
	}
	i := 0
	for k, x := range v.All() {
		if diff := c.same(k, o[i].Key); diff != "" {
			return diff
		}
		if diff := c.same(x, o[i].Value); diff != "" {
			return diff
		}

		i++
	}

	return ""
}

func (c *comparison) object(args *pickle.Tuple, list []pickle.Value, dict *pickle.Dict, state pickle.Value, o *otherObject, differ string) string {
	if args == nil {
		args = pickle.NewTuple()
	}

	if dict == nil {
		dict = pickle.NewDict()
	}

	if diff := c.all(args.Items, o.args, differ); diff != "" {
		return diff
	}
	if diff := c.all(list, o.list, differ); diff != "" {
		return diff
	}
	if diff := c.dict(dict, o.dict); diff != "" {
		return diff
	}

	if d, ok := state.(*pickle.Dict); ok && d.Len() > 0 {
		if o, ok := o.state.(*types.Dict); ok && len(*o) != d.Len() {
			return "" // a second state was added to the first
		}
	}

	return c.same(state, o.state)
}
