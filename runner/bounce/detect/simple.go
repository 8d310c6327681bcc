package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/pydict"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// recipe is one row of SimpleMatch.PATTERNS or SimpleWarning.patterns: from a
// line with start in it every line may hold an address, up to a line that does
// not but has end in it.
type recipe struct{ start, end, addr *pyre.Regexp }

// recipes is such a table. Mailman goes through the message once for each row;
// here one pass looks for all starts, and only where there is one a second pass
// follows all rows that begin somewhere.
type recipes struct {
	rows   []recipe
	starts []tag // by row
	lines  *pyre.Set
	ends   []int // by row: the number of its end in lines
	addrs  []int // by row: the number of its address in lines

	needles int // how many there are in lines
}

// newRecipes numbers equal patterns once.
func newRecipes(rows []recipe, t *tags) *recipes {
	r := &recipes{rows: rows}
	type key struct {
		pattern string
		flags   pyre.Flags
	}
	var needles []pyre.Needle
	numbers := map[key]int{}
	number := func(re *pyre.Regexp) int {
		k := key{re.Pattern(), re.Flags()}
		n, ok := numbers[k]
		if !ok {
			n = len(needles)
			numbers[k] = n
			needles = append(needles, re.Needle())
		}
		return n
	}
	starts := map[key]tag{}
	for _, row := range rows {
		k := key{row.start.Pattern(), row.start.Flags()}
		if _, ok := starts[k]; !ok {
			starts[k] = t.add(row.start.Needle())
		}
		r.starts = append(r.starts, starts[k])
		r.ends = append(r.ends, number(row.end))
		r.addrs = append(r.addrs, number(row.addr))
	}
	r.lines = pyre.NewSet(needles...)
	r.needles = len(needles)
	return r
}

// course is how a row does in one message.
type course struct {
	row   int
	from  place // the line that has its start
	addrs pydict.Dict
	ended bool
	err   error
}

// settled tells whether nothing that follows can change the course's outcome for
// the module.
func (c *course) settled() bool { return c.ended || c.err != nil }

// run goes through a message and returns the course of the first row that finds
// something, nil if none does. If any is set the caller wants to know no more
// than whether there is one. The error is an exception that Mailman would have
// met before it came to that row.
func (r *recipes) run(s *scan, any bool) (*course, error) {
	text, broken := s.textBody()
	var courses []*course
	for i, t := range r.starts {
		if h, ok := s.textTag(t); ok {
			courses = append(courses, &course{row: i, from: h.place})
		}
	}
	if len(courses) > 0 {
		r.follow(text, courses, any && broken == nil)
	}
	// A row that does not come to its end meets what broke the text.
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

// follow takes all courses through the text at once. It stops where the outcome
// is clear.
func (r *recipes) follow(text body, courses []*course, any bool) {
	from := courses[0].from
	for _, c := range courses {
		if c.from.compare(from) < 0 {
			from = c.from
		}
	}
	found := make([]bool, r.needles)
	addrs := make([]lineAddr, r.needles)
	text.find(r.lines, from, func(h hit) bool {
		for _, n := range h.what {
			found[n] = true
		}
		settled := false
		for _, c := range courses {
			if c.settled() || h.compare(c.from) < 0 {
				continue
			}
			switch a, e := r.addrs[c.row], r.ends[c.row]; {
			case found[a]:
				if !addrs[a].known {
					addrs[a] = r.lineAddr(c.row, h.line)
				}
				if c.err = addrs[a].err; c.err != nil {
					settled = true
				} else if addrs[a].addr != "" {
					c.addrs.Set(strings.Trim(addrs[a].addr, "<>"))
					settled = settled || any
				}
			case found[e]:
				c.ended = true
				settled = true
			}
		}
		for _, n := range h.what {
			found[n] = false
			addrs[n] = lineAddr{}
		}
		return !settled || !clear(courses, any)
	})
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

// lineAddr is what an address pattern has for its group in one line.
type lineAddr struct {
	addr  string
	err   error
	known bool
}

func (r *recipes) lineAddr(row int, line string) lineAddr {
	re := r.rows[row].addr
	addr, err := group(re.Search(line), re, "addr")
	return lineAddr{addr, err, true}
}
