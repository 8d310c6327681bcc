package pyre

// leadSet returns bytes of which one start is enough: where the backtracker finds
// no match from one of them on, it finds none from those that follow it without
// another byte between.
//
// These are the bytes of a repeat that a match begins with, or that follows
// repeats which may be empty and take none of the bytes. What comes after the
// repeat was tried from each place at which it can end, and a later start has no
// other such places.
func leadSet(s *step) (set byteSet) {
	var before byteSet
	for {
		switch {
		case s.op == stepOpen || s.op == stepClose:
		case s.op == stepSpan:
			if s.max == infinite {
				set = s.set.less(before)
			}
			if s.min > 0 {
				return set
			}
			before.union(s.set)
		default:
			return set
		}

		s = s.next
	}
}
