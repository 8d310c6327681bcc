package pickle

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Equal reports whether a and b are equal values of equal kinds. It does not matter which parts of them share
// objects.
func Equal(a, b Value) bool { return len(Diff(a, b, 1)) == 0 }

// Difference is one place where two values differ.
type Difference struct {
	Path string // as Python would write it: ['members']['anne@example.com'][0].score
	A, B string // the two sides as Repr writes them, shortened, or what is wrong with them
}

func (d Difference) String() string { return fmt.Sprintf("%s: %s, %s", d.Path, d.A, d.B) }

// Diff returns the first max differences between a and b, and nil for equal values of equal kinds. The order of a
// dict does not count, nor do the opcodes that made an object.
func Diff(a, b Value, max int) []Difference {
	d := differ{max: max}
	d.compare(a, b, 0)
	return d.found
}

// DiffShared is Diff, and also reports where one side has one mutable object in two places and the other side has two
// objects.
func DiffShared(a, b Value, max int) []Difference {
	d := differ{max: max, sharing: true, ab: map[Value]Value{}, ba: map[Value]Value{}}
	d.compare(a, b, 0)
	return d.found
}

const maxDiffRepr = 120

type differ struct {
	max     int
	found   []Difference
	path    []step
	seen    map[[2]Value]bool // pairs of containers compared, or being compared
	sharing bool
	ab, ba  map[Value]Value // the partner of each mutable object on the other side
}

// step is one part of a path.
type step struct {
	kind byte // 'i' index, 'k' dict key, 'a' attribute, 'w' a word about the object
	key  Value
	n    int
	name string
}

func (d *differ) where() string {
	var s strings.Builder
	for _, p := range d.path {
		switch p.kind {
		case 'i':
			s.WriteString("[" + strconv.Itoa(p.n) + "]")
		case 'k':
			s.WriteString("[" + Repr(p.key, maxDiffRepr) + "]")
		case 'a':
			s.WriteString("." + Repr(p.key, maxDiffRepr))
		case 'w':
			s.WriteString(" (" + p.name + ")")
		}
	}

	if s.Len() == 0 {
		return "the value itself"
	}

	return s.String()
}

func (d *differ) report(a, b string) {
	if !d.full() {
		d.found = append(d.found, Difference{d.where(), a, b})
	}
}

func (d *differ) differ(a, b Value) { d.report(kindRepr(a), kindRepr(b)) }

// kindRepr shows a value so that its kind can be told.
func kindRepr(v Value) string { return kind(v) + " " + Repr(v, maxDiffRepr) }

func (d *differ) full() bool { return len(d.found) >= d.max }

func (d *differ) at(p step, a, b Value, depth int) {
	d.path = append(d.path, p)
	d.compare(a, b, depth+1)
	d.path = d.path[:len(d.path)-1]
}

func (d *differ) compare(a, b Value, depth int) {
	// The caller wants the first differences only, and a hostile pair could have millions.
	if d.full() {
		return
	}
	if depth > 2*MaxDepth { // an instance takes two steps
		d.report("nested too deeply to compare", "nested too deeply to compare")
		return
	}

	// Numbers and strings are compared by kind and value; they need no path below them.
	if !isContainer(a) || !isContainer(b) {
		if !sameAtom(a, b) {
			d.differ(a, b)
		}
		return
	}

	// DiffShared also compares which places hold one object.
	if d.sharing && !d.sameObject(a, b) {
		return
	}

	// A pair that was met before is either compared or being compared: this ends cycles.
	pair := [2]Value{a, b}
	if d.seen[pair] {
		return
	}

	if d.seen == nil {
		d.seen = make(map[[2]Value]bool)
	}

	d.seen[pair] = true
	// Containers are equal when kind, class and contents are; anything else ends in a difference below.
	switch x := a.(type) {
	case *List:
		if y, ok := b.(*List); ok {
			d.items(x.Items, y.Items, depth)
			return
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok {
			d.items(x.Items, y.Items, depth)
			return
		}
	case *Dict:
		if y, ok := b.(*Dict); ok {
			d.dict(x, y, 'k', depth)
			return
		}
	case *Instance:
		if y, ok := b.(*Instance); ok && x.Class == y.Class && (x.Kind == OldStyle) == (y.Kind == OldStyle) {
			if x.Kind != OldStyle && x.plain() && y.plain() {
				// NEWOBJ, and what stands for it below protocol 2.
				d.args(x.newArgs(), y.newArgs(), depth)
			} else {
				d.args(x.Args, y.Args, depth)
			}

			d.object(x.ListItems, y.ListItems, x.DictItems, y.DictItems, x.State, y.State, x.HasState, y.HasState, depth)
			return
		}
	// A reduction is the call that makes the object, and what was added to it afterwards.
	case *Reduce:
		if y, ok := b.(*Reduce); ok {
			d.at(step{kind: 'w', name: "its function"}, x.Func, y.Func, depth)
			d.args(x.Args, y.Args, depth)
			d.object(x.ListItems, y.ListItems, x.DictItems, y.DictItems, x.State, y.State, x.HasState, y.HasState, depth)
			return
		}
	}

	d.differ(a, b)
}

// newArgs are the arguments of __new__ after the class.
func (in *Instance) newArgs() *Tuple {
	if in.Kind == NewStyle {
		return in.Args
	}
	return nil
}

func (d *differ) args(a, b *Tuple, depth int) {
	if a == nil {
		a = &Tuple{}
	}
	if b == nil {
		b = &Tuple{}
	}
	d.at(step{kind: 'w', name: "its arguments"}, a, b, depth)
}

func (d *differ) object(la, lb []Value, da, db *Dict, sa, sb Value, ha, hb bool, depth int) {
	// What the object holds as a list and as a dict, and then its state.
	d.items(la, lb, depth)
	if da == nil {
		da = &Dict{}
	}

	if db == nil {
		db = &Dict{}
	}

	d.dict(da, db, 'k', depth)
	if ha != hb {
		d.path = append(d.path, step{kind: 'w', name: "has a state"})
		d.report(strconv.FormatBool(ha), strconv.FormatBool(hb))
		d.path = d.path[:len(d.path)-1]
		return
	}

	// A state that is a dict shows as attributes.
	x, ok := sa.(*Dict)
	y, ok2 := sb.(*Dict)
	if ok && ok2 {
		if d.sharing && !d.sameObject(x, y) {
			return
		}
		d.dict(x, y, 'a', depth)
		return
	}

	d.at(step{kind: 'w', name: "its state"}, sa, sb, depth)
}

// sameObject reports whether a and b have been the same object of their sides so far.
func (d *differ) sameObject(a, b Value) bool {
	// Tuples are immutable: two equal ones cannot be told from one.
	if _, ok := a.(*Tuple); ok {
		return true
	}
	if _, ok := b.(*Tuple); ok {
		return true
	}

	// The first time that both are met they become partners. From then on each may only meet the other.
	x, seenA := d.ab[a]
	y, seenB := d.ba[b]
	if !seenA && !seenB {
		d.ab[a], d.ba[b] = b, a
		return true
	}
	if x == b && y == a {
		return true
	}

	// One side shares an object and the other has two.
	word := func(seen bool) string {
		if seen {
			return "an object seen before"
		}
		return "an object of its own"
	}

	if seenA && seenB {
		d.report("one object seen before", "another object seen before")
	} else {
		d.report(word(seenA), word(seenB))
	}

	return false
}

func (d *differ) items(a, b []Value, depth int) {
	if len(a) != len(b) {
		d.path = append(d.path, step{kind: 'w', name: "its length"})
		d.report(strconv.Itoa(len(a)), strconv.Itoa(len(b)))
		d.path = d.path[:len(d.path)-1]
	}
	for i := range min(len(a), len(b)) {
		d.at(step{kind: 'i', n: i}, a[i], b[i], depth)
	}
}

func (d *differ) dict(a, b *Dict, what byte, depth int) {
	// Most instances have no items; they need no path.
	if a.Len() == 0 && b.Len() == 0 {
		return
	}

	// An object as a key equals only itself, so keys of two loads never match: pair them by their order.
	var oddA, oddB []entry
	for i := range a.entries {
		e := &a.entries[i]
		if !e.live {
			continue
		}

		j := b.find(e.key, e.hash)
		switch {
		case j >= 0:
			f := &b.entries[j]
			d.at(step{kind: 'w', name: "a key"}, e.key, f.key, depth)
			d.at(step{kind: what, key: e.key}, e.value, f.value, depth)
		case isOddKey(e.key):
			oddA = append(oddA, *e)
		default:
			d.path = append(d.path, step{kind: what, key: e.key})
			d.report(kindRepr(e.value), "nothing")
			d.path = d.path[:len(d.path)-1]
		}

		if d.full() {
			return
		}
	}

	// What a lacks: keys of b that the loop above has not met.
	for i := range b.entries {
		f := &b.entries[i]
		if !f.live || a.find(f.key, f.hash) >= 0 {
			continue
		}
		if isOddKey(f.key) {
			oddB = append(oddB, *f)
			continue
		}

		d.path = append(d.path, step{kind: what, key: f.key})
		d.report("nothing", kindRepr(f.value))
		d.path = d.path[:len(d.path)-1]
	}

	// Objects as keys, in order: compare each with its partner, and report the rest by number.
	for i := range min(len(oddA), len(oddB)) {
		d.at(step{kind: 'w', name: "a key"}, oddA[i].key, oddB[i].key, depth)
		d.at(step{kind: what, key: oddA[i].key}, oddA[i].value, oddB[i].value, depth)
	}

	if len(oddA) != len(oddB) {
		d.path = append(d.path, step{kind: 'w', name: "its objects as keys"})
		d.report(strconv.Itoa(len(oddA)), strconv.Itoa(len(oddB)))
		d.path = d.path[:len(d.path)-1]
	}
}

// isOddKey reports whether a key equals no key of another load.
func isOddKey(k Value) bool {
	switch k := k.(type) {
	case *Instance, *Reduce:
		return true
	case float64:
		return math.IsNaN(k)
	case *Tuple:
		for _, it := range k.Items {
			if isOddKey(it) {
				return true
			}
		}
	}

	return false
}

// sameAtom compares values without parts, bit for bit.
func sameAtom(a, b Value) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case Int:
		y, ok := b.(Int)
		return ok && x == y
	case Str:
		y, ok := b.(Str)
		return ok && x == y
	case Unicode:
		y, ok := b.(Unicode)
		return ok && x == y
	case float64:
		y, ok := b.(float64)
		return ok && (math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y))
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case *Global:
		y, ok := b.(*Global)
		return ok && *x == *y
	}

	return false
}
