package pickle

import (
	"fmt"
	"strings"
)

func (w *writer) global(g *Global) error {
	if w.got(g) {
		return nil
	}
	if err := w.names(opGlobal, *g); err != nil {
		return err
	}
	w.put(g, 1)
	return nil
}

// names writes an opcode that takes a module and a name, each a line.
func (w *writer) names(op byte, g Global) error {
	if strings.Contains(g.Module, "\n") || strings.Contains(g.Name, "\n") {
		return fmt.Errorf("pickle: got %.60q, need the name of a class or function", g)
	}
	w.out = append(append(append(w.out, op), g.Module...), '\n')
	w.out = append(append(w.out, g.Name...), '\n')
	return nil
}

func (w *writer) instance(in *Instance, held int32) error {
	class := in.Class
	// Each kind of object has its opcodes: INST or OBJ, REDUCE with copy_reg._reconstructor, or NEWOBJ.
	switch {
	case in.Kind == OldStyle:
		return w.oldInstance(in, held)
	case in.Kind == Reconstructed && (w.proto < 2 || !in.plain()):
		return w.reduce(in, &reconstructor, in.Args, held)
	case w.proto == 2:
		if err := w.global(&class); err != nil {
			return err
		}
		args := in.newArgs()
		if args == nil {
			args = &Tuple{}
		}

		if err := w.value(args, 0); err != nil {
			return err
		}
		w.out = append(w.out, opNewObj)
		return w.rest(in, held)
	}

	// The object was read in protocol 2 and is written in another. copy_reg.__reduce_ex__ would ask the class for its base,
	// which is not known here, so copy_reg.__newobj__ makes it.
	all := []Value{&class}
	if args := in.newArgs(); args != nil {
		all = append(all, args.Items...)
	}

	return w.reduce(in, &newObject, &Tuple{all}, held)
}

func (w *writer) oldInstance(in *Instance, held int32) error {
	// OBJ takes the class from the stack, so that a second instance can GET it; INST of protocol 0 names it each time.
	class := in.Class
	w.out = append(w.out, opMark)
	object := w.proto > 0 && !w.plain
	if object {
		if err := w.global(&class); err != nil {
			return err
		}
	}

	// __getinitargs__ of an old-style class; Mailman's have none.
	if in.Args != nil {
		for _, a := range in.Args.Items {
			if err := w.value(a, 0); err != nil {
				return err
			}
		}
	}

	if object {
		w.out = append(w.out, opObj)
	} else if err := w.names(opInst, class); err != nil {
		return err
	}

	return w.rest(in, held)
}

// reduce writes the call that makes v.
func (w *writer) reduce(v, f Value, args *Tuple, held int32) error {
	// Python writes the function and the tuple of arguments, and then REDUCE.
	if args == nil {
		args = &Tuple{}
	}

	if err := w.value(f, 1); err != nil {
		return err
	}

	if w.making[v] {
		// The object is in its own arguments. A list or dict in the arguments is still being filled, and a GET of it would read
		// it as empty. Python too writes another copy of it here.
		for _, a := range args.Items {
			if i := w.find(a); i >= 0 && isContainer(a) && w.objects[i].put {
				w.objects[i].put = false
				w.puts--
			}
		}
	}

	if w.making == nil {
		w.making = make(map[Value]bool)
	}

	again := w.making[v]
	w.making[v] = true
	if err := w.value(args, 0); err != nil {
		return err
	}

	w.making[v] = again
	w.out = append(w.out, opReduce)
	return w.rest(v, held)
}

// rest puts the object that was just made in the memo, and writes its contents.
func (w *writer) rest(v Value, held int32) error {
	if w.isPut(v) {
		// The object is in its own arguments, and so has been made before.
		w.drop(1)
		w.got(v)
		return nil
	}

	// The order of save_reduce in pickle.py: the memo, list items, dict items, and the state with BUILD.
	w.put(v, held)
	var list []Value
	var dict *Dict
	var state Value
	var has bool
	switch v := v.(type) {
	case *Instance:
		list, dict, state, has = v.ListItems, v.DictItems, v.State, v.HasState
	case *Reduce:
		list, dict, state, has = v.ListItems, v.DictItems, v.State, v.HasState
	}

	if err := w.items(list); err != nil {
		return err
	}

	if dict != nil {
		if err := w.pairs(dict, false); err != nil {
			return err
		}
	}

	if !has {
		return nil
	}
	w.state, _ = state.(*Dict)
	// cPickle holds a reference to a __dict__ meanwhile.
	if err := w.value(state, 1); err != nil {
		return err
	}

	w.out = append(w.out, opBuild)
	return nil
}
