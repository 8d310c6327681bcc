package pickle

import (
	"fmt"
	"math/big"
)

func (r *reader) global() (Global, error) {
	module, err := r.line()
	if err != nil {
		return Global{}, err
	}
	name, err := r.line()
	return Global{r.strs.copy(module), r.strs.copy(name)}, err
}

func (r *reader) oldInstance(op byte) error {
	var class Global
	var err error

	// INST names the class in its argument, OBJ has it first above the MARK.
	if op == opInst {
		if class, err = r.global(); err != nil {
			return err
		}
	}

	args, err := r.popMark()
	if err != nil {
		return err
	}

	if op == opObj {
		if len(args) == 0 {
			return r.fail("got nothing after the MARK, need a class")
		}
		g, ok := args[0].(*Global)
		if !ok {
			return r.raise(raiseCall(args[0]), "got %s, need a class", kind(args[0]))
		}

		class, args = *g, args[1:]
	}

	// The class is not called: what its __init__ would do is not known. Its arguments are kept.
	in := &Instance{Class: class, Kind: OldStyle}
	if len(args) > 0 {
		in.Args = &Tuple{clone(args)}
	}

	r.pushNew(in)
	return nil
}

// call makes an object by REDUCE or NEWOBJ.
func (r *reader) call(op byte) error {
	s, err := r.pop(2)
	if err != nil {
		return err
	}

	// cPickle calls what it finds; a function must come from GLOBAL here, since nothing is ever called.
	f, ok := s[0].(*Global)
	if !ok {
		return r.raise(raiseCall(s[0]), "got %s to call, need a class or function", kind(s[0]))
	}
	args, ok := s[1].(*Tuple)
	if !ok {
		return r.raise("TypeError: argument list must be a tuple", "got %s as arguments, need a tuple", kind(s[1]))
	}
	if op == opNewObj {
		r.pushNew(&Instance{Class: *f, Kind: NewStyle, Args: args})
		return nil
	}

	if len(args.Items) > 0 {
		if class, ok := args.Items[0].(*Global); ok {
			switch {
			// copy_reg.__newobj__ stands for NEWOBJ in protocols 0 and 1.
			case *f == newObject:
				r.pushNew(&Instance{Class: *class, Kind: NewStyle, Args: &Tuple{clone(args.Items[1:])}})
				return nil
			case *f == reconstructor && len(args.Items) == 3 && isGlobal(args.Items[1]):
				r.pushNew(&Instance{Class: *class, Kind: Reconstructed, Args: args})
				return nil
			}
		}
	}

	// Any other function: a set, for example. The call is kept as it is.
	r.pushNew(&Reduce{Func: f, Args: args})
	return nil
}

func isGlobal(v Value) bool {
	_, ok := v.(*Global)
	return ok
}

// build runs BUILD: it gives the object on top of the stack its state. No pickler writes a second BUILD for
// one object; where a pickle has one, Python's __dict__.update merges the two, and so does build.
func (r *reader) build() error {
	s, err := r.pop(1)
	if err != nil {
		return err
	}

	// The object stays on the stack: BUILD changes it in place.
	state := s[0]
	t, err := r.top()
	if err != nil {
		return err
	}

	var had *Value
	var has *bool
	switch t := t.(type) {
	case *Instance:
		had, has = &t.State, &t.HasState
	case *Reduce:
		had, has = &t.State, &t.HasState
	default:
		return r.raise(raiseState(t, state), "got %s to give a state, need an object", kind(t))
	}

	// The usual case: the first state is kept as it is, whatever its kind.
	if !*has {
		*had, *has = state, true
		return nil
	}

	// A merge needs two dicts, as load_build in pickle.py uses them.
	a, ok := (*had).(*Dict)
	b, ok2 := state.(*Dict)
	if !ok || !ok2 {
		return r.fail("got %s as a second state after %s, need dicts", kind(state), kind(*had))
	}

	// The merge makes a new dict, since other objects may share the first one. A few bytes may ask for a
	// merge again and again, so it counts as work.
	if r.work -= 64 * (a.Len() + b.Len()); r.work < 0 {
		return r.failFor(errWork)
	}
	both := &Dict{}
	for _, d := range []*Dict{a, b} {
		for k, v := range d.All() {
			if err := both.set(k, v, &r.work); err != nil {
				return r.failFor(err)
			}
		}
	}

	*had = both
	return nil
}

// kind names a value's Python type for an error message.
func kind(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case Int:
		return "an int"
	case *big.Int:
		return "a long"
	case float64:
		return "a float"
	case Str:
		return "a str"
	case Unicode:
		return "a unicode"
	case *Tuple:
		return "a tuple"
	case *List:
		return "a list"
	case *Dict:
		return "a dict"
	case *Global:
		return "the name " + v.String()
	case *Instance:
		return "an instance of " + v.Class.String()
	case *Reduce:
		return "an object"
	}

	return fmt.Sprintf("a Go %T", v)
}
