package pyre

import (
	"fmt"
	"strconv"
	"strings"
)

// maxGroups is the largest number of groups in sre, with the whole match.
const maxGroups = 100

// maxNesting keeps a hostile pattern from using up the stack. Python stops at its recursion limit.
const maxNesting = 200

// parser follows sre_parse: it reads a pattern as tokens of one byte, or of a backslash and a byte.
type parser struct {
	pattern string
	next    string // the next token, "" at the end
	index   int    // where the token after next begins

	flags  Flags
	groups int
	names  map[string]int
}

// parse reads a pattern. As in sre_parse, a pattern that sets the X flag itself is read again from the start with
// that flag.
func parse(pattern string, flags Flags) (*node, *parser, error) {
	p := &parser{pattern: pattern, flags: flags, groups: 1, names: map[string]int{}}
	if err := p.advance(); err != nil {
		return nil, nil, err
	}

	n, err := p.alternatives(0)
	if err != nil {
		return nil, nil, err
	}
	if p.next == ")" {
		return nil, nil, p.errorf("unbalanced parenthesis")
	}
	if p.next != "" {
		return nil, nil, p.errorf("bogus characters at end of regular expression")
	}
	if flags&Verbose == 0 && p.flags&Verbose != 0 {
		return parse(pattern, p.flags)
	}
	if p.groups > maxGroups {
		return nil, nil, &UnsupportedError{pattern, "more than 100 groups"}
	}

	return n, p, nil
}

func (p *parser) errorf(format string, a ...any) error {
	return &SyntaxError{p.pattern, fmt.Sprintf(format, a...)}
}

func (p *parser) unsupported(what string) error { return &UnsupportedError{p.pattern, what} }

func (p *parser) advance() error {
	if p.index >= len(p.pattern) {
		p.next = ""
		return nil
	}
	n := 1

	if p.pattern[p.index] == '\\' {
		if n = 2; p.index+1 >= len(p.pattern) {
			return p.errorf("bogus escape (end of line)")
		}
	}

	p.next = p.pattern[p.index : p.index+n]
	p.index += n
	return nil
}

func (p *parser) get() (string, error) {
	t := p.next
	return t, p.advance()
}

// accept takes the next token if it is tok.
func (p *parser) accept(tok string) (bool, error) {
	if p.next != tok {
		return false, nil
	}
	return true, p.advance()
}

// nextIn tells whether the next token is one of the bytes in chars.
func (p *parser) nextIn(chars string) bool {
	return len(p.next) == 1 && strings.Contains(chars, p.next)
}

const (
	decimal     = "0123456789"
	octal       = "01234567"
	hexadecimal = "0123456789abcdefABCDEF"
)

func (p *parser) alternatives(nesting int) (*node, error) {
	if nesting > maxNesting {
		return nil, p.unsupported("too many groups within each other")
	}
	var subs []*node
	for {
		n, err := p.sequence(nesting)
		if err != nil {
			return nil, err
		}

		subs = append(subs, n)
		more, err := p.accept("|")
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}

	if nesting > 0 && p.next != "" && p.next != ")" {
		return nil, p.errorf("pattern not properly closed")
	}
	if len(subs) == 1 {
		return subs[0], nil
	}

	return &node{op: opAlt, subs: subs}, nil
}

func literal(c byte) *node {
	return &node{op: opSet, items: []setItem{{lo: c, hi: c}}}
}

// sequence reads the items between two of "|", "(" and ")", as the loop of sre_parse's _parse.
func (p *parser) sequence(nesting int) (*node, error) {
	seq := &node{op: opConcat}
	add := func(n *node) { seq.subs = append(seq.subs, n) }
	for p.next != "" && p.next != "|" && p.next != ")" {
		this, err := p.get()
		if err != nil {
			return nil, err
		}

		// The X flag: white space and comments mean nothing, unless escaped or inside a class.
		c := this[0]
		if p.flags&Verbose != 0 {
			if len(this) == 1 && strings.IndexByte(" \t\n\r\v\f", c) >= 0 {
				continue
			}

			if this == "#" {
				for this != "" && this != "\n" {
					if this, err = p.get(); err != nil {
						return nil, err
					}
				}
				continue
			}
		}

		switch c {
		case '[':
			n, err := p.class()
			if err != nil {
				return nil, err
			}
			add(n)
		case '*', '+', '?', '{':
			if err := p.repeat(seq, c); err != nil {
				return nil, err
			}
		case '.':
			add(&node{op: opSet, dot: true})
		// Comments and flags give no node.
		case '(':
			n, err := p.group(nesting)
			if err != nil {
				return nil, err
			}
			if n != nil {
				add(n)
			}
		case '^':
			add(&node{op: opAssert, assert: atBegin})
		case '$':
			add(&node{op: opAssert, assert: atEnd})
		case '\\':
			n, err := p.escape(this)
			if err != nil {
				return nil, err
			}
			add(n)
		default:
			add(literal(c))
		}
	}

	return seq, nil
}

// repeat reads the repeat that began with c, and puts it around the last item of seq. A repeat of no item, of a place
// or of a repeat is an error in Python 2.
func (p *parser) repeat(seq *node, c byte) error {
	min, max, isRepeat, err := p.bounds(c)
	if err != nil {
		return err
	}
	if !isRepeat {
		seq.subs = append(seq.subs, literal(c))
		return nil
	}

	last := len(seq.subs) - 1
	if last < 0 || seq.subs[last].op == opAssert {
		return p.errorf("nothing to repeat")
	}
	if seq.subs[last].op == opRepeat {
		return p.errorf("multiple repeat")
	}

	// A question mark behind the repeat makes it lazy.
	lazy, err := p.accept("?")
	if err != nil {
		return err
	}
	seq.subs[last] = &node{op: opRepeat, subs: []*node{seq.subs[last]}, min: min, max: max, lazy: lazy}
	return nil
}

// bounds reads the repeat that began with c. isRepeat is false for a brace that begins no repeat and so
// stands for itself.
func (p *parser) bounds(c byte) (min, max int, isRepeat bool, err error) {
	switch c {
	case '?':
		return 0, 1, true, nil
	case '*':
		return 0, infinite, true, nil
	case '+':
		return 1, infinite, true, nil
	}

	// sre_parse: {} is two ordinary characters.
	if p.next == "}" {
		return 0, 0, false, nil
	}

	// The place to go back to, when what follows turns out not to be a repeat.
	index, next := p.index, p.next
	number := func() (string, error) {
		s := ""
		for p.nextIn(decimal) {
			d, err := p.get()
			if err != nil {
				return "", err
			}
			s += d
		}

		return s, nil
	}

	// {n}, {n,}, {,m} or {n,m}; a missing comma makes both numbers the same.
	lo, err := number()
	if err != nil {
		return 0, 0, false, err
	}
	hi := lo
	comma, err := p.accept(",")
	if err != nil {
		return 0, 0, false, err
	}

	if comma {
		if hi, err = number(); err != nil {
			return 0, 0, false, err
		}
	}

	// Without a closing brace all of it is ordinary text: read on behind the "{".
	closed, err := p.accept("}")
	if err != nil {
		return 0, 0, false, err
	}
	if !closed {
		p.index, p.next = index, next
		return 0, 0, false, nil
	}

	// A missing lower bound means 0, a missing upper bound means no limit.
	max = infinite
	if lo != "" {
		if min, err = p.count(lo); err != nil {
			return 0, 0, false, err
		}
	}

	if hi != "" {
		if max, err = p.count(hi); err != nil {
			return 0, 0, false, err
		}
		if max < min {
			return 0, 0, false, p.errorf("bad repeat interval")
		}
	}

	return min, max, true, nil
}

// count reads a repeat's number. A number as large as sre's MAXREPEAT has another meaning in each Python, so it is
// refused.
func (p *parser) count(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n >= 65535 {
		return 0, p.unsupported("a repeat of 65535 or more")
	}
	return n, nil
}
