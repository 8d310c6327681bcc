package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// yale is Bouncers/Yale.py: the names of users, which count at both of Yale's domains.
type yale struct {
	addr   *pyre.Regexp
	begins *pyre.Set
	lines  *pyre.Set
}

func newYale(s *source) detector {
	d := &yale{addr: s.regexp("acre")}
	d.begins = s.set(asIs, s.regexp("scre"))
	d.lines = s.set(asIs, s.regexp("ecre"), d.addr)
	return d
}

func (d *yale) process(s *scan) (v verdict) {
	// Yale.py looks at the sender first.
	if s.m.IsMultipart() {
		return v
	}
	from, err := message.ParseAddr(get(s.m, "from"))
	if err != nil {
		return verdict{err: err}
	}
	if !isYaleDaemon(from.Addr) {
		return v
	}

	text, err := stringIO(s.m)
	if err != nil {
		return verdict{err: err}
	}
	h, ok := text.first(d.begins, place{})
	if !ok {
		return v
	}

	// Names between the introduction and the details. A name may be at yale.edu or at cs.yale.edu, so both count.
	var names addresses
	text.distinct(d.lines, h.after(), func(h hit) bool {
		if h.has(0) {
			return false
		}
		err = names.setGroup(d.addr, h.line)
		return err == nil
	})

	if err != nil {
		return verdict{err: err}
	}
	for _, name := range names.Keys() {
		v.addrs = append(v.addrs, name+"@yale.edu", name+"@cs.yale.edu")
	}
	return v
}

// isYaleDaemon tells whether an address is a mailer daemon's at yale.edu or, as in the module, at just "edu".
func isYaleDaemon(addr string) bool {
	user, domain, ok := strings.Cut(addr, "@")
	if !ok || py.Lower(user) != "mailer-daemon" {
		return false
	}
	return domain == "edu" || domain == "yale.edu" || strings.HasSuffix(domain, ".yale.edu")
}
