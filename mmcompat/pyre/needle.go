package pyre

import "slices"

// Needle is a pattern that a Set looks for in lines.
type Needle struct {
	root *node
	word *byteSet
}

// Needle finds the lines in which Search finds the pattern.
func (r *Regexp) Needle() Needle { return Needle{r.root, r.word} }

// Relaxed finds every line that has a piece in which, as a text of its own, the pattern is found. It finds
// candidates: all of ^, $ and \b count as true.
func (r *Regexp) Relaxed() Needle { return Needle{relaxed(r.root), r.word} }

// Stripped finds every line that the pattern would Match without white space at one or both of its ends. Like
// Relaxed, it finds candidates.
func (r *Regexp) Stripped() Needle {
	white := asciiSpace()
	space := &node{op: opSet, set: white}
	return Needle{&node{op: opConcat, subs: []*node{
		{op: opAssert, assert: atBegin},
		{op: opRepeat, max: infinite, subs: []*node{space}},
		relaxed(r.root),
	}}, r.word}
}

func relaxed(n *node) *node {
	if n.op == opAssert {
		return &node{op: opEmpty}
	}
	c := *n
	c.subs = make([]*node, len(n.subs))
	for i, s := range n.subs {
		c.subs[i] = relaxed(s)
	}
	return &c
}

// maxCover is how many different bytes are searched for, at most, to find lines that may match.
const maxCover = 4

// cover returns a few bytes, neither letters nor digits, of which every needle takes at least one; nil if there are
// no such bytes.
func cover(needles []Needle) (bytes []byte) {
	left := make([]byteSet, len(needles))
	for i, n := range needles {
		left[i] = required(n.root)
	}

	for len(left) > 0 {
		best, most := byte(0), 0
		for c := range 256 {
			n := 0
			for _, set := range left {
				if set.has(byte(c)) {
					n++
				}
			}

			// Most lines have a space, so any other byte is better.
			if n > most && !wordSet(0).has(byte(c)) || n == most && n > 0 && best == ' ' {
				best, most = byte(c), n
			}
		}

		if most == 0 || len(bytes) == maxCover {
			return nil
		}
		bytes = append(bytes, best)
		left = slices.DeleteFunc(left, func(set byteSet) bool { return set.has(best) })
	}

	return bytes
}

// required returns bytes that every match of n takes.
func required(n *node) (set byteSet) {
	switch n.op {
	case opSet:
		if n.set.len() == 1 {
			set = n.set
		}
	case opConcat, opGroup:
		for _, s := range n.subs {
			set.union(required(s))
		}
	case opRepeat:
		if n.min > 0 {
			set = required(n.subs[0])
		}
	case opAlt:
		set = byteSet{}.not()
		for _, s := range n.subs {
			o := required(s)
			for i := range set {
				set[i] &= o[i]
			}
		}
	}

	return set
}
