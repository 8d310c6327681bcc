package pyre

import (
	"math"
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

const (
	begin int16 = -1 // at the beginning of the line
	other int16 = -2 // some byte that is no newline
	after int16 = -3 // the end of the text comes next (as the byte after)
)
