package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// smtp32 is Bouncers/SMTP32.py: recipients after one of several phrases, up to
// the original message.
type smtp32 struct {
	addr  *pyre.Regexp
	lines *pyre.Set
}

func newSMTP32(s *source) detector {
	d := &smtp32{addr: s.regexp("acre")}
	d.lines = s.set(asIs, s.regexp("ecre"), d.addr)
	return d
}

func (d *smtp32) process(s *scan) (v verdict) {
	if !strings.HasPrefix(get(s.m, "x-mailer"), "<SMTP32 v") {
		return v
	}
	var addrs addresses
	var err error
	s.rawBody().distinct(d.lines, place{}, func(h hit) bool {
		if h.has(0) {
			return false
		}
		err = addrs.setGroup(d.addr, h.line)
		return err == nil
	})

	return addrs.verdict(err)
}
