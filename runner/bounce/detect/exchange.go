package detect

import "github.com/mmrunner/mmrunner/mmcompat/pyre"

// exchange is Bouncers/Exchange.py: between two marker lines, every line may have a recipient in one of two forms.
type exchange struct {
	start, end, smtp, plain *pyre.Regexp
	begins                  tag
	lines                   *pyre.Set
}

func newExchange(s *source) detector {
	d := &exchange{
		start: s.regexp("scre"), end: s.regexp("ecre"),
		smtp: s.regexp("a1cre"), plain: s.regexp("a2cre"),
	}
	d.begins = s.tag(d.start, asIs)
	d.lines = s.set(asIs, d.end, d.smtp, d.plain)
	return d
}

func (d *exchange) process(s *scan) (v verdict) {
	h, ok := s.rawTag(d.begins)
	if !ok {
		return v
	}

	var addrs addresses
	var err error
	s.rawBody().distinct(d.lines, h.after(), func(h hit) bool {
		if h.has(0) {
			return false
		}
		re := d.plain

		if h.has(1) {
			re = d.smtp
		}

		err = addrs.setGroup(re, h.line)
		return err == nil
	})

	return addrs.verdict(err)
}
