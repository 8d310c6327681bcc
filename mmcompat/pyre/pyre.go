// Package pyre is Python 2.7's regular expressions on byte strings ([Regexp]). The bounce modules' patterns,
// VERP_REGEXP and similar settings, and the patterns of list owners (ban_list and others) mean the same in Go as in
// Python's re module.
//
// A pattern is parsed by the rules of sre_parse and runs on bytes, never on runes: \s, \w, \d and \b are ASCII unless
// the U flag is set, only ASCII letters have upper and lower case, and $ also matches before a final newline.
//
// Three engines share the parsed pattern. The backtracking one (backtrack.go) makes its choices in sre's order, so
// that its groups are sre's; its budget of steps grows with the text. When the budget is spent, a simulation of all
// threads at once (pike.go) answers in linear time instead. Set (set.go) looks for many patterns in all lines of a
// text at once, with an automaton that is built as it is needed.
//
// Patterns that cannot be matched in linear time (lookaround, backreferences), or for which the groups might differ,
// are refused with an UnsupportedError: an entry that needs one is left to the site's own Python.
package pyre

import "fmt"

// Flags are the flags of a pattern, with the numbers of Python's re module.
type Flags int

// The flags, with the names of the re module.
const (
	Template   Flags = 1
	IgnoreCase Flags = 2
	Locale     Flags = 4
	Multiline  Flags = 8
	DotAll     Flags = 16
	Unicode    Flags = 32
	Verbose    Flags = 64
	Debug      Flags = 128
)

// Dialect says how a site's Python differs from 2.7.18.
type Dialect struct {
	// OldRanges is set for Pythons before 2.7.9: with IgnoreCase they fold the ends of a range in a character class,
	// and not its members, so that [A-z] has no underscore.
	OldRanges bool
}

// A SyntaxError has the text of re.error about a pattern.
type SyntaxError struct {
	Pattern string
	Reason  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("pattern %q: %s", e.Pattern, e.Reason)
}

// An UnsupportedError is about a pattern that Python accepts and this package does not. It is left to the site's
// Python.
type UnsupportedError struct {
	Pattern string
	What    string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("pattern %q has %s, which needs Python", e.Pattern, e.What)
}

// Regexp is a compiled pattern. Many goroutines may use it at once.
type Regexp struct {
	pattern string
	flags   Flags
	names   map[string]int
	ngroups int // group 0 included

	root  *node // the parsed pattern, flags applied
	start *step // the backtracker's program
	depth int   // how many repeat counters it needs
	first byteSet
	lead  byteSet   // see leadSet
	must  []byteSet // sets of which every match has a byte
	nfa   *program
	word  *byteSet // the bytes of a word, for \b
}

// Compile compiles a pattern as re.compile does in Python 2.7.18. The error is a *SyntaxError where Python raises
// re.error, and an *UnsupportedError where only Python can match the pattern.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	return CompileFor(Dialect{}, pattern, flags)
}

// CompileFor is Compile for a Python that differs from 2.7.18.
func CompileFor(d Dialect, pattern string, flags Flags) (*Regexp, error) {
	root, st, err := parse(pattern, flags)
	if err != nil {
		return nil, err
	}

	r := &Regexp{
		pattern: pattern,
		flags:   st.flags,
		names:   st.names,
		ngroups: st.groups,
		root:    root,
	}

	if r.flags&Template != 0 {
		return nil, &UnsupportedError{pattern, "the template flag"}
	}
	r.word = wordSet(r.flags)
	resolve(root, r.flags, d)
	if err := check(pattern, root); err != nil {
		return nil, err
	}
	if r.nfa, err = buildNFA(pattern, root, false); err != nil {
		return nil, err
	}

	b := btBuilder{}
	r.start = b.build(root, &step{op: stepMatch})
	r.depth = b.counters
	r.lead = leadSet(r.start)
	r.first = firstSet(root)
	r.must = mustHave(root)

	return r, nil
}

// MustCompile is Compile for patterns that are known to be good. It panics where Compile returns an error.
func MustCompile(pattern string, flags Flags) *Regexp {
	r, err := Compile(pattern, flags)
	if err != nil {
		panic(err)
	}
	return r
}

// Pattern returns the pattern as it was given.
func (r *Regexp) Pattern() string { return r.pattern }

// Flags returns the pattern's flags, including those that it sets itself.
func (r *Regexp) Flags() Flags { return r.flags }

// Groups returns the number of groups, without the whole match.
func (r *Regexp) Groups() int { return r.ngroups - 1 }

// Group returns the number of the group with that name, or -1.
func (r *Regexp) Group(name string) int {
	if i, ok := r.names[name]; ok {
		return i
	}
	return -1
}

// Match is where a pattern matched. The zero Match is no match.
type Match struct {
	text string
	caps []int // start and end by group, -1 for a group that took no part
	re   *Regexp
}

// Start returns the offset at which the match begins.
func (m *Match) Start() int { return m.caps[0] }

// End returns the offset at which the match ends.
func (m *Match) End() int { return m.caps[1] }

// Span returns where group i begins and ends, -1 and -1 if it took no part.
func (m *Match) Span(i int) (start, end int) { return m.caps[2*i], m.caps[2*i+1] }

// Group returns the text of group i; ok is false if the group took no part in
// the match (None in Python). It panics if the pattern has no such group.
func (m *Match) Group(i int) (s string, ok bool) {
	a, b := m.caps[2*i], m.caps[2*i+1]
	if a < 0 {
		return "", false
	}
	return m.text[a:b], true
}

// Named returns the text of the group with that name; ok is false if there is
// no such group or it took no part in the match.
func (m *Match) Named(name string) (s string, ok bool) {
	i := m.re.Group(name)
	if i < 0 {
		return "", false
	}
	return m.Group(i)
}

// Search returns the first match of the pattern in s, or nil.
func (r *Regexp) Search(s string) *Match { return r.search(s, 0, false) }

// Match returns the match of the pattern at the beginning of s, or nil.
func (r *Regexp) Match(s string) *Match { return r.search(s, 0, true) }

// Find tells whether the pattern matches somewhere in s.
func (r *Regexp) Find(s string) bool {
	_, _, found := r.FindGroup(s, 0)
	return found
}

// SearchFrom returns the first match that begins at pos or later, like pattern.search(s, pos): ^ still means the
// beginning of s.
func (r *Regexp) SearchFrom(s string, pos int) *Match {
	return r.search(s, min(pos, len(s)), false)
}

// FindAll returns the matches of findall and finditer.
func (r *Regexp) FindAll(s string) []*Match {
	var all []*Match
	for pos := 0; pos <= len(s); {
		m := r.search(s, pos, false)
		if m == nil {
			break
		}

		all = append(all, m)
		pos = m.End()
		if m.Start() == m.End() {
			pos++
		}
	}

	return all
}

// FindGroup is Search for the text of one group. took is false if the group took no part in the match, found is false
// without a match. It makes no garbage.
func (r *Regexp) FindGroup(s string, group int) (text string, took, found bool) {
	var few [8]int
	caps := few[:]

	if n := 2 * r.ngroups; n <= len(few) {
		caps = caps[:n]
	} else {
		caps = make([]int, n)
	}

	if !r.into(caps, s, 0, false) {
		return "", false, false
	}
	if a, b := caps[2*group], caps[2*group+1]; a >= 0 {
		return s[a:b], true, true
	}

	return "", false, true
}

func (r *Regexp) search(s string, pos int, anchored bool) *Match {
	caps := make([]int, 2*r.ngroups)
	if !r.into(caps, s, pos, anchored) {
		return nil
	}
	return &Match{text: s, caps: caps, re: r}
}

// into looks for a match and puts the places of its groups into caps.
func (r *Regexp) into(caps []int, s string, pos int, anchored bool) bool {
	for i := range r.must {
		if !r.must[i].in(s[pos:]) {
			return false
		}
	}

	found, sure := r.backtrack(s, pos, anchored, caps)
	if !sure {
		found = r.nfa.pike(r, s, pos, anchored, caps)
	}

	return found
}

// Escape returns s with a backslash before every byte except ASCII letters and digits, like Python 2's re.escape.
func Escape(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			b = append(b, c)
		case c == 0:
			b = append(b, `\000`...)
		default:
			b = append(b, '\\', c)
		}
	}

	return string(b)
}
