package detect

import "github.com/mmrunner/mmrunner/mmcompat/pyre"

// llnl is Bouncers/LLNL.py: the first line with an address between commas.
type llnl struct {
	addr *pyre.Regexp
	line tag
}

func newLLNL(s *source) detector {
	d := &llnl{addr: s.regexp("acre")}
	d.line = s.tag(d.addr, asIs)
	return d
}

func (d *llnl) process(s *scan) verdict {
	h, ok := s.rawTag(d.line)
	if !ok {
		return verdict{}
	}
	addr, err := groupOf(d.addr, h.line, "addr")
	return verdict{addrs: []string{addr}, err: err}
}
