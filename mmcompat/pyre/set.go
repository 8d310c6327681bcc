package pyre

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
)

// Set looks for many patterns in every line of a text, in one pass. It is an
// automaton whose states are made when a text first leads to them and kept for
// the next text. A Set may be used by many goroutines at once.
type Set struct {
	n      int // patterns
	insts  []inst
	owner  []int32    // by instruction: its pattern
	words  []*byteSet // by pattern: what \b takes for a word
	starts []int32    // by pattern
	class  [256]uint8 // bytes that no pattern tells apart have the same number
	member [256]byte  // by class: one byte of it
	ends   int        // class number that stands for the end of the text
	edges  bool       // there is a \b or \B, so states must know the byte before
	stride int
	cover  []byte // bytes of which every match of any needle has one; none if there are no such bytes
	window int    // bytes to go through before skip is tried again: usualWindow, or less in a test
	room   int    // states an automaton may have: maxStates, or less in a test

	mu   sync.Mutex
	free []*automaton
}

// NewSet makes a Set of needles. Hits are numbered as the needles are here.
func NewSet(needles ...Needle) *Set {
	s := &Set{n: len(needles), room: maxStates, window: usualWindow}
	b := nfaBuilder{plain: true, limit: math.MaxInt}
	for k, needle := range needles {
		from := len(b.insts)
		end := b.add(inst{op: instMatch, arg: int32(k)})
		s.starts = append(s.starts, b.build(needle.root, end))
		for range len(b.insts) - from {
			s.owner = append(s.owner, int32(k))
		}
		s.words = append(s.words, needle.word)
	}

	s.insts = b.insts
	s.classify()
	s.cover = cover(needles)
	return s
}

// classify numbers the classes of bytes that the patterns tell apart.
func (s *Set) classify() {
	var nl byteSet
	nl.add('\n')
	sets := []byteSet{nl}
	for i := range s.insts {
		switch in := &s.insts[i]; {
		case in.op == instByte:
			sets = append(sets, in.set)
		case in.op == instAssert && (in.assert == atWordEdge || in.assert == atNoEdge):
			s.edges = true
			sets = append(sets, *s.words[s.owner[i]])
		}
	}

	// Split the one class of all bytes by each set in turn.
	count := 1
	for _, set := range sets {
		type part struct {
			class uint8
			in    bool
		}

		numbers := map[part]uint8{}
		var class [256]uint8
		for c := 0; c < 256; c++ {
			p := part{s.class[c], set.has(byte(c))}
			if _, ok := numbers[p]; !ok {
				numbers[p] = uint8(len(numbers))
			}
			class[c] = numbers[p]
		}

		s.class, count = class, len(numbers)
	}

	for c := 255; c >= 0; c-- {
		s.member[s.class[c]] = byte(c)
	}
	s.ends = count
	s.stride = count + 1
}

// Lines calls hit for every line of text in which at least one of the patterns
// would be found by Search: with where the line begins and ends (its newline
// included, as the patterns see it) and the numbers of those patterns, in order.
// It stops when hit returns false. The slice is not hit's to keep.
func (s *Set) Lines(text string, hit func(start, end int, patterns []int) bool) {
	if s.n == 0 {
		return
	}
	a := s.get()
	defer s.put(a)

	for from := 0; from < len(text); {
		if from = s.skip(text, from); from == len(text) {
			return
		}
		end := len(text)
		if from+s.window < end {
			if n := strings.IndexByte(text[from+s.window:], '\n'); n >= 0 {
				end = from + s.window + n + 1
			}
		}

		if !a.lines(text, from, end, hit) {
			return
		}
		from = end
	}
}

const usualWindow = 4096

// skip returns where the first line from a place on begins that has a byte of
// cover, the end of the text if there is none. No other line has a needle in it.
func (s *Set) skip(text string, from int) int {
	if len(s.cover) == 0 {
		return from
	}

	// Ever larger pieces: a byte that is nowhere must not be looked for up to the
	// end again each time another one is found soon.
	for begin, size := from, s.window; begin < len(text); size *= 2 {
		end := min(begin+size, len(text))
		first := end
		for _, c := range s.cover {
			if n := strings.IndexByte(text[begin:first], c); n >= 0 {
				first = begin + n
			}
		}

		if first < end {
			return from + strings.LastIndexByte(text[from:first], '\n') + 1
		}
		begin = end
	}

	return len(text)
}

// lines is Lines for the lines between two places.
func (a *automaton) lines(text string, from, end int, hit func(start, end int, patterns []int) bool) bool {
	s := a.set
	class, rows := &s.class, a.next
	state := a.start
	piece := text[from:end]
	for i := 0; i < len(piece); i++ {
		to := rows[int(state)+int(class[piece[i]])]
		if to == state {
			continue // spares the next look-up from waiting for this one
		}
		if to > 0 {
			state = to
			continue
		}

		if to == 0 {
			to = a.step(state, int(class[piece[i]]))
			rows = a.next
			if to > 0 {
				state = to
				continue
			}
		}

		start := from + strings.LastIndexByte(piece[:i], '\n') + 1
		if !hit(start, from+i+1, a.hits[-to]) {
			return false
		}
		state = a.start
	}

	if state == a.start {
		return true // what is left is no line
	}
	to := rows[int(state)+s.ends]
	if to == 0 {
		to = a.step(state, s.ends)
	}

	if to < 0 {
		return hit(from+strings.LastIndexByte(piece, '\n')+1, end, a.hits[-to])
	}

	return true
}

// Find returns where the first line in which one of the patterns is found begins
// and ends; found is false if there is none.
func (s *Set) Find(text string) (start, end int, found bool) {
	s.Lines(text, func(a, b int, _ []int) bool {
		start, end, found = a, b, true
		return false
	})
	return
}

func (s *Set) get() *automaton {
	s.mu.Lock()
	defer s.mu.Unlock()

	if n := len(s.free); n > 0 {
		a := s.free[n-1]
		s.free = s.free[:n-1]
		return a
	}

	a := &automaton{set: s}
	a.reset()
	return a
}

func (s *Set) put(a *automaton) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, a)
}

// maxStates is how many states an automaton keeps; it forgets all of them when
// there are more.
const maxStates = 8192

// automaton is the part of a Set that one goroutine uses at a time. A state is
// known by the offset of its row in next. An entry of a row is the state that a
// class of bytes leads to; 0 if that is not known yet; negative at the end of a
// line in which something was found: the number of the found patterns in hits.
type automaton struct {
	set    *Set
	next   []int32
	states []state // by offset / stride
	index  map[string]int32
	hits   [][]int // hits[0] is not used
	found  map[string]int32
	start  int32

	seen  []uint32 // by instruction: the visit in which closure came by
	visit uint32
	stack []int32
	key   []byte
}

// state is a set of places in the patterns, and all else that decides how the
// line goes on.
type state struct {
	places []int32  // instructions, before closure
	before int16    // the byte before; begin or other
	found  []uint64 // the patterns found in this line so far
}

const (
	begin int16 = -1 // at the beginning of the line
	other int16 = -2 // some byte that is no newline
	after int16 = -3 // the end of the text comes next (as the byte after)
)

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

// intern returns the offset of a state, which is made if it is new.
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

// step works out and notes where a class leads to from a state. If the automaton
// is full, all others are forgotten.
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

// keep sorts places and leaves out those of patterns that were found already.
func (a *automaton) keep(places []int32, found []uint64) []int32 {
	places = slices.DeleteFunc(places, func(pc int32) bool {
		k := a.set.owner[pc]
		return found[k>>6]&(1<<(k&63)) != 0
	})
	slices.Sort(places)
	return slices.Compact(places)
}

// advance returns the places that are reached from places, or from the start of
// a pattern that was not found yet, by taking sym (none, if that is after). It
// adds to found the patterns that match before sym.
func (a *automaton) advance(places []int32, left, sym int16, found []uint64) []int32 {
	s := a.set
	a.visit++
	var to []int32
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

// report returns the number of a set of found patterns.
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
