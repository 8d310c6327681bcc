package pyre

// nodeOp is the kind of a node of a parsed pattern.
type nodeOp uint8

const (
	opEmpty  nodeOp = iota
	opSet           // one byte of set
	opConcat        // all subs in order
	opAlt           // the first of subs that lets the rest match
	opRepeat        // subs[0], min to max times
	opGroup         // subs[0], remembered as group
	opAssert        // a condition on the place, see assertion
)

// infinite is the max of a repeat without an upper bound.
const infinite = -1

// assertion is a condition on a place between bytes.
type assertion uint8

const (
	atBegin    assertion = iota // \A, and ^ without the M flag
	atBeginLn                   // ^ with the M flag
	atEnd                       // $ without the M flag: the end, or before a final newline
	atEndLn                     // $ with the M flag
	atEndText                   // \Z
	atWordEdge                  // \b
	atNoEdge                    // \B
)

// node is a part of a parsed pattern.
type node struct {
	op     nodeOp
	subs   []*node
	min    int
	max    int
	lazy   bool
	group  int
	assert assertion
	set    byteSet

	// The members of the set, until resolve has seen the pattern's last flag.
	items  []setItem
	negate bool
	dot    bool
}

// setItem is one member of a character class: a range of bytes, or a category with its letter (as in \d).
type setItem struct {
	lo, hi   byte
	category byte
}

// resolve gives every set its bytes, and every ^ and $ its meaning. It runs after the whole pattern was parsed, since
// an inline flag holds for all of it, wherever it stands.
func resolve(n *node, f Flags, d Dialect) {
	switch n.op {
	case opSet:
		n.set = n.bytes(f, d)
	case opAssert:
		if f&Multiline != 0 {
			switch n.assert {
			case atBegin:
				if !n.negate { // not \A
					n.assert = atBeginLn
				}
			case atEnd:
				n.assert = atEndLn
			}
		}
	}

	for _, s := range n.subs {
		resolve(s, f, d)
	}
}

// bytes computes a character class as sre_compile's _optimize_charset and _sre.c's SRE_CHARSET do: with the I flag
// the members are folded once, and each byte of the text is folded before the look-up.
func (n *node) bytes(f Flags, d Dialect) byteSet {
	var members byteSet
	// The dot takes every byte except a newline; the S flag adds that too.
	if n.dot {
		members.addRange(0, 255)
		if f&DotAll == 0 {
			var nl byteSet
			nl.add('\n')
			members = members.less(nl)
		}
		return members
	}

	// The members as written. With the I flag they are folded: older releases of Python fold the ends of a range
	// only, newer ones each character in it.
	fold := f&IgnoreCase != 0
	for _, it := range n.items {
		switch {
		case it.category != 0:
			members.union(category(it.category, f))
		case !fold:
			members.addRange(int(it.lo), int(it.hi))
		case d.OldRanges:
			members.addRange(int(lower(it.lo, f)), int(lower(it.hi, f)))
		default:
			for c := int(it.lo); c <= int(it.hi); c++ {
				members.add(lower(byte(c), f))
			}
		}
	}

	// Then each byte is looked up the way _sre.c does: fold it, look for it, and turn the answer round for [^...].
	var all byteSet
	for c := 0; c < 256; c++ {
		b := byte(c)
		if fold {
			b = lower(b, f)
		}

		if members.has(b) != n.negate {
			all.add(byte(c))
		}
	}

	return all
}

// nullable tells whether n can match without taking a byte.
func nullable(n *node) bool {
	switch n.op {
	case opSet:
		return false
	case opConcat:
		for _, s := range n.subs {
			if !nullable(s) {
				return false
			}
		}
		return true
	case opAlt:
		for _, s := range n.subs {
			if nullable(s) {
				return true
			}
		}
		return false
	case opRepeat:
		return n.min == 0 || nullable(n.subs[0])
	case opGroup:
		return nullable(n.subs[0])
	}

	return true
}

func hasGroup(n *node) bool {
	if n.op == opGroup {
		return true
	}

	for _, s := range n.subs {
		if hasGroup(s) {
			return true
		}
	}

	return false
}

// check refuses patterns for which the engines might not match as sre does. Where a repeated part can be empty, sre
// does one more, empty, round, and its history decides which branches are tried then.
func check(pattern string, n *node) error {
	if n.op == opRepeat && n.max != 1 && n.max != 0 && nullable(n.subs[0]) {
		return &UnsupportedError{pattern, "a repeated part that can be empty"}
	}
	if n.op == opRepeat && n.lazy && hasGroup(n.subs[0]) {
		// sre does not take back the groups of a failed round.
		return &UnsupportedError{pattern, "a group inside a lazy repeat"}
	}

	for _, s := range n.subs {
		if err := check(pattern, s); err != nil {
			return err
		}
	}

	return nil
}

// firstSet returns the bytes with which a match of n can begin; all bytes if a match can be empty.
func firstSet(n *node) byteSet {
	set, open := firstOf(n)
	if open {
		set = byteSet{}.not()
	}
	return set
}

// firstOf is firstSet; open is true if n can match without taking a byte.
func firstOf(n *node) (set byteSet, open bool) {
	switch n.op {
	case opSet:
		return n.set, false
	case opConcat:
		for _, s := range n.subs {
			f, o := firstOf(s)
			set.union(f)
			if !o {
				return set, false
			}
		}
		return set, true
	case opAlt:
		for _, s := range n.subs {
			f, o := firstOf(s)
			set.union(f)
			open = open || o
		}
		return set, open
	case opRepeat:
		if n.max == 0 {
			return set, true
		}
		set, open = firstOf(n.subs[0])
		return set, open || n.min == 0
	case opGroup:
		return firstOf(n.subs[0])
	}

	return set, true
}

// mustHave returns a few small sets of bytes. Every match takes a byte of each of them, so a text without one needs
// no search.
func mustHave(n *node) []byteSet {
	var all []byteSet
	var walk func(n *node)
	walk = func(n *node) {
		switch n.op {
		case opSet:
			if n.set.len() <= 2 {
				for _, have := range all {
					if have == n.set {
						return
					}
				}
				all = append(all, n.set)
			}
		case opConcat, opGroup:
			for _, s := range n.subs {
				walk(s)
			}
		case opRepeat:
			if n.min > 0 {
				walk(n.subs[0])
			}
		}
	}

	walk(n)
	if len(all) > 2 {
		// Rare bytes first: punctuation, and then bytes with high numbers.
		rare := func(b byteSet) bool { return b.len() == 1 && !b.intersects(wordSet(0)) && !b.has(' ') }
		var some []byteSet
		for _, b := range all {
			if rare(b) && len(some) < 2 {
				some = append(some, b)
			}
		}

		all = some
	}

	return all
}
