package detect

import "github.com/mmrunner/mmrunner/mmcompat/pyre"

// compuserve is Bouncers/Compuserve.py: recipients in lines of their own between
// two lines of the same kind.
type compuserve struct {
	mark, addr *pyre.Regexp
	begins     tag
	lines      *pyre.Set
}

func newCompuserve(s *source) detector {
	d := &compuserve{mark: s.regexp("dcre"), addr: s.regexp("acre")}
	d.begins = s.tag(d.mark, asIs)
	d.lines = s.set(asIs, d.mark, d.addr)
	return d
}

func (d *compuserve) process(s *scan) (v verdict) {
	h, ok := s.rawTag(d.begins)
	if !ok {
		return v
	}

	s.rawBody().find(d.lines, h.after(), func(h hit) bool {
		if h.has(0) {
			return false
		}
		return v.append(groupOf(d.addr, h.line, "addr"))
	})

	return v
}
