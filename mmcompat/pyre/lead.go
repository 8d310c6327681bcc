package pyre

// leadSet returns bytes of which one start is enough: if the backtracker finds no match that begins at one of them,
// it also finds none that begins at the bytes of the set directly behind it.
//
// These are the bytes of a repeat with which a match begins, or which follows repeats that may be empty and take none
// of these bytes. The rest of the pattern was tried at each place at which the repeat can end, and a later start has
// no other such places.
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
