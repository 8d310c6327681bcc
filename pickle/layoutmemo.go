package pickle

import (
	"math"
)

// memoPlace has what is known about a memo id; flags are 0 for an id that was never put.
type memoPlace struct {
	start  uint32
	height uint16
	flags  uint8
	refs   uint8 // number of GETs; 255 means that or more
}

func (s *segment) memoAt(id uint32) *memoPlace {
	if i := id - s.firstID; id >= s.firstID && int(i) < len(s.memo) && s.memo[i].flags != 0 {
		return &s.memo[i]
	}
	return nil
}

func (l *layout) put(id uint32) bool {
	if len(l.stack) <= l.floor() || l.pending >= 0 {
		return false
	}
	if !l.wantMemo {
		return true
	}

	p := &l.stack[len(l.stack)-1]
	s := l.seg
	i := int(id) - int(s.firstID)
	if p.got || i < 0 || i > len(s.b)/5+1024 {
		return false
	}

	for i >= len(s.memo) {
		s.memo = append(s.memo, memoPlace{})
	}
	if s.memo[i].flags != 0 {
		return false
	}
	s.memo[i] = memoPlace{start: p.start, height: p.height, flags: p.flags &^ flagObject}
	return true
}

func (l *layout) get(t *token) bool {
	s := l.seg
	m := s.memoAt(t.id)
	if m == nil {
		return false
	}

	if l.wantMemo {
		if m.refs < math.MaxUint8 {
			m.refs++
		}
		if m.flags&flagPure == 0 {
			s.gets = append(s.gets, containerGet{uint32(t.start), t.id})
		}
	}

	l.push(t.start, m.flags, m.height)
	l.stack[len(l.stack)-1].got = true
	return true
}
