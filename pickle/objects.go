package pickle

import "unsafe"

// What a writer knows about the Python objects in a value: how many references each has, and which are in the memo.

// knownObject is what is known about one object.
type knownObject struct {
	refs int32
	put  bool
	id   uint32 // the memo id, if it was put
}

// identity tells one Python object from another: a container by its address, a str or unicode by its kind and the
// address of its bytes. Classes and functions are told apart by name.
type identity struct {
	p unsafe.Pointer
	n int // twice the length of a str, one more for a unicode, -1 for a container
}

// identify returns an object's identity. It returns false for a class or function, and for values that never go into
// the memo: numbers, the empty tuple, and strings of less than two bytes.
func identify(v Value) (identity, bool) {
	switch v := v.(type) {
	case Str:
		return identity{unsafe.Pointer(unsafe.StringData(string(v))), 2 * len(v)}, len(v) >= 2
	case Unicode:
		return identity{unsafe.Pointer(unsafe.StringData(string(v))), 2*len(v) + 1}, longUnicode(v)
	case *List:
		return identity{unsafe.Pointer(v), -1}, true
	case *Tuple:
		return identity{unsafe.Pointer(v), -1}, len(v.Items) > 0
	case *Dict:
		return identity{unsafe.Pointer(v), -1}, true
	case *Instance:
		return identity{unsafe.Pointer(v), -1}, true
	case *Reduce:
		return identity{unsafe.Pointer(v), -1}, true
	}

	return identity{}, false
}

// longUnicode reports whether u has at least two characters.
func longUnicode(u Unicode) bool {
	if len(u) < 2 {
		return false
	}
	_, n := decodeWTF8(string(u))
	return n < len(u)
}

// find returns the index of an object, or -1.
func (w *writer) find(v Value) int32 {
	if g, ok := v.(*Global); ok {
		if i, ok := w.classes[*g]; ok {
			return i
		}
		return -1
	}

	if len(w.seen) == 0 {
		return -1
	}

	if id, ok := identify(v); ok {
		if i, ok := w.seen[id]; ok {
			return i
		}
	}

	return -1
}

// note returns the index of an object, and adds an unknown one. It returns false for a value that never goes into the
// memo.
func (w *writer) note(v Value) (int32, bool) {
	next := int32(len(w.objects))
	if g, ok := v.(*Global); ok {
		return w.noteName(*g), true
	}

	id, ok := identify(v)
	if !ok {
		return 0, false
	}

	if w.seen == nil {
		w.seen = make(map[identity]int32)
	}

	if i, ok := w.seen[id]; ok {
		return i, true
	}
	w.seen[id] = next
	w.objects = append(w.objects, knownObject{})
	return next, true
}

func (w *writer) noteName(g Global) int32 {
	if i, ok := w.classes[g]; ok {
		return i
	}

	if w.classes == nil {
		w.classes = make(map[Global]int32)
	}

	w.classes[g] = int32(len(w.objects))
	w.objects = append(w.objects, knownObject{})
	return int32(len(w.objects) - 1)
}

// count counts the references to each object in v. It does not recurse.
func (w *writer) count(v Value) {
	if !isContainer(v) {
		return
	}

	// A stack instead of recursion: values nest deep.
	todo := append(w.todo[:0], v)
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		i, ok := w.note(v)
		if !ok {
			continue
		}

		w.objects[i].refs++
		if !isContainer(v) {
			continue
		}

		// What was met before is counted; its contents were counted then.
		if w.objects[i].refs > 1 {
			w.shared = true
			continue
		}

		// An instance refers to its class.
		if in, ok := v.(*Instance); ok {
			w.objects[w.noteName(in.Class)].refs++
		}

		todo = appendChildren(todo, v)
	}

	w.todo = todo
}

// wants reports whether v gets a PUT. Its references were counted before.
func (w *writer) wants(v Value, refs, held int32) bool {
	if w.lean {
		// Containers that nothing refers to twice hold no cycle and need no PUT.
		return refs > 1 || w.shared && isContainer(v)
	}

	switch v := v.(type) {
	case *List:
		if len(v.Items) > 0 {
			return true
		}
	case *Dict:
		if v.Len() > 0 {
			return true
		}
	case *Global, *Reduce:
		return true
	case *Instance:
		// The __getstate__ of a class holds a reference to the object meanwhile.
		if _, plain := v.State.(*Dict); v.Kind != OldStyle || v.HasState && !plain {
			return true
		}
	}

	return refs+held > 1
}

// put puts v, which was just written, in the memo if it gets a PUT.
func (w *writer) put(v Value, held int32) {
	i, ok := w.note(v)
	if !ok || !w.wants(v, w.objects[i].refs, held) {
		return
	}
	w.objects[i].put, w.objects[i].id = true, w.nextID
	w.puts++
	w.memoOp(w.nextID, opPut, opBinPut, opLongBinPut)
	w.nextID++
}

// got writes a GET of v if v is in the memo.
func (w *writer) got(v Value) bool {
	if w.puts == 0 {
		return false
	}
	i := w.find(v)
	if i < 0 || !w.objects[i].put {
		return false
	}

	w.memoOp(w.objects[i].id, opGet, opBinGet, opLongBinGet)
	return true
}

// isPut reports whether v is in the memo already.
func (w *writer) isPut(v Value) bool {
	i := w.find(v)
	return i >= 0 && w.objects[i].put
}
