package pickle

import (
	"fmt"
	"math"
)

// homes says which memo ids have lost their PUT.
type homes struct {
	seg   *segment
	lost  map[uint32]bool // true until the id has a new PUT
	needs int             // how many lost ids still have a GET that stays
	need  map[uint32]bool
}

// rehome adds splices that give each lost memo id a new PUT. An id is lost when the bytes with its PUT are
// spliced out; a GET that stays would then refer to nothing.
func (s *segment) rehome(start, end uint32, splices []splice) ([]splice, error) {
	h := homes{seg: s, lost: map[uint32]bool{}, need: map[uint32]bool{}}
	// gone counts the GETs inside removed bytes, by id.
	gone := map[uint32]int{}
	var t token
	first := end
	// Read the removed bytes: collect the PUTs and GETs in them.
	for _, sp := range splices {
		for pos := int(sp.start); pos < int(sp.end); pos = t.end {
			if err := nextToken(s.b, pos, &t); err != nil {
				return nil, err
			}

			switch {
			case isPut(t.op):
				h.lost[t.id] = true
				first = min(first, sp.start)
			case isGet(t.op):
				gone[t.id]++
			}
		}
	}

	// An id needs a new PUT only where a GET of it stays. memo.refs counts all GETs, up to 255.
	for id := range h.lost {
		m := s.memoAt(id)
		if m == nil {
			return nil, fmt.Errorf("pickle: memo id %d was removed and is not known", id)
		}
		if int(m.refs) == gone[id] && m.refs < math.MaxUint8 {
			continue
		}

		h.need[id] = true
	}

	h.needs = len(h.need)
	if h.needs == 0 {
		return splices, nil
	}

	// Replace the first GET that stays by the value with its PUT. A count that stopped at 255 may stand for
	// GETs that are all gone, so the search may run to the end without finding one.
	out := make([]splice, 0, len(splices)+h.needs)
	next := 0
	for pos := int(start); pos < int(end); {
		if next < len(splices) && pos >= int(splices[next].start) {
			out = append(out, splices[next])
			pos = int(splices[next].end)
			next++
			continue
		}

		// All have their new place: the other splices follow unchanged.
		if h.needs == 0 {
			break
		}
		if err := nextToken(s.b, pos, &t); err != nil {
			return nil, err
		}

		// A mutable object cannot be written twice, since it would become two objects. Its values were
		// grouped by link and are live, so this is a fault in this package.
		if isGet(t.op) && h.lost[t.id] {
			if s.memoAt(t.id).flags&flagPure == 0 {
				return nil, fmt.Errorf("pickle: memo id %d, which can change, is shared with what was removed", t.id)
			}
			value, err := h.value(nil, t.id, 0)
			if err != nil {
				return nil, err
			}

			out = append(out, splice{uint32(t.start), uint32(t.end), [][]byte{value}})
		}

		pos = t.end
	}

	return append(out, splices[next:]...), nil
}

// value appends the value of a lost id together with its PUT. A GET of the id can refer to this place from now on.
func (h *homes) value(out []byte, id uint32, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("pickle: %w: tuples in the memo", ErrDepth)
	}
	b := h.seg.b
	// Copy opcodes from where the value begins up to its PUT.
	var t token
	for pos := int(h.seg.memoAt(id).start); ; pos = t.end {
		if err := nextToken(b, pos, &t); err != nil {
			return nil, err
		}

		switch {
		case isGet(t.op) && h.lost[t.id]:
			// A lost value inside this one gets its place here too.
			var err error
			if out, err = h.value(out, t.id, depth+1); err != nil {
				return nil, err
			}
			continue
		case isPut(t.op):
			if lost, ever := h.lost[t.id]; ever && !lost {
				// This id has a new place already, so a second PUT would be one too many.
				continue
			}
			h.settle(t.id)
		}

		out = append(out, b[t.start:t.end]...)
		if isPut(t.op) && t.id == id {
			return out, nil
		}
	}
}

func (h *homes) settle(id uint32) {
	h.lost[id] = false
	if h.need[id] {
		delete(h.need, id)
		h.needs--
	}
}
