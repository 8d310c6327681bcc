package pyre

// Needle is what a Set looks for in a line.
type Needle struct {
	root *node
	word *byteSet
}

// Needle is found in the lines in which Search finds the pattern.
func (r *Regexp) Needle() Needle { return Needle{r.root, r.word} }

// Relaxed is found in every line of which any piece, taken for a text of its own,
// has the pattern in it. It is a way to look for candidates: all of ^, $ and \b
// are taken for true.
func (r *Regexp) Relaxed() Needle { return Needle{relaxed(r.root), r.word} }

// Stripped is found in every line whose text, without white space at one or both
// of its ends, the pattern would Match. It is a way to look for candidates as
// Relaxed is.
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
