package detect

import (
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// source is one of the installation's bounce modules as data. Its methods return what the module's code looks up by
// name. The first item that is missing, or that Go cannot use, is kept in err, and leaves the module to Python.
type source struct {
	name    string
	module  site.BouncerModule
	dialect pyre.Dialect
	tags    *tags
	profile *site.Profile
	known   map[string]map[string]variant
	err     error
}

func (s *source) fail(format string, a ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("bounce module %s: %s", s.name, fmt.Sprintf(format, a...))
	}
}

func (s *source) compile(p site.Pattern) *pyre.Regexp {
	if p.Unicode && strings.ContainsFunc(p.Regex, func(r rune) bool { return r >= 0x80 }) {
		s.fail("pattern %q is a unicode object", p.Regex)
		return nil
	}
	re, err := pyre.CompileFor(s.dialect, p.Regex, pyre.Flags(p.Flags))
	if err != nil {
		s.fail("%v", err)
		return nil
	}
	return re
}

// regexp returns the pattern of a module attribute, or a literal pattern of a function as "function:N".
func (s *source) regexp(name string) *pyre.Regexp {
	p, ok := s.module.Patterns[name]
	if !ok {
		s.fail("no pattern %s", name)
		return nil
	}
	return s.compile(p)
}

func (s *source) table(name string) []any {
	all, ok := py.Items(s.module.Tables[name].Value)
	if !ok {
		s.fail("no table %s", name)
	}
	return all
}

func (s *source) regexpsIn(name string, members []any) (all []*pyre.Regexp) {
	for _, v := range members {
		p, ok := v.(site.Pattern)
		if !ok {
			s.fail("table %s holds %T, want patterns", name, v)
			return nil
		}
		all = append(all, s.compile(p))
	}

	return all
}

// regexps returns the patterns in a list or tuple.
func (s *source) regexps(name string) []*pyre.Regexp { return s.regexpsIn(name, s.table(name)) }

// strings returns the byte strings in a list or tuple.
func (s *source) strings(name string) (all []string) {
	for _, v := range s.table(name) {
		str, ok := v.(pickle.Str)
		if !ok {
			s.fail("table %s holds %T, want byte strings", name, v)
			return nil
		}
		all = append(all, string(str))
	}

	return all
}

// recipes returns the rows of a table of start, end and address patterns. valid is the form of addresses that are
// returned, nil for any.
func (s *source) recipes(name string, valid *pyre.Regexp) *recipes {
	var rows []recipe
	for i, row := range s.table(name) {
		members, ok := py.Items(row)
		if !ok || len(members) != 3 {
			s.fail("row %d of table %s is not three patterns", i, name)
			return nil
		}

		res := s.regexpsIn(name, members)
		if s.err != nil {
			return nil
		}
		rows = append(rows, recipe{start: res[0], end: res[1], addr: res[2]})
	}

	if s.err != nil {
		return nil
	}

	return newRecipes(rows, valid, s.tags)
}

// tag registers a needle that the scan of all lines looks for.
func (s *source) tag(re *pyre.Regexp, as func(*pyre.Regexp) pyre.Needle) tag {
	if s.err != nil {
		return 0
	}
	return s.tags.add(as(re))
}

// set makes a Set of one kind of needle for each pattern.
func (s *source) set(as func(*pyre.Regexp) pyre.Needle, patterns ...*pyre.Regexp) *pyre.Set {
	if s.err != nil {
		return nil
	}
	needles := make([]pyre.Needle, len(patterns))
	for i, re := range patterns {
		needles[i] = as(re)
	}
	return pyre.NewSet(needles...)
}

// The kinds of needle, for tag and set.
var (
	asIs     = (*pyre.Regexp).Needle
	stripped = (*pyre.Regexp).Stripped
	relaxed  = (*pyre.Regexp).Relaxed
)

// group is mo.group(name), "" for a group that took no part in the match.
func group(m *pyre.Match, re *pyre.Regexp, name string) (string, error) {
	i := re.Group(name)
	if i < 0 {
		return "", noSuchGroup()
	}
	s, _ := m.Group(i)
	return s, nil
}

// groupOf is re.search(line).group(name) for a line that has the pattern.
func groupOf(re *pyre.Regexp, line, name string) (string, error) {
	i := re.Group(name)
	if i < 0 {
		return "", noSuchGroup()
	}
	s, _, _ := re.FindGroup(line, i)
	return s, nil
}

func noSuchGroup() error {
	return &py.Error{Class: "IndexError", Text: "no such group"}
}
