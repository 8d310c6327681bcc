package pyre

// stepOp is the operation of a step of the backtracker.
type stepOp uint8

const (
	stepMatch  stepOp = iota
	stepByte          // take one byte of set
	stepSpan          // take min to max bytes of set, then next
	stepAlt           // try alts in order
	stepOpen          // a group begins
	stepClose         // a group ends
	stepAssert        // check a condition on the place
	stepRepeat        // begin rounds of body
	stepUntil         // a round of body is done
)

// step is one step of the backtracker's program. A step without a choice continues with next.
type step struct {
	op      stepOp
	next    *step
	alts    []*step
	body    *step
	set     byteSet
	min     int
	max     int
	lazy    bool
	group   int
	counter int
	assert  assertion
}

// btBuilder makes steps of a parsed pattern, from the last one to the first.
type btBuilder struct{ counters int }

func (b *btBuilder) build(n *node, next *step) *step {
	switch n.op {
	case opSet:
		return &step{op: stepByte, set: n.set, next: next}
	case opConcat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = b.build(n.subs[i], next)
		}
		return next
	case opAlt:
		s := &step{op: stepAlt}
		for _, sub := range n.subs {
			s.alts = append(s.alts, b.build(sub, next))
		}
		return s
	case opGroup:
		end := &step{op: stepClose, group: n.group, next: next}
		return &step{op: stepOpen, group: n.group, next: b.build(n.subs[0], end)}
	case opAssert:
		return &step{op: stepAssert, assert: n.assert, next: next}
	case opRepeat:
		sub := n.subs[0]
		for sub.op == opConcat && len(sub.subs) == 1 {
			sub = sub.subs[0]
		}
		if sub.op == opSet {
			return &step{op: stepSpan, set: sub.set, min: n.min, max: n.max, lazy: n.lazy, next: next}
		}

		until := &step{op: stepUntil, min: n.min, max: n.max, lazy: n.lazy, counter: b.counters, next: next}
		b.counters++
		until.body = b.build(sub, until)
		return &step{op: stepRepeat, counter: until.counter, next: until}
	}

	return next
}

// The limits of the backtracker: steps for each byte of the text, and the depth of its calls. Beyond them pike
// answers, which needs a hundred times as long for each byte, but no more than that, whatever the text.
const (
	stepsPerByte = 16
	stepsAlways  = 4096
	maxDepth     = 5000
)

// matcher is one run of the backtracker.
type matcher struct {
	re     *Regexp
	text   string
	caps   []int
	rounds []int // by counter: rounds done so far in the present repeat
	budget int
	depth  int
}

// backtrack looks for a match that begins at pos or, unless anchored, later. It makes its choices in the order of
// _sre.c. sure is false if it gave up.
func (r *Regexp) backtrack(s string, pos int, anchored bool, caps []int) (found, sure bool) {
	m := matcher{re: r, text: s, caps: caps, budget: stepsPerByte*(len(s)-pos) + stepsAlways}
	if r.depth > 0 {
		m.rounds = make([]int, r.depth)
	}

	for i := range caps {
		caps[i] = -1
	}
	for ; pos <= len(s); pos++ {
		if !anchored {
			for pos < len(s) && !r.first.has(s[pos]) {
				pos++
			}
		}

		m.budget--
		end := m.run(r.start, pos)
		if end >= 0 {
			caps[0], caps[1] = pos, end
			return true, true
		}
		if m.budget < 0 {
			return false, false
		}
		if anchored {
			break
		}

		if pos < len(s) && r.lead.has(s[pos]) {
			for pos+1 < len(s) && r.lead.has(s[pos+1]) {
				pos++
			}
		}
	}

	return false, true
}

// run matches from step s on at pos and returns where the match ends, or -1 without a match. Without a match,
// groups and rounds are as they were before.
func (m *matcher) run(s *step, pos int) int {
	// A used-up budget ends all open calls; the caller then takes pike, which needs no stack.
	if m.depth >= maxDepth {
		m.budget = -1
	}

	m.depth++
	defer func() { m.depth-- }()
	for {
		// Steps without a choice go round in this loop; a step with a choice calls run for the rest of the pattern.
		if m.budget < 0 {
			return -1
		}

		switch s.op {
		case stepMatch:
			return pos
		case stepByte:
			if pos >= len(m.text) || !s.set.has(m.text[pos]) {
				return -1
			}
			pos++
			s = s.next
		case stepAssert:
			if !m.re.holds(s.assert, m.text, pos) {
				return -1
			}
			s = s.next
		case stepSpan:
			return m.span(s, pos)
		// The first alternative that leads to a match wins, as in sre.
		case stepAlt:
			for _, alt := range s.alts {
				m.budget--
				if end := m.run(alt, pos); end >= 0 {
					return end
				}
			}
			return -1
		case stepOpen, stepClose:
			// A group's border is kept only when the rest matches.
			i := 2 * s.group
			if s.op == stepClose {
				i++
			}

			old := m.caps[i]
			m.caps[i] = pos
			end := m.run(s.next, pos)
			if end < 0 {
				m.caps[i] = old
			}

			return end
		case stepRepeat:
			// Rounds are counted anew when the repeat is entered again, and restored for the one around it.
			old := m.rounds[s.counter]
			m.rounds[s.counter] = -1
			end := m.run(s.next, pos)
			m.rounds[s.counter] = old
			return end
		case stepUntil:
			return m.until(s, pos)
		}
	}
}

// span is sre's REPEAT_ONE and MIN_REPEAT_ONE: a repeat of single bytes.
func (m *matcher) span(s *step, pos int) int {
	// No more rounds than there are bytes.
	room := len(m.text) - pos
	if s.max != infinite && s.max < room {
		room = s.max
	}

	// MIN_REPEAT_ONE tries the rest of the pattern first and takes one more byte only when that fails.
	if s.lazy {
		for n := 0; ; n++ {
			if n >= s.min {
				m.budget--
				if end := m.run(s.next, pos+n); end >= 0 {
					return end
				}
			}

			if n >= room || !s.set.has(m.text[pos+n]) {
				return -1
			}
		}
	}

	// REPEAT_ONE takes all it can and gives bytes back one by one.
	n := 0
	for n < room && s.set.has(m.text[pos+n]) {
		n++
	}
	m.budget -= n / 8

	for ; n >= s.min; n-- {
		if s.next.op == stepByte {
			// The usual case: a byte is next, so no call is needed for each byte given back.
			for n >= s.min && (pos+n >= len(m.text) || !s.next.set.has(m.text[pos+n])) {
				n--
			}
			if n < s.min {
				break
			}
		}

		m.budget--
		if end := m.run(s.next, pos+n); end >= 0 {
			return end
		}
		if m.budget < 0 {
			break
		}
	}

	return -1
}

// until is sre's MAX_UNTIL and MIN_UNTIL. The repeated part is never empty (see check), so every round takes a byte.
func (m *matcher) until(s *step, pos int) int {
	m.budget--
	done := m.rounds[s.counter] + 1
	again := func() int {
		if s.max != infinite && done >= s.max {
			return -1
		}
		m.rounds[s.counter] = done
		end := m.run(s.body, pos)
		if end < 0 {
			m.rounds[s.counter] = done - 1
		}

		return end
	}

	if done < s.min {
		return again()
	}

	if !s.lazy {
		if end := again(); end >= 0 {
			return end
		}
	}

	if end := m.run(s.next, pos); end >= 0 {
		return end
	}
	if s.lazy {
		return again()
	}

	return -1
}

// holds tells whether an assertion is true at pos.
func (r *Regexp) holds(a assertion, s string, pos int) bool {
	switch a {
	case atBegin:
		return pos == 0
	case atBeginLn:
		return pos == 0 || s[pos-1] == '\n'
	case atEnd:
		return pos == len(s) || pos == len(s)-1 && s[pos] == '\n'
	case atEndLn:
		return pos == len(s) || s[pos] == '\n'
	case atEndText:
		return pos == len(s)
	}

	// In an empty text sre finds neither an edge nor a place without one.
	if len(s) == 0 {
		return false
	}
	before := pos > 0 && r.word.has(s[pos-1])
	after := pos < len(s) && r.word.has(s[pos])
	return (before != after) == (a == atWordEdge)
}
