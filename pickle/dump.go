package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"sync"
)

// Dump writes v as cPickle.dump(v, fp, proto) does, with proto 0, 1 or 2. An object that is reachable twice by one
// pointer (a str or unicode: by the same bytes in memory) is written once and then referred to. The error is for a Go
// value of another kind than Value's, and wraps [ErrDepth] for a value nested deeper than [MaxDepth].
func Dump(v Value, proto int) ([]byte, error) {
	if proto < 0 || proto > 2 {
		return nil, fmt.Errorf("pickle: got protocol %d, need 0, 1 or 2", proto)
	}

	// Most values are queue entries: a writer and its tables serve many of them.
	w := writers.Get().(*writer)
	defer func() {
		w.reset()
		writers.Put(w)
	}()
	// cPickle counts memo ids from 1, pickle.py from 0.
	w.proto, w.nextID = proto, 1
	// The references are counted first, since cPickle writes a PUT only for what has two.
	w.count(v)

	if proto == 2 {
		w.out = append(w.out, opProto, 2)
	}

	// cPickle's caller holds a reference to the value. count leaves out a value that is no container, so its own
	// reference is added here.
	held := int32(1)
	if !isContainer(v) {
		held = 2
	}

	if err := w.value(v, held); err != nil {
		return nil, err
	}

	// A large result is returned as it is and its writer's tables are let go; a small one is copied.
	w.out = append(w.out, opStop)
	if w.large() {
		// reset gives up this slice.
		return w.out, nil
	}
	return bytes.Clone(w.out), nil
}

// writers are used again: entries of queues are small, and there are many.
var writers = sync.Pool{New: func() any { return &writer{} }}

// batch is how many items cPickle writes between a MARK and the opcode that takes them.
const batch = 1000

// writer writes values. cPickle omits the PUT of an object that has a single reference. To do the same, a writer
// counts the references inside the value, and those that cPickle itself holds while it writes (held).
type writer struct {
	out    []byte
	proto  int
	nextID uint32
	// lean omits every PUT that no GET needs, for values that go into a document with other values.
	lean bool
	// plain writes one item at a time, with opcodes that have a counterpart in protocol 0.
	plain   bool
	shared  bool               // some container has two references
	state   *Dict              // the __dict__ about to be written
	seen    map[identity]int32 // indexes of objects
	classes map[Global]int32   // the same of classes and functions
	objects []knownObject
	puts    int // how many objects have a PUT
	depth   int
	making  map[Value]bool // objects whose arguments are being written
	todo    []Value        // memory for count
}

// maxReuse is how many objects a writer may have written and still be used again: it keeps their memory.
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

// value writes v. held is how many references cPickle holds to it at this point, besides those of the containers of
// v.
func (w *writer) value(v Value, held int32) error {
	// cPickle never puts these in the memo, so no GET can stand for one.
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

	// An object that was written before is a GET now, which keeps it one object.
	if w.got(v) {
		return nil
	}

	// Strings and classes cannot hold other values, so nesting does not count for them.
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

	// Beyond this depth Load would refuse what is written. Python's own pickler gives up at about 1,000.
	if w.depth++; w.depth > MaxDepth {
		return fmt.Errorf("pickle: got a value nested deeper than %d: %w", MaxDepth, ErrDepth)
	}
	var err error
	// A list or dict goes into the memo before its items, so that an item can refer to its container.
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
		err = fmt.Errorf("pickle: got %s, need one of the kinds of Value", kind(v))
	}

	w.depth--
	return err
}

func (w *writer) tuple(t *Tuple, held int32) error {
	// Tuples of no items are never in the memo: Python has a single empty tuple.
	n := len(t.Items)
	if n == 0 {
		if w.proto > 0 {
			w.out = append(w.out, opEmptyTuple)
		} else {
			w.out = append(w.out, opMark, opTuple)
		}
		return nil
	}

	// Protocol 2 has TUPLE1 to TUPLE3, which need no MARK.
	short := w.proto == 2 && n <= 3
	if !short {
		w.out = append(w.out, opMark)
	}

	// A tuple is made from its items, so these are written before it can be put in the memo.
	for _, item := range t.Items {
		if err := w.value(item, 0); err != nil {
			return err
		}
	}

	if w.isPut(t) {
		// An item has led back to this tuple, and writing that item wrote the whole tuple. save_tuple in
		// pickle.py drops the items from the stack in this case and fetches the tuple from the memo.
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

// items writes the items of the list that is on the stack.
func (w *writer) items(items []Value) error {
	// Protocol 0 has APPEND only.
	if w.proto == 0 || w.plain {
		for _, item := range items {
			if err := w.value(item, 1); err != nil {
				return err
			}
			w.out = append(w.out, opAppend)
		}
		return nil
	}

	// batch_list: up to 1,000 items between MARK and APPENDS, and APPEND for a single one.
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

// pairs writes the items of the dict that is on the stack. exact is true for a dict and false for an object that
// behaves like one: cPickle has a function for each.
func (w *writer) pairs(d *Dict, exact bool) error {
	n, total := 0, d.Len()

	// A dict of one item is written with SETITEM and without a MARK, as batch_dict_exact in cPickle.c does.
	single := w.proto == 0 || w.plain || total == 1
	held := int32(0)

	// batch_dict gets each item as a tuple from iteritems(); batch_dict_exact uses PyDict_Next, without tuples.
	if w.proto == 0 || !exact {
		held = 1 // the reference of the tuple in which an item comes
	}

	keyHeld := held
	if d == w.state {
		// Names of attributes are interned, and the code that uses them refers to them too.
		keyHeld++
	}

	// Items are written in batches of 1,000, each from a MARK to a SETITEMS.
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

	// Close the last batch. batch_dict_exact starts a new batch after each full one, even when no item is
	// left, and so ends with an empty batch where the size is a multiple of 1,000.
	if !single && n > 0 {
		w.out = append(w.out, opSetItems)
		if exact && n%batch == 0 {
			w.out = append(w.out, opMark, opSetItems) // as cPickle does
		}
	}

	return nil
}
