package verify

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	gopickle "github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/mmrunner/mmrunner/pickle"
)

// errGopickle is wrapped by errors about what gopickle cannot read. They are no findings.
var errGopickle = errors.New("gopickle cannot read it")

// readGopickle is gopickle's reading of one pickle in neutral and merged terms. text tells that the pickle is in
// protocol 0, whose strings gopickle returns with their escapes.
func readGopickle(b []byte, text bool) (v pickle.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errGopickle, p)
		}
	}()

	u := gopickle.NewUnpickler(bytes.NewReader(b))
	u.FindClass = func(module, name string) (any, error) { return &class{module, name}, nil }
	o, err := u.Load()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGopickle, err)
	}

	t := translator{text, map[any]pickle.Value{}}
	return t.value(o)
}

// class and object stand for classes that gopickle does not know: without them it stops at the old-style instances of
// a config.pck.
type class struct{ module, name string }

type object struct {
	class    *class
	args     []any
	state    any
	hasState bool
	list     types.List
	dict     types.Dict
}

func (c *class) Call(args ...any) (any, error)  { return &object{class: c, args: args}, nil }
func (c *class) PyNew(args ...any) (any, error) { return c.Call(args...) }
func (o *object) PySetState(state any) error    { o.state, o.hasState = state, true; return nil }
func (o *object) Append(v any)                  { o.list.Append(v) }
func (o *object) Set(k, v any)                  { o.dict.Set(k, v) }

type translator struct {
	text bool
	done map[any]pickle.Value
}

// value translates a value of gopickle's to one of package pickle's, so that both readers' results can be compared.
// gopickle merges str with unicode, and int with long; the comparison allows for that.
func (t translator) value(o any) (pickle.Value, error) {
	// Scalars, and the containers that were translated before: one object stays one.
	switch o := o.(type) {
	case nil, bool, float64:
		return o, nil
	case int:
		return pickle.Int(o), nil
	case *big.Int:
		if o.IsInt64() {
			return pickle.Int(o.Int64()), nil
		}
		return o, nil
	case string:
		// In protocol 0 gopickle returns a str as it is written, with its escapes.
		if t.text {
			return pickle.Str(unescape(o)), nil
		}
		return pickle.Str(o), nil
	case *class:
		return &pickle.Global{Module: o.module, Name: o.name}, nil
	case *types.ObjectClass:
		return &pickle.Global{Module: "__builtin__", Name: "object"}, nil
	case *types.List, *types.Tuple, *types.Dict, *object:
		if done, ok := t.done[o]; ok {
			return done, nil
		}
	}

	// A container is noted before it is filled, since it may hold itself.
	switch o := o.(type) {
	case *types.List:
		c := &pickle.List{}
		t.done[o] = c
		return c, t.items(&c.Items, *o)
	case *types.Tuple:
		c := &pickle.Tuple{}
		t.done[o] = c
		return c, t.items(&c.Items, *o)
	case *types.Dict:
		c := pickle.NewDict()
		t.done[o] = c
		return c, t.fill(c, *o)
	case *object:
		return t.object(o)
	}

	return nil, fmt.Errorf("%w: it made a %T", errGopickle, o)
}

// object translates an object that gopickle made by the calls of class and object above.
func (t translator) object(o *object) (pickle.Value, error) {
	c := &pickle.Instance{Class: pickle.Global{Module: o.class.module, Name: o.class.name}, HasState: o.hasState}
	t.done[o] = c
	args := o.args
	// copy_reg.__newobj__ is a call whose first argument is the class of the new object.
	if first, ok := firstClass(args); ok && o.class.name == "__newobj__" {
		c.Class, args = first, args[1:]
	}

	// Empty arguments, lists and dicts are the same as none.
	if len(args) > 0 {
		c.Args = &pickle.Tuple{}
		if err := t.items(&c.Args.Items, args); err != nil {
			return nil, err
		}
	}

	if len(o.list) > 0 {
		if err := t.items(&c.ListItems, o.list); err != nil {
			return nil, err
		}
	}

	if len(o.dict) > 0 {
		c.DictItems = pickle.NewDict()
		if err := t.fill(c.DictItems, o.dict); err != nil {
			return nil, err
		}
	}

	// A subclass of list or dict has items; every object may have a state.
	var err error
	c.State, err = t.value(o.state)
	return c, err
}

func firstClass(args []any) (pickle.Global, bool) {
	if len(args) == 0 {
		return pickle.Global{}, false
	}
	c, ok := args[0].(*class)
	if !ok {
		return pickle.Global{}, false
	}
	return pickle.Global{Module: c.module, Name: c.name}, true
}

func (t translator) items(to *[]pickle.Value, items []any) error {
	for _, o := range items {
		v, err := t.value(o)
		if err != nil {
			return err
		}
		*to = append(*to, v)
	}
	return nil
}

// fill sets items in their order, since gopickle also keeps items that were replaced later.
func (t translator) fill(to *pickle.Dict, items types.Dict) error {
	for _, it := range items {
		k, err := t.value(it.Key)
		if err != nil {
			return err
		}

		v, err := t.value(it.Value)
		if err != nil {
			return err
		}
		to.Set(k, v)
	}

	return nil
}

// unescape decodes the escapes of a protocol 0 string. The escapes of a unicode are the same, except that quotes stand as
// they are.
func unescape(s string) string {
	if !strings.Contains(s, `\`) && isASCII(s) {
		return s
	}
	var out []byte
	for s != "" {
		if s[0] != '\\' && s[0] < utf8.RuneSelf {
			out = append(out, s[0])
			s = s[1:]
			continue
		}

		// The raw-unicode-escape codec leaves Latin-1 as it is.
		if s[0] >= utf8.RuneSelf {
			out = utf8.AppendRune(out, rune(s[0]))
			s = s[1:]
			continue
		}

		quote := byte('\'')
		if strings.HasPrefix(s, `\"`) {
			quote = '"'
		}

		r, wide, rest, err := strconv.UnquoteChar(s, quote)
		if err != nil {
			out = append(out, s[0])
			s = s[1:]
			continue
		}

		if wide {
			out = utf8.AppendRune(out, r)
		} else {
			out = append(out, byte(r))
		}

		s = rest
	}

	return string(out)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
