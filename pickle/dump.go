package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// Dump writes v as cPickle.dump(v, fp, proto) does, with proto 0, 1 or 2. What
// is reachable twice by one pointer (a str or unicode: by the same bytes in
// memory) is written once and then referred to. It returns an error for a value
// of no kind of this package and, wrapping [ErrDepth], for one nested deeper
// than [MaxDepth].
func Dump(v Value, proto int) ([]byte, error) {
	if proto < 0 || proto > 2 {
		return nil, fmt.Errorf("pickle: had protocol %d, wanted 0, 1 or 2", proto)
	}
	w := writers.Get().(*writer)
	defer func() {
		w.reset()
		writers.Put(w)
	}()
	w.proto, w.nextID = proto, 1 // cPickle counts from 1, pickle.py from 0
	w.count(v)

	if proto == 2 {
		w.out = append(w.out, opProto, 2)
	}

	held := int32(1) // by the caller of cPickle
	if !isContainer(v) {
		held = 2
	}

	if err := w.value(v, held); err != nil {
		return nil, err
	}

	w.out = append(w.out, opStop)
	if w.large() {
		return w.out, nil // reset lets it go
	}
	return bytes.Clone(w.out), nil
}

// writers are used again: entries of queues are small, and there are many.
var writers = sync.Pool{New: func() any { return &writer{} }}

// batch is how many items cPickle writes between a MARK and what takes them.
const batch = 1000

// writer writes values. cPickle leaves out the PUT of an object that has a
// single reference; a writer counts the references there are in the value, and
// those that cPickle itself holds while it writes (held), to do the same.
type writer struct {
	out    []byte
	proto  int
	nextID uint32
	// lean leaves out every PUT that no GET needs: for values that go into a
	// document beside others.
	lean bool
	// plain writes with what has its like in protocol 0: one item at a time.
	plain   bool
	shared  bool               // some container has two references
	state   *Dict              // the __dict__ about to be written
	seen    map[identity]int32 // indexes of objects
	classes map[Global]int32   // the same of classes and functions
	objects []knownObject
	puts    int // how many objects have one
	depth   int
	making  map[Value]bool // objects whose arguments are being written
	todo    []Value        // room for count
}

// maxReuse is how many objects a writer may have written to be used again: it
// keeps the room that those took.
const maxReuse = 1000

// large tells whether a writer has taken too much room to be used again.
func (w *writer) large() bool { return len(w.objects) > maxReuse || cap(w.out) > 64*maxReuse }

// reset makes a writer ready for other values.
func (w *writer) reset() {
	if w.large() {
		*w = writer{proto: w.proto, nextID: w.nextID, lean: w.lean, plain: w.plain}
		return
	}
	clear(w.seen)
	clear(w.classes)
	w.objects, w.puts = w.objects[:0], 0
	clear(w.todo[:cap(w.todo)])
	w.out, w.shared, w.state, w.depth, w.making = w.out[:0], false, nil, 0, nil
}

func (w *writer) memoOp(id uint32, text, short, long byte) {
	switch {
	case w.proto == 0:
		w.out = append(strconv.AppendUint(append(w.out, text), uint64(id), 10), '\n')
	case id < 256:
		w.out = append(w.out, short, byte(id))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, long), id)
	}
}

// value writes v. held is how many references cPickle holds to it at this point,
// besides those of the containers that v is in.
func (w *writer) value(v Value, held int32) error {
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, opNone)
		return nil
	case bool:
		w.bool(v)
		return nil
	case Int:
		w.int(int64(v))
		return nil
	case *big.Int:
		w.long(v)
		return nil
	case float64:
		if w.proto > 0 {
			w.out = binary.BigEndian.AppendUint64(append(w.out, opBinFloat), math.Float64bits(v))
		} else {
			w.out = append(appendFloat(append(w.out, opFloat), v), '\n')
		}
		return nil
	}

	if w.got(v) {
		return nil
	}

	switch v := v.(type) {
	case Str:
		if err := w.str(string(v)); err != nil {
			return err
		}
		w.put(v, held)
		return nil
	case Unicode:
		if err := w.unicode(v); err != nil {
			return err
		}
		w.put(v, held)
		return nil
	case *Global:
		return w.global(v)
	}

	if w.depth++; w.depth > MaxDepth {
		return fmt.Errorf("pickle: had a value nested deeper than %d: %w", MaxDepth, ErrDepth)
	}
	var err error
	switch v := v.(type) {
	case *Tuple:
		err = w.tuple(v, held)
	case *List:
		if w.proto > 0 {
			w.out = append(w.out, opEmptyList)
		} else {
			w.out = append(w.out, opMark, opList)
		}
		w.put(v, held)
		err = w.items(v.Items)
	case *Dict:
		if w.proto > 0 {
			w.out = append(w.out, opEmptyDict)
		} else {
			w.out = append(w.out, opMark, opDict)
		}
		w.put(v, held)
		err = w.pairs(v, true)
	case *Instance:
		err = w.instance(v, held)
	case *Reduce:
		err = w.reduce(v, v.Func, v.Args, held)
	default:
		err = fmt.Errorf("pickle: had %s, wanted one of the kinds of Value", kind(v))
	}

	w.depth--
	return err
}

func (w *writer) bool(v bool) {
	switch {
	case w.proto == 2 && v:
		w.out = append(w.out, opNewTrue)
	case w.proto == 2:
		w.out = append(w.out, opNewFalse)
	case v:
		w.out = append(w.out, "I01\n"...)
	default:
		w.out = append(w.out, "I00\n"...)
	}
}

func (w *writer) int(n int64) {
	switch {
	case w.proto == 0 || n != int64(int32(n)):
		// There is no binary form of an int of more than 32 bits.
		w.out = append(strconv.AppendInt(append(w.out, opInt), n, 10), '\n')
	case 0 <= n && n < 1<<8:
		w.out = append(w.out, opBinInt1, byte(n))
	case 0 <= n && n < 1<<16:
		w.out = append(w.out, opBinInt2, byte(n), byte(n>>8))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinInt), uint32(n))
	}
}

func (w *writer) long(n *big.Int) {
	if w.proto < 2 {
		w.out = append(n.Append(append(w.out, opLong), 10), 'L', '\n')
		return
	}
	s := encodeLong(n)
	if len(s) < 256 {
		w.out = append(w.out, opLong1, byte(len(s)))
	} else {
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLong4), uint32(len(s)))
	}

	w.out = append(w.out, s...)
}

// encodeLong is the shortest two's complement, the lowest byte first; nothing for 0.
func encodeLong(n *big.Int) []byte {
	if n.Sign() == 0 {
		return nil
	}
	x := n

	if n.Sign() < 0 {
		x = new(big.Int).Not(n) // the same bits, inverted
	}

	s := x.FillBytes(make([]byte, x.BitLen()/8+1))
	slices.Reverse(s)
	if n.Sign() < 0 {
		for i := range s {
			s[i] = ^s[i]
		}
	}

	return s
}

func (w *writer) str(s string) error {
	switch {
	case w.proto == 0:
		w.out = append(appendQuoted(append(w.out, opString), s), '\n')
		return nil
	case len(s) < 256:
		w.out = append(w.out, opShortBinString, byte(len(s)))
	case len(s) > math.MaxInt32:
		return fmt.Errorf("pickle: had a str of %d bytes, wanted at most %d", len(s), math.MaxInt32)
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinString), uint32(len(s)))
	}

	w.out = append(w.out, s...)
	return nil
}

func (w *writer) unicode(u Unicode) error {
	if i := wtf8Error(unsafe.Slice(unsafe.StringData(string(u)), len(u))); i >= 0 {
		return fmt.Errorf("pickle: had a Unicode with byte %#02x at %d, wanted UTF-8", u[i], i)
	}
	if w.proto == 0 {
		w.out = append(appendRawUnicode(append(w.out, opUnicode), u), '\n')
		return nil
	}
	if len(u) > math.MaxInt32 {
		return fmt.Errorf("pickle: had a unicode of %d bytes, wanted at most %d", len(u), math.MaxInt32)
	}

	w.out = append(binary.LittleEndian.AppendUint32(append(w.out, opBinUnicode), uint32(len(u))), u...)
	return nil
}

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
		return fmt.Errorf("pickle: had %.60q, wanted the name of a class or function", g)
	}
	w.out = append(append(append(w.out, op), g.Module...), '\n')
	w.out = append(append(w.out, g.Name...), '\n')
	return nil
}

func (w *writer) tuple(t *Tuple, held int32) error {
	n := len(t.Items)
	if n == 0 {
		if w.proto > 0 {
			w.out = append(w.out, opEmptyTuple)
		} else {
			w.out = append(w.out, opMark, opTuple)
		}
		return nil
	}

	short := w.proto == 2 && n <= 3
	if !short {
		w.out = append(w.out, opMark)
	}

	for _, item := range t.Items {
		if err := w.value(item, 0); err != nil {
			return err
		}
	}

	if w.isPut(t) {
		// The tuple is inside itself: writing its items wrote it. Drop them.
		switch {
		case short:
			w.drop(n)
		case w.proto > 0:
			w.out = append(w.out, opPopMark)
		default:
			w.drop(n + 1)
		}

		w.got(t)
		return nil
	}

	if short {
		w.out = append(w.out, byte(opTuple1+n-1))
	} else {
		w.out = append(w.out, opTuple)
	}

	w.put(t, held)
	return nil
}

func (w *writer) drop(n int) {
	for range n {
		w.out = append(w.out, opPop)
	}
}

// items writes what the list on the stack is filled with.
func (w *writer) items(items []Value) error {
	if w.proto == 0 || w.plain {
		for _, item := range items {
			if err := w.value(item, 1); err != nil {
				return err
			}
			w.out = append(w.out, opAppend)
		}
		return nil
	}

	for some := range slices.Chunk(items, batch) {
		if len(some) > 1 {
			w.out = append(w.out, opMark)
		}

		for _, item := range some {
			if err := w.value(item, 1); err != nil {
				return err
			}
		}

		if len(some) > 1 {
			w.out = append(w.out, opAppends)
		} else {
			w.out = append(w.out, opAppend)
		}
	}

	return nil
}

// pairs writes what the dict on the stack is filled with. exact is for a dict
// and not for an object like one: cPickle goes through the two differently.
func (w *writer) pairs(d *Dict, exact bool) error {
	n, total := 0, d.Len()
	single := w.proto == 0 || w.plain || total == 1
	held := int32(0)

	if w.proto == 0 || !exact {
		held = 1 // by the tuple that an item comes in
	}

	keyHeld := held
	if d == w.state {
		keyHeld++ // names of attributes are interned, and the code that uses them has them too
	}

	for k, v := range d.All() {
		if !single && n%batch == 0 {
			if n > 0 {
				w.out = append(w.out, opSetItems)
			}
			if single = !exact && n == total-1; !single {
				w.out = append(w.out, opMark)
			}
		}

		if err := w.value(k, keyHeld); err != nil {
			return err
		}
		if err := w.value(v, held); err != nil {
			return err
		}

		if single {
			w.out = append(w.out, opSetItem)
		}

		n++
	}

	if !single && n > 0 {
		w.out = append(w.out, opSetItems)
		if exact && n%batch == 0 {
			w.out = append(w.out, opMark, opSetItems) // as cPickle does
		}
	}

	return nil
}

func (w *writer) instance(in *Instance, held int32) error {
	class := in.Class
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

	// Read in protocol 2 and written in another: copy_reg.__reduce_ex__ would ask
	// the class for its base, which is not known here.
	all := []Value{&class}
	if args := in.newArgs(); args != nil {
		all = append(all, args.Items...)
	}

	return w.reduce(in, &newObject, &Tuple{all}, held)
}

func (w *writer) oldInstance(in *Instance, held int32) error {
	class := in.Class
	w.out = append(w.out, opMark)
	object := w.proto > 0 && !w.plain
	if object {
		if err := w.global(&class); err != nil {
			return err
		}
	}

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
	if args == nil {
		args = &Tuple{}
	}

	if err := w.value(f, 1); err != nil {
		return err
	}

	if w.making[v] {
		// It is in its own arguments. A list or dict in those is still being filled,
		// and would be read as empty; Python too writes another copy of it here.
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

// rest puts the object just made in the memo and writes what it holds.
func (w *writer) rest(v Value, held int32) error {
	if w.isPut(v) {
		// The object is in its own arguments, and so has been made before.
		w.drop(1)
		w.got(v)
		return nil
	}

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
	if err := w.value(state, 1); err != nil { // cPickle holds a __dict__ meanwhile
		return err
	}

	w.out = append(w.out, opBuild)
	return nil
}
