package pyre

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// lines is Lines for text[from:end]: it calls hit for each line in which a pattern matches.
func (a *automaton) lines(text string, from, end int, hit func(start, end int, patterns []int) bool) bool {
	s := a.set
	class, rows := &s.class, a.next
	state := a.start
	piece := text[from:end]
	// One look-up for each byte. A row's entry is the next state, 0 where that was not worked out yet, or
	// negative where a pattern has matched.
	for i := 0; i < len(piece); i++ {
		to := rows[int(state)+int(class[piece[i]])]
		if to == state {
			continue // the next look-up need not wait for this one
		}
		if to > 0 {
			state = to
			continue
		}

		// The transition is met for the first time: work it out and keep it.
		if to == 0 {
			to = a.step(state, int(class[piece[i]]))
			rows = a.next
			if to > 0 {
				state = to
				continue
			}
		}

		// A match: hand over the text up to here from the last line end on, and start afresh.
		start := from + strings.LastIndexByte(piece[:i], '\n') + 1
		if !hit(start, from+i+1, a.hits[-to]) {
			return false
		}
		state = a.start
	}

	// In the start state no line is under way: the text has ended with a line end.
	if state == a.start {
		return true // no line is left
	}

	// The end of the text can complete a match that needs a line's end.
	to := rows[int(state)+s.ends]
	if to == 0 {
		to = a.step(state, s.ends)
	}

	if to < 0 {
		return hit(from+strings.LastIndexByte(piece, '\n')+1, end, a.hits[-to])
	}

	return true
}

// maxStates is how many states an automaton keeps; beyond that it forgets all of them.
const maxStates = 8192

// automaton is the part of a Set that one goroutine uses at a time. A state is identified by the offset of its row in
// next. An entry of a row is the state to which a class of bytes leads. It is 0 if that is not known yet, and
// negative at the end of a line in which something was found: the negated index in hits of the patterns found.
type automaton struct {
	set    *Set
	next   []int32
	states []state // by offset / stride
	index  map[string]int32
	hits   [][]int // hits[0] is not used
	found  map[string]int32
	start  int32

	seen  []uint32 // by instruction: the last visit that saw it
	visit uint32
	stack []int32
	key   []byte
}

// state is a set of places in the patterns, with all else that decides how the line continues.
type state struct {
	places []int32  // instructions, before closure
	before int16    // the byte before; begin or other
	found  []uint64 // the patterns found in this line so far
}

func (a *automaton) reset() {
	s := a.set
	a.next = make([]int32, s.stride)
	a.states = make([]state, 1)
	a.index = map[string]int32{}
	a.hits = make([][]int, 1)
	a.found = map[string]int32{}
	a.seen = make([]uint32, len(s.insts))
	a.visit = 0
	a.start = a.intern(state{before: begin, found: make([]uint64, (s.n+63)/64)})
}

// intern returns the offset of a state, and makes a new one.
func (a *automaton) intern(st state) int32 {
	a.key = a.key[:0]
	a.key = binary.LittleEndian.AppendUint16(a.key, uint16(st.before))
	for _, w := range st.found {
		a.key = binary.LittleEndian.AppendUint64(a.key, w)
	}
	for _, pc := range st.places {
		a.key = binary.AppendUvarint(a.key, uint64(pc))
	}
	if at, ok := a.index[string(a.key)]; ok {
		return at
	}

	at := int32(len(a.next))
	a.next = append(a.next, make([]int32, a.set.stride)...)
	st.places = slices.Clone(st.places)
	a.states = append(a.states, st)
	a.index[string(a.key)] = at

	return at
}

// step computes and keeps the state to which a class leads. If the automaton is full, it forgets all other states.
func (a *automaton) step(from int32, class int) (next int32) {
	s := a.set
	if len(a.states) > s.room {
		st := a.states[int(from)/s.stride]
		a.reset()
		from = a.intern(st)
	}

	st := a.states[int(from)/s.stride]
	sym := after
	if class != s.ends {
		sym = int16(s.member[class])
	}

	found := slices.Clone(st.found)
	to := a.advance(st.places, st.before, sym, found)
	if sym == '\n' {
		a.advance(to, '\n', after, found)
	}

	switch {
	case sym != '\n' && sym != after:
		left := other
		if s.edges {
			left = sym
		}
		next = a.intern(state{places: a.keep(to, found), before: left, found: found})
	case slices.Max(found) == 0:
		next = a.start
	default:
		next = -a.report(found)
	}

	a.next[int(from)+class] = next
	return next
}

// keep sorts places and leaves out those of patterns that were already found.
func (a *automaton) keep(places []int32, found []uint64) []int32 {
	places = slices.DeleteFunc(places, func(pc int32) bool {
		k := a.set.owner[pc]
		return found[k>>6]&(1<<(k&63)) != 0
	})
	slices.Sort(places)
	return slices.Compact(places)
}

// advance computes one transition: the places that are reached from places, or from the start of a pattern
// that was not found yet, by taking sym. It adds to found the patterns that match before sym.
// left is the symbol before, for assertions about words and line ends.
func (a *automaton) advance(places []int32, left, sym int16, found []uint64) []int32 {
	s := a.set
	a.visit++
	var to []int32
	// Follow the instructions that take no byte, with a stack instead of recursion; each place counts once.
	visit := func(pc int32) {
		a.stack = append(a.stack[:0], pc)
		for len(a.stack) > 0 {
			pc := a.stack[len(a.stack)-1]
			a.stack = a.stack[:len(a.stack)-1]
			if a.seen[pc] == a.visit {
				continue
			}

			a.seen[pc] = a.visit
			switch in := &s.insts[pc]; in.op {
			case instSplit:
				a.stack = append(a.stack, in.x, in.y)
			case instAssert:
				if between(in.assert, s.words[s.owner[pc]], left, sym) {
					a.stack = append(a.stack, in.x)
				}
			case instMatch:
				found[in.arg>>6] |= 1 << (in.arg & 63)
			case instByte:
				if sym >= 0 && in.set.has(byte(sym)) {
					to = append(to, in.x)
				}
			}
		}
	}

	// First the threads under way, then a new attempt of each pattern that has no match in this line yet.
	for _, pc := range places {
		visit(pc)
	}
	for k, pc := range s.starts {
		if found[k>>6]&(1<<(k&63)) == 0 {
			visit(pc)
		}
	}

	return to
}

// between tells whether an assertion holds between two bytes of a line.
func between(as assertion, word *byteSet, left, right int16) bool {
	switch as {
	case atBegin:
		return left == begin
	case atBeginLn:
		return left == begin || left == '\n'
	case atEnd, atEndLn:
		return right == after || right == '\n'
	case atEndText:
		return right == after
	}

	edge := (left >= 0 && word.has(byte(left))) != (right >= 0 && word.has(byte(right)))
	return edge == (as == atWordEdge)
}

// report returns the index in hits of a set of found patterns.
func (a *automaton) report(found []uint64) int32 {
	var key []byte
	var list []int
	for i, w := range found {
		key = binary.LittleEndian.AppendUint64(key, w)
		for ; w != 0; w &= w - 1 {
			list = append(list, i<<6+bits.TrailingZeros64(w))
		}
	}

	if at, ok := a.found[string(key)]; ok {
		return at
	}
	at := int32(len(a.hits))
	a.hits = append(a.hits, list)
	a.found[string(key)] = at
	return at
}
