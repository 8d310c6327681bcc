package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// sina is Bouncers/Sina.py: lines of the first part that begin with an address in angle brackets. No release has it
// in its pipeline; a site may.
type sina struct {
	addr  *pyre.Regexp
	lines *pyre.Set
}

func newSina(s *source) detector {
	d := &sina{addr: s.regexp("acre")}
	d.lines = s.set(stripped, d.addr)
	return d
}

func (d *sina) process(s *scan) (v verdict) {
	if py.Lower(get(s.m, "from")) != "mailer-daemon@sina.com" || !s.m.IsMultipart() {
		return v
	}
	parts := s.m.Parts()
	if len(parts) == 0 || parts[0].HeaderCount() == 0 { // a message without fields is false
		return v
	}

	var err error
	first := scan{m: parts[0], tags: s.tags}
	var addrs addresses
	first.rawBody().distinct(d.lines, place{}, func(h hit) bool {
		if m := d.addr.Match(h.line); m != nil {
			var addr string
			if addr, err = group(m, d.addr, "addr"); err == nil {
				err = addrs.set(addr)
			}
		}
		return err == nil
	})

	return addrs.verdict(err)
}
