package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// simpleWarning is Bouncers/SimpleWarning.py: a message is no bounce if a row of the table finds something in it.
type simpleWarning struct{ table *recipes }

func newSimpleWarning(s *source) detector { return &simpleWarning{s.recipes("patterns", nil)} }

func (d *simpleWarning) process(s *scan) verdict {
	c, err := d.table.run(s, true)
	return verdict{stop: c != nil && err == nil, err: err}
}

// simpleWarningOld is the module up to 2.1.29, which calls SimpleMatch with its own table: a find, by SimpleMatch's
// rules for addresses, is a warning.
type simpleWarningOld struct{ table *recipes }

func newSimpleWarningOld(s *source) detector {
	var valid *pyre.Regexp
	match := s.sibling("SimpleMatch")
	switch match.variant() {
	case "all":
	case "valid":
		valid = match.regexp("VALID")
		s.err = match.err
	default:
		s.fail("it calls SimpleMatch, which is not known")
	}

	return &simpleWarningOld{s.recipes("patterns", valid)}
}

func (d *simpleWarningOld) process(s *scan) verdict {
	v := matchFirst(d.table, s)
	return verdict{stop: len(v.addrs) > 0, err: v.err}
}
