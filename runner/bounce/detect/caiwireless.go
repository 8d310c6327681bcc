package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/pyre"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// caiwireless is Bouncers/Caiwireless.py: the line after the announcement has the only recipient.
type caiwireless struct {
	intro, addr *pyre.Regexp
	perhaps     tag
	words       *pyre.Set // a line that is not blank
}

func newCaiwireless(s *source) detector {
	d := &caiwireless{intro: s.regexp("tcre"), addr: s.regexp("acre")}
	d.perhaps = s.tag(d.intro, stripped)
	d.words = s.set(asIs, pyre.MustCompile(`\S`, 0))
	return d
}

func (d *caiwireless) process(s *scan) verdict {
	if s.m.GetContentType() != "multipart/mixed" {
		return verdict{}
	}
	h, ok := s.rawTag(d.perhaps)
	if !ok {
		return verdict{}
	}

	// Behind the announcement the first line must have the address, or there is none.
	announced := false
	var v verdict
	s.rawBody().find(d.words, h.place, func(h hit) bool {
		line := py.Strip(h.line)
		if !announced {
			announced = d.intro.Match(line) != nil
			return true
		}

		if m := d.addr.Match(line); m != nil {
			addr, err := group(m, d.addr, "addr")
			v = verdict{addrs: []string{addr}, err: err}
		}

		return false
	})

	return v
}
