package pyre

// thread is one way in which the pattern may match.
type thread struct {
	pc   int32
	caps []int
}

// threads is a list of threads, the preferred ones first, with at most one for each instruction.
type threads struct {
	list []thread
	seen []uint32 // by instruction: the round in which it was added
}

// follower follows the instructions that take no byte.
type follower struct {
	p     *program
	re    *Regexp
	text  string
	round uint32
	stack []visit
	// free has the borders of groups of threads that have ended, to be used again: this keeps the search free of
	// garbage.
	free [][]int
}

// visit is an instruction to be looked at.
type visit struct {
	pc      int32
	restore int32 // >= 0: put old back into caps[restore] instead
	old     int
}

func (f *follower) clone(c []int) []int {
	if k := len(f.free); k > 0 {
		d := f.free[k-1]
		f.free = f.free[:k-1]
		copy(d, c)
		return d
	}
	return append([]int(nil), c...)
}

// add puts a thread into a list, and with it all threads that it leads to without taking a byte, in the order of
// preference: what an earlier alternative leads to comes first. A border of a group is set on the way down and put
// back on the way up.
func (f *follower) add(to *threads, pc int32, at int, c []int) {
	f.stack = append(f.stack[:0], visit{pc: pc, restore: -1})
	for len(f.stack) > 0 {
		v := f.stack[len(f.stack)-1]
		f.stack = f.stack[:len(f.stack)-1]
		if v.restore >= 0 {
			c[v.restore] = v.old
			continue
		}

		// An instruction that was seen in this round is in the list by a preferred way.
		pc := v.pc
		for to.seen[pc] != f.round {
			to.seen[pc] = f.round
			switch i := &f.p.insts[pc]; i.op {
			case instSplit:
				f.stack = append(f.stack, visit{pc: i.y, restore: -1})
				pc = i.x
				continue
			case instCap:
				f.stack = append(f.stack, visit{restore: i.arg, old: c[i.arg]})
				c[i.arg] = at
				pc = i.x
				continue
			case instAssert:
				if f.re.holds(i.assert, f.text, at) {
					pc = i.x
					continue
				}
			default:
				to.list = append(to.list, thread{pc, f.clone(c)})
			}

			break
		}
	}
}

// pike looks for a match that begins at pos or, unless anchored, later, by following all threads at once: its time is
// linear in the text, whatever the pattern. The preferred thread at an instruction is the one that the backtracker
// would have reached first.
func (p *program) pike(re *Regexp, s string, pos int, anchored bool, caps []int) bool {
	n := len(p.insts)
	cur, next := &threads{seen: make([]uint32, n)}, &threads{seen: make([]uint32, n)}
	f := follower{p: p, re: re, text: s}

	matched := false
	scratch := make([]int, len(caps))
	// One round for each byte. A new thread begins at each position until there is a match: the leftmost wins.
	for first := true; pos <= len(s); pos++ {
		if first || !anchored && !matched {
			// No thread is under way: skip to a byte with which a match can begin.
			if len(cur.list) == 0 && !anchored && !first {
				for pos < len(s) && !re.first.has(s[pos]) {
					pos++
				}

				// The marks in cur are of another place.
				f.round++
			}

			if first {
				f.round++
			}

			// A new thread, with all groups unset and the whole match beginning here.
			for i := range scratch {
				scratch[i] = -1
			}
			scratch[0] = pos
			f.add(cur, p.start, pos, scratch)
			first = false
		}

		// No thread is left, and no other may begin.
		if len(cur.list) == 0 && (anchored || matched) {
			break
		}
		f.round++
		next.list = next.list[:0]

		// Every thread takes the byte or ends. A match ends the threads after it, since they are less preferred;
		// those before it go on and may still match longer.
		for k, t := range cur.list {
			i := &p.insts[t.pc]
			if i.op == instMatch {
				copy(caps, t.caps)
				caps[1] = pos
				matched = true
				for _, lost := range cur.list[k:] {
					f.free = append(f.free, lost.caps)
				}
				break
			}

			if pos < len(s) && i.set.has(s[pos]) {
				f.add(next, i.x, pos+1, t.caps)
			}

			f.free = append(f.free, t.caps)
		}

		cur, next = next, cur
	}

	return matched
}
