package detect

import "github.com/mmrunner/mmrunner/mmcompat/pyre"

// simpleMatch is Bouncers/SimpleMatch.py: the first row of its table that finds
// an address.
type simpleMatch struct {
	table *recipes
	valid *pyre.Regexp // what an address has to match; nil up to 2.1.29
}

// newSimpleMatchAll is the module up to 2.1.29.
func newSimpleMatchAll(s *source) detector { return &simpleMatch{table: s.recipes("PATTERNS")} }

// newSimpleMatch is the module since 2.1.30.
func newSimpleMatch(s *source) detector {
	return &simpleMatch{table: s.recipes("PATTERNS"), valid: s.regexp("VALID")}
}

func (d *simpleMatch) process(s *scan) verdict { return matchFirst(d.table, d.valid, s) }

func matchFirst(table *recipes, valid *pyre.Regexp, s *scan) verdict {
	c, err := table.run(s, false)
	if c == nil || err != nil {
		return verdict{err: err}
	}
	var addrs []string
	for _, a := range c.addrs.Keys() {
		if valid == nil || valid.Match(a) != nil {
			addrs = append(addrs, a)
		}
	}
	return verdict{addrs: addrs}
}
