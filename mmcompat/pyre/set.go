package pyre

import (
	"math"
	"strings"
	"sync"
)

// Set looks for many patterns in every line of a text, in one pass. It is an automaton whose states are made when a
// text first leads to them, and kept for the next text. Many goroutines may use a Set at once.
type Set struct {
	n      int // patterns
	insts  []inst
	owner  []int32    // by instruction: its pattern
	words  []*byteSet // by pattern: the bytes of a word, for \b
	starts []int32    // by pattern
	class  [256]uint8 // bytes that no pattern tells apart have the same class
	member [256]byte  // by class: one byte of it
	ends   int        // the class that stands for the end of the text
	edges  bool       // a pattern has \b or \B, so states must know the byte before
	stride int
	cover  []byte // every match of any needle has one of these bytes; nil if there are no such bytes
	window int    // bytes to read before skip is tried again: usualWindow, or less in a test
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

// Lines calls hit for every line of text in which Search would find at least one of the patterns: with the beginning
// and the end of the line (the patterns see its newline too) and the numbers of those patterns, in order. It stops
// when hit returns false. The slice is only valid during the call.
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

// skip returns where the first line from from on begins that has a byte of cover, or the end of the text. No other
// line can have a needle in it.
func (s *Set) skip(text string, from int) int {
	if len(s.cover) == 0 {
		return from
	}

	// The search goes on in ever larger pieces: a byte that does not occur must not be searched for up to the end
	// again each time another one is found soon.
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

// Find returns the beginning and the end of the first line in which one of the patterns is found; found is false
// without one.
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
