package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// yahoo is Bouncers/Yahoo.py: lines that begin with a recipient, between the announcement and the original message.
type yahoo struct {
	intros, ends []*pyre.Regexp
	addr         *pyre.Regexp
	begins       *pyre.Set
	lines        *pyre.Set
}

// newYahooOne is the module up to 2.1.15, with one pattern of each kind.
func newYahooOne(s *source) detector {
	return newYahooOf(s, []*pyre.Regexp{s.regexp("tcre")}, []*pyre.Regexp{s.regexp("ecre")})
}

// newYahoo is the module since 2.1.16, with several.
func newYahoo(s *source) detector {
	return newYahooOf(s, s.regexps("tcre"), s.regexps("ecre"))
}

func newYahooOf(s *source, intros, ends []*pyre.Regexp) detector {
	d := &yahoo{intros: intros, ends: ends, addr: s.regexp("acre")}
	d.begins = s.set(stripped, intros...)
	d.lines = s.set(stripped, append([]*pyre.Regexp{d.addr}, ends...)...)
	return d
}

func (d *yahoo) process(s *scan) (v verdict) {
	// Yahoo.py looks at the sender first.
	sender, err := message.ParseAddr(py.Lower(get(s.m, "from")))
	if err != nil {
		return verdict{err: err}
	}
	if !strings.HasPrefix(sender.Addr, "mailer-daemon@yahoo") {
		return v
	}

	// Addresses lie between the introduction and the original message.
	var from *place
	s.rawBody().find(d.begins, place{}, func(h hit) bool {
		if matchesOne(d.intros, py.Strip(h.line)) {
			after := h.after()
			from = &after
		}
		return from == nil
	})

	if from == nil {
		return v
	}

	s.rawBody().find(d.lines, *from, func(h hit) bool {
		line := py.Strip(h.line)
		if m := d.addr.Match(line); m != nil {
			return v.add(m, d.addr)
		}
		return !matchesOne(d.ends, line)
	})

	return v
}

func matchesOne(patterns []*pyre.Regexp, line string) bool {
	for _, re := range patterns {
		if re.Match(line) != nil {
			return true
		}
	}
	return false
}
