package detect

// simpleMatch is Bouncers/SimpleMatch.py: the first row of its table with an address decides.
type simpleMatch struct{ table *recipes }

// newSimpleMatchAll is the module up to 2.1.29.
func newSimpleMatchAll(s *source) detector { return &simpleMatch{s.recipes("PATTERNS", nil)} }

// newSimpleMatch is the module since 2.1.30, which only returns valid addresses.
func newSimpleMatch(s *source) detector {
	return &simpleMatch{s.recipes("PATTERNS", s.regexp("VALID"))}
}

func (d *simpleMatch) process(s *scan) verdict { return matchFirst(d.table, s) }

func matchFirst(table *recipes, s *scan) verdict {
	c, err := table.run(s, false)
	if c == nil || err != nil {
		return verdict{err: err}
	}

	var addrs []string
	for _, a := range c.addrs.Keys() {
		if table.valid == nil || table.valid.Match(a) != nil {
			addrs = append(addrs, a)
		}
	}

	return verdict{addrs: addrs}
}
