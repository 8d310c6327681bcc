package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// Dump writes v as cPickle.dump(v, fp, proto) does, with proto 0, 1 or 2. Only
// what is referred to again is stored in the memo; cPickle leaves out the rest
// in the same way where it can tell by the reference count. It returns an error
// for a value of no kind of this package and for one nested deeper than MaxDepth.
func Dump(v Value, proto int) ([]byte, error) {
	w, err := newWriter(v, proto, 0)
	if err != nil {
		return nil, err
	}
	if proto >= 2 {
		w.out = append(w.out, opProto, byte(proto))
	}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return append(w.out, opStop), nil
}

// appendSpan appends v to out as a value inside a protocol 1 pickle that uses no
// memo key from firstID on.
func appendSpan(out []byte, v Value, firstID int) ([]byte, error) {
	w, err := newWriter(v, 1, firstID)
	if err != nil {
		return out, err
	}
	w.out = out
	if err := w.value(v, 0); err != nil {
		return out, err
	}
	return w.out, nil
}

type writer struct {
	out    []byte
	proto  int
	nextID int
	again  map[Value]bool // what is met more than once
	memo   map[Value]int
}

// newWriter finds out what v refers to more than once.
func newWriter(v Value, proto, firstID int) (*writer, error) {
	if proto < 0 || proto > 2 {
		return nil, fmt.Errorf("pickle: had protocol %d, wanted 0 to 2", proto)
	}
	w := &writer{proto: proto, nextID: firstID}
	if !isContainer(v) {
		return w, nil
	}
	w.again, w.memo = map[Value]bool{}, map[Value]int{}
	var path []Value
	var walk func(v Value, depth int) error
	walk = func(v Value, depth int) error {
		id := identity(v)
		if id == nil {
			return nil
		}
		if _, seen := w.again[id]; seen {
			w.again[id] = true
			if _, ok := v.(*Tuple); ok {
				// A tuple inside itself has no memo key yet when it is met again, so what lies on the way is met again too.
				for i := slices.Index(path, id); i >= 0 && i < len(path); i++ {
					w.again[path[i]] = true
				}
			}
			return nil
		}
		if depth > MaxDepth {
			return fmt.Errorf("pickle: had a value more than %d deep: %w", MaxDepth, ErrDepth)
		}
		w.again[id] = false
		path = append(path, id)
		defer func() { path = path[:len(path)-1] }()
		if in, ok := v.(*Instance); ok && in.Kind != Reconstructed && (proto > 0 || in.Kind == NewStyle) {
			if err := walk(&in.Class, depth+1); err != nil {
				return err
			}
		}
		return children(v, func(c Value) error { return walk(c, depth+1) })
	}
	return w, walk(v, 0)
}

// identity is what tells one object from another: the pointer, and the name for
// a class. It is nil for what needs no memo.
func identity(v Value) Value {
	switch v := v.(type) {
	case *Global:
		return *v
	case *Tuple:
		if len(v.Items) == 0 {
			return nil
		}
	}
	if isContainer(v) {
		return v
	}
	return nil
}

func (w *writer) put(v Value) {
	id := identity(v)
	if id == nil || !w.again[id] {
		return
	}
	n := w.nextID
	w.nextID++
	w.memo[id] = n
	switch {
	case w.proto == 0:
		w.out = append(strconv.AppendInt(append(w.out, opPut), int64(n), 10), '\n')
	case n < 256:
		w.out = append(w.out, opBinPut, byte(n))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLongBinPut), uint32(n))
	}
}

func (w *writer) get(n int) {
	switch {
	case w.proto == 0:
		w.out = append(strconv.AppendInt(append(w.out, opGet), int64(n), 10), '\n')
	case n < 256:
		w.out = append(w.out, opBinGet, byte(n))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLongBinGet), uint32(n))
	}
}

func (w *writer) value(v Value, depth int) error {
	if depth > 2*MaxDepth {
		return fmt.Errorf("pickle: had a value more than %d deep: %w", MaxDepth, ErrDepth)
	}
	if id := identity(v); id != nil {
		if n, ok := w.memo[id]; ok {
			w.get(n)
			return nil
		}
	}
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, opNone)
	case bool:
		w.bool(v)
	case Int:
		w.int(int64(v))
	case *big.Int:
		return w.long(v)
	case float64:
		if w.proto > 0 {
			w.out = binary.BigEndian.AppendUint64(append(w.out, opBinFloat), math.Float64bits(v))
		} else {
			w.out = append(append(append(w.out, opFloat), formatFloat(v)...), '\n')
		}
	case Str:
		return w.str(v)
	case Unicode:
		return w.unicode(v)
	case *Global:
		w.out = append(w.out, opGlobal)
		w.out = append(append(append(append(w.out, v.Module...), '\n'), v.Name...), '\n')
		w.put(v)
	case *Tuple:
		return w.tuple(v, depth)
	case *List:
		if w.proto > 0 {
			w.out = append(w.out, opEmptyList)
		} else {
			w.out = append(w.out, opMark, opList)
		}
		w.put(v)
		return w.items(v.Items, depth)
	case *Dict:
		if w.proto > 0 {
			w.out = append(w.out, opEmptyDict)
		} else {
			w.out = append(w.out, opMark, opDict)
		}
		w.put(v)
		return w.pairs(v, depth)
	case *Instance:
		return w.instance(v, depth)
	case *Reduce:
		if err := w.call(v.Func, v.Args, v, depth); err != nil {
			return err
		}
		return w.rest(v.ListItems, v.DictItems, v.HasState, v.State, depth)
	default:
		return fmt.Errorf("pickle: had a Go value of type %T, wanted one of the kinds of Value", v)
	}
	return nil
}

func (w *writer) bool(v bool) {
	switch {
	case w.proto >= 2 && v:
		w.out = append(w.out, opNewTrue)
	case w.proto >= 2:
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
		// There is no binary form of an int of more than 32 bits before protocol 3.
		w.out = append(strconv.AppendInt(append(w.out, opInt), n, 10), '\n')
	case n >= 0 && n < 1<<8:
		w.out = append(w.out, opBinInt1, byte(n))
	case n >= 0 && n < 1<<16:
		w.out = binary.LittleEndian.AppendUint16(append(w.out, opBinInt2), uint16(n))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinInt), uint32(n))
	}
}

func (w *writer) long(n *big.Int) error {
	if w.proto < 2 {
		w.out = append(append(append(w.out, opLong), n.String()...), 'L', '\n')
		return nil
	}
	b := twosComplement(n)
	if len(b) < 256 {
		w.out = append(w.out, opLong1, byte(len(b)))
	} else {
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLong4), uint32(len(b)))
	}
	w.out = append(w.out, b...)
	return nil
}

// twosComplement is the shortest little-endian form; zero has no bytes.
func twosComplement(n *big.Int) []byte {
	if n.Sign() == 0 {
		return nil
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		// The lowest number of a size has one bit more than its absolute value needs.
		size = new(big.Int).Not(n).BitLen()/8 + 1
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	b := n.FillBytes(make([]byte, size))
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return b
}

func (w *writer) str(s Str) error {
	switch {
	case w.proto == 0:
		w.out = append(append(append(w.out, opString), quote(string(s))...), '\n')
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
	if !validWTF8(string(u)) {
		return fmt.Errorf("pickle: had a unicode %.20q, wanted UTF-8", string(u))
	}
	if w.proto == 0 {
		w.out = append(appendRawUnicode(append(w.out, opUnicode), u), '\n')
		return nil
	}
	if len(u) > math.MaxInt32 {
		return fmt.Errorf("pickle: had a unicode of %d bytes, wanted at most %d", len(u), math.MaxInt32)
	}
	w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinUnicode), uint32(len(u)))
	w.out = append(w.out, u...)
	return nil
}

func (w *writer) tuple(t *Tuple, depth int) error {
	n := len(t.Items)
	if n == 0 {
		if w.proto > 0 {
			w.out = append(w.out, opEmptyTuple)
		} else {
			w.out = append(w.out, opMark, opTuple)
		}
		return nil
	}
	short := w.proto >= 2 && n <= 3
	if !short {
		w.out = append(w.out, opMark)
	}
	for _, item := range t.Items {
		if err := w.value(item, depth+1); err != nil {
			return err
		}
	}
	if id, ok := w.memo[Value(t)]; ok {
		// The tuple holds itself: writing its items has written it, so they are dropped again.
		switch {
		case short:
			for range n {
				w.out = append(w.out, opPop)
			}
		case w.proto > 0:
			w.out = append(w.out, opPopMark)
		default:
			for range n + 1 {
				w.out = append(w.out, opPop)
			}
		}
		w.get(id)
		return nil
	}
	if short {
		w.out = append(w.out, opTuple1+byte(n-1))
	} else {
		w.out = append(w.out, opTuple)
	}
	w.put(t)
	return nil
}

// batch is how many items cPickle writes between a MARK and what takes them.
const batch = 1000

func (w *writer) items(items []Value, depth int) error {
	for len(items) > 0 {
		n := min(len(items), batch)
		if w.proto == 0 || len(items) == 1 {
			n = 1
		} else {
			w.out = append(w.out, opMark)
		}
		for _, item := range items[:n] {
			if err := w.value(item, depth+1); err != nil {
				return err
			}
		}
		if n == 1 && (w.proto == 0 || len(items) == 1) {
			w.out = append(w.out, opAppend)
		} else {
			w.out = append(w.out, opAppends)
		}
		items = items[n:]
	}
	return nil
}

func (w *writer) pairs(d *Dict, depth int) error {
	left, open := d.Len(), 0
	for k, v := range d.All() {
		single := w.proto == 0 || open == 0 && left == 1
		if !single && open == 0 {
			w.out = append(w.out, opMark)
		}
		if err := w.value(k, depth+1); err != nil {
			return err
		}
		if err := w.value(v, depth+1); err != nil {
			return err
		}
		left--
		if single {
			w.out = append(w.out, opSetItem)
			continue
		}
		if open++; open == batch || left == 0 {
			w.out = append(w.out, opSetItems)
			open = 0
		}
	}
	return nil
}

func (w *writer) instance(in *Instance, depth int) error {
	switch in.Kind {
	case OldStyle:
		w.out = append(w.out, opMark)
		if w.proto > 0 {
			if err := w.value(&in.Class, depth+1); err != nil {
				return err
			}
		}
		if in.Args != nil {
			for _, a := range in.Args.Items {
				if err := w.value(a, depth+1); err != nil {
					return err
				}
			}
		}
		if w.proto > 0 {
			w.out = append(w.out, opObj)
		} else {
			w.out = append(w.out, opInst)
			w.out = append(append(append(append(w.out, in.Class.Module...), '\n'), in.Class.Name...), '\n')
		}
		w.put(in)
	case Reconstructed:
		if err := w.call(&reconstructor, in.Args, in, depth); err != nil {
			return err
		}
	default:
		args := in.Args
		if args == nil {
			args = &Tuple{}
		}
		if w.proto < 2 {
			items := append([]Value{&in.Class}, args.Items...)
			if err := w.call(&newObject, &Tuple{Items: items}, in, depth); err != nil {
				return err
			}
			break
		}
		if err := w.value(&in.Class, depth+1); err != nil {
			return err
		}
		if err := w.value(args, depth+1); err != nil {
			return err
		}
		w.out = append(w.out, opNewObj)
		w.put(in)
	}
	return w.rest(in.ListItems, in.DictItems, in.HasState, in.State, depth)
}

func (w *writer) call(f Value, args *Tuple, made Value, depth int) error {
	if args == nil {
		args = &Tuple{}
	}
	if err := w.value(f, depth+1); err != nil {
		return err
	}
	if err := w.value(args, depth+1); err != nil {
		return err
	}
	w.out = append(w.out, opReduce)
	w.put(made)
	return nil
}

func (w *writer) rest(list []Value, dict *Dict, has bool, state Value, depth int) error {
	if err := w.items(list, depth); err != nil {
		return err
	}
	if dict != nil {
		if err := w.pairs(dict, depth); err != nil {
			return err
		}
	}
	if !has {
		return nil
	}
	if err := w.value(state, depth+1); err != nil {
		return err
	}
	w.out = append(w.out, opBuild)
	return nil
}
