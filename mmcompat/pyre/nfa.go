package pyre

// instOp is the operation of a thread's instruction.
type instOp uint8

const (
	instByte   instOp = iota // take a byte of set, continue at x
	instSplit                // continue at x, or at y if x leads nowhere
	instCap                  // note the place as caps[arg], continue at x
	instAssert               // continue at x if the assertion holds here
	instMatch                // a match; arg is the pattern's number in a Set
)

type inst struct {
	op     instOp
	x, y   int32
	arg    int32
	assert assertion
	set    byteSet
}

// maxInsts limits the size of a program: counted repeats copy their part.
const maxInsts = 50000

// program is a pattern, or the patterns of a Set, for the engines that follow all threads at once.
type program struct {
	insts []inst
	start int32
}

type nfaBuilder struct {
	insts []inst
	plain bool // without groups
	limit int  // the largest number of instructions with which the program is of use
}

func (b *nfaBuilder) add(i inst) int32 {
	b.insts = append(b.insts, i)
	return int32(len(b.insts) - 1)
}

// buildNFA makes the program of one pattern.
func buildNFA(pattern string, root *node, plain bool) (*program, error) {
	b := nfaBuilder{plain: plain, limit: maxInsts}
	end := b.add(inst{op: instMatch})
	start := b.build(root, end)
	if len(b.insts) > b.limit {
		return nil, &UnsupportedError{pattern, "repeats that are too large"}
	}
	return &program{insts: b.insts, start: start}, nil
}

// build adds instructions that match n and then continue at next. It returns the first of them.
func (b *nfaBuilder) build(n *node, next int32) int32 {
	if len(b.insts) > b.limit {
		return next
	}

	switch n.op {
	case opSet:
		return b.add(inst{op: instByte, set: n.set, x: next})
	case opConcat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = b.build(n.subs[i], next)
		}
		return next
	case opAlt:
		at := b.build(n.subs[len(n.subs)-1], next)
		for i := len(n.subs) - 2; i >= 0; i-- {
			at = b.add(inst{op: instSplit, x: b.build(n.subs[i], next), y: at})
		}
		return at
	case opGroup:
		if b.plain {
			return b.build(n.subs[0], next)
		}
		end := b.add(inst{op: instCap, arg: int32(2*n.group + 1), x: next})
		return b.add(inst{op: instCap, arg: int32(2 * n.group), x: b.build(n.subs[0], end)})
	case opAssert:
		return b.add(inst{op: instAssert, assert: n.assert, x: next})
	case opRepeat:
		return b.repeat(n, next)
	}

	return next
}

func (b *nfaBuilder) repeat(n *node, next int32) int32 {
	split := func(more, enough int32) int32 {
		if n.lazy {
			more, enough = enough, more
		}
		return b.add(inst{op: instSplit, x: more, y: enough})
	}

	sub := n.subs[0]
	if n.max == infinite {
		loop := b.add(inst{op: instSplit})
		body := b.build(sub, loop)

		if n.lazy {
			b.insts[loop].x, b.insts[loop].y = next, body
		} else {
			b.insts[loop].x, b.insts[loop].y = body, next
		}

		next = loop
	} else {
		enough := next
		for i := n.min; i < n.max && len(b.insts) <= b.limit; i++ {
			next = split(b.build(sub, next), enough)
		}
	}

	for i := 0; i < n.min && len(b.insts) <= b.limit; i++ {
		next = b.build(sub, next)
	}
	return next
}
