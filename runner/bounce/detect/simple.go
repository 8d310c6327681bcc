package detect

import (
	"encoding/binary"
	"strings"
	"sync"

	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// recipe is one row of SimpleMatch.PATTERNS or SimpleWarning.patterns. From a line with start in it, every line may
// have an address, up to a line that has end in it and no address.
type recipe struct{ start, end, addr *pyre.Regexp }

// recipes is such a table. Mailman goes through the message once for each row. Here one pass looks for all starts,
// and a second pass follows the rows whose start was found.
type recipes struct {
	rows   []recipe
	starts []tag        // by row
	valid  *pyre.Regexp // the form of addresses that are returned; nil for any

	mu   sync.Mutex
	sets map[string]*rowSet // by the rows' numbers
}

// maxRowSets is how many combinations of rows are kept. Ordinary mail has few of them, but a hostile message may have
// any.
const maxRowSets = 64

// patternKey identifies equal patterns.
type patternKey struct {
	pattern string
	flags   pyre.Flags
}

func keyOf(re *pyre.Regexp) patternKey { return patternKey{re.Pattern(), re.Flags()} }

// newRecipes makes a table; rows with equal starts share a tag.
func newRecipes(rows []recipe, valid *pyre.Regexp, t *tags) *recipes {
	r := &recipes{rows: rows, valid: valid, sets: map[string]*rowSet{}}
	starts := map[patternKey]tag{}
	for _, row := range rows {
		k := keyOf(row.start)
		if _, ok := starts[k]; !ok {
			starts[k] = t.add(row.start.Needle())
		}
		r.starts = append(r.starts, starts[k])
	}

	return r
}

// rowSet searches for the ends and addresses of some rows.
type rowSet struct {
	*pyre.Set
	addrs []int          // by row: the number of its address in the Set
	ends  []int          // by row: the number of its end in the Set
	res   []*pyre.Regexp // by number in the Set
}

// set returns the set of patterns for the rows that unsettled courses are at. Sets are kept: most bounces ask for
// the same few.
func (r *recipes) set(courses []*course) *rowSet {
	// The rows' numbers name the set.
	var key []byte
	for _, c := range courses {
		if !c.settled() {
			key = binary.AppendUvarint(key, uint64(c.row))
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.sets[string(key)]; ok {
		return s
	}

	// Rows often share a pattern, which then stands in the set once. number gives each pattern its place.
	s := &rowSet{addrs: make([]int, len(r.rows)), ends: make([]int, len(r.rows))}
	numbers := map[patternKey]int{}
	var needles []pyre.Needle
	number := func(re *pyre.Regexp) int {
		k := keyOf(re)
		n, ok := numbers[k]
		if !ok {
			n = len(needles)
			numbers[k] = n
			needles = append(needles, re.Needle())
			s.res = append(s.res, re)
		}

		return n
	}

	// Each row has two patterns: one finds an address, the other ends the row's search.
	for _, c := range courses {
		if !c.settled() {
			s.addrs[c.row] = number(r.rows[c.row].addr)
			s.ends[c.row] = number(r.rows[c.row].end)
		}
	}

	// A hostile bounce must not fill the memory with sets.
	s.Set = pyre.NewSet(needles...)
	if len(r.sets) < maxRowSets {
		r.sets[string(key)] = s
	}

	return s
}

// course is the state of a row in one message.
type course struct {
	row   int
	from  place // the line that has its start
	addrs addresses
	ended bool
	err   error
}

// settled tells whether the lines that follow can change nothing about the course's outcome.
func (c *course) settled() bool { return c.ended || c.err != nil }

// run goes through a message and returns the course of the first row that finds something, or nil. any says that the
// caller only wants to know whether there is one. The error is an exception that Mailman would have met before it came to
// that row.
func (r *recipes) run(s *scan, any bool) (*course, error) {
	// Only rows whose start pattern is in the message can find anything.
	text, broken := s.textBody()
	var courses []*course
	for i, t := range r.starts {
		if h, ok := s.textTag(t); ok {
			courses = append(courses, &course{row: i, from: h.place, addrs: addresses{valid: r.valid}})
		}
	}

	if len(courses) > 0 {
		if !r.follow(text, courses, any && broken == nil) {
			return nil, errLines
		}
	}

	// The rows in order, as SimpleMatch.py tries them. A row that does not come to its end meets the part that cannot be
	// decoded.
	next := 0
	for _, c := range courses {
		switch {
		case broken != nil && (c.row > next || !c.settled()):
			return nil, broken
		case c.err != nil:
			return nil, c.err
		case c.addrs.Len() > 0:
			return c, nil
		}

		next = c.row + 1
	}

	if next < len(r.rows) {
		return nil, broken
	}

	return nil, nil
}

// follow takes all courses through the text at once. Where a course ends or finds something, the search goes on with
// the courses that still matter, and stops when no course does. It returns false where the bounce has more lines with
// hits than it may look at; such a bounce is left to Python.
func (r *recipes) follow(text body, courses []*course, any bool) bool {
	// The text is read from where the first course begins.
	hits := 0
	from := courses[0].from
	for _, c := range courses {
		if c.from.compare(from) < 0 {
			from = c.from
		}
	}

	// Each round searches with the set of the courses that are left, until one of them changes.
	for more := true; more && !clear(courses, any); {
		set := r.set(courses)
		l := lineOf{set: set, found: make([]bool, len(set.res)), addrs: make([]lineAddr, len(set.res))}
		more = false
		steady := false // the same line again would change nothing
		text.find(set.Set, from, func(h hit) bool {
			if hits++; hits > maxHits {
				return false
			}

			// Millions of equal lines in a report: a line that changed nothing is not looked at again.
			if same := l.look(h); same && steady {
				return true
			}

			steady = true
			for i, c := range courses {
				if c.settled() {
					continue
				}
				if h.compare(c.from) < 0 {
					steady = false
					continue
				}

				// SimpleMatch.py looks for an address before the pattern that ends a row.
				if l.found[set.addrs[c.row]] {
					a := l.addr(set.addrs[c.row])
					if a.err != nil {
						c.err, more = a.err, true
					} else if a.has {
						c.err = c.addrs.set(a.addr)
						more = more || c.err != nil

						if i < len(courses)-1 || any {
							// SimpleMatch.py returns with the first row that finds something, so later rows are never tried.
							courses, more = courses[:i+1], true
							break
						}
					}
				} else if l.found[set.ends[c.row]] {
					c.ended, more = true, true
				}
			}

			// The next round begins behind this line.
			from = h.after()
			return !more
		})
	}

	return hits <= maxHits
}

// clear tells whether the first courses already decide what the module finds.
func clear(courses []*course, any bool) bool {
	for _, c := range courses {
		if any && c.err == nil && c.addrs.Len() > 0 {
			return true
		}
		if !c.settled() {
			return false
		}
		if c.err != nil || c.addrs.Len() > 0 {
			return true
		}
	}

	return true
}

// lineOf has the finds of a rowSet in one line.
type lineOf struct {
	set   *rowSet
	line  string
	what  []int
	found []bool     // by number in the set
	addrs []lineAddr // by number in the set, once it was asked for
}

// lineAddr is the text of an address pattern's group in a line.
type lineAddr struct {
	asked bool   // it was looked for
	has   bool   // the group is not empty
	addr  string // the group, without angle brackets around it
	err   error
}

func (l *lineOf) addr(n int) *lineAddr {
	a := &l.addrs[n]
	if !a.asked {
		addr, err := groupOf(l.set.res[n], l.line, "addr")
		*a = lineAddr{true, addr != "", strings.Trim(addr, "<>"), err}
	}
	return a
}

// look moves to another line and tells whether it is equal to the last one. Hostile mail repeats its lines to take
// time.
func (l *lineOf) look(h hit) (same bool) {
	if h.line == l.line {
		return true
	}

	for _, n := range l.what {
		l.found[n] = false
		l.addrs[n] = lineAddr{}
	}

	l.line = h.line
	l.what = append(l.what[:0], h.what...)
	for _, n := range l.what {
		l.found[n] = true
	}
	return false
}
