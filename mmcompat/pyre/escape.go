package pyre

import "strconv"

// controls are the escapes that stand for one byte, inside and outside of character classes; \b is a backspace only
// inside of them.
var controls = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\'}

// escape reads an escape outside of a character class, as sre_parse's _escape.
func (p *parser) escape(tok string) (*node, error) {
	c := tok[1]
	// Escapes that stand for a place in the text or for a class of characters.
	switch c {
	case 'A':
		// negate tells \A from ^: the M flag makes ^ match at each line, and leaves \A alone.
		return &node{op: opAssert, assert: atBegin, negate: true}, nil
	case 'Z':
		return &node{op: opAssert, assert: atEndText}, nil
	case 'b':
		return &node{op: opAssert, assert: atWordEdge}, nil
	case 'B':
		return &node{op: opAssert, assert: atNoEdge}, nil
	case 'd', 'D', 's', 'S', 'w', 'W':
		return &node{op: opSet, items: []setItem{{category: c}}}, nil
	}

	// \a, \f, \n and so on, as in Python's strings.
	if b, ok := controls[c]; ok {
		return literal(b), nil
	}

	// Numbers: \x needs two digits, \0 takes up to two octal ones, and 1 to 9 may be a group.
	switch {
	case c == 'x':
		digits, err := p.digits(hexadecimal, 2)
		if err != nil {
			return nil, err
		}
		if len(digits) != 2 {
			return nil, p.errorf("bogus escape: '\\\\x%s'", digits)
		}
		return number(digits, 16), nil
	case c == '0':
		digits, err := p.digits(octal, 2)
		if err != nil {
			return nil, err
		}
		return number("0"+digits, 8), nil
	case c >= '1' && c <= '9':
		// sre_parse takes three octal digits as a character and anything else as a group's number.
		digits := tok[1:]
		if p.nextIn(decimal) {
			second, err := p.get()
			if err != nil {
				return nil, err
			}

			digits += second
			if digits[0] <= '7' && digits[1] <= '7' && p.nextIn(octal) {
				third, err := p.get()
				if err != nil {
					return nil, err
				}
				return number(digits+third, 8), nil
			}
		}

		if group, _ := strconv.Atoi(digits); group < p.groups {
			return nil, p.unsupported("a backreference")
		}

		return nil, p.errorf("bogus escape: '\\\\%s'", digits)
	}

	// Any other character stands for itself.
	return literal(c), nil
}

// digits reads up to max digits.
func (p *parser) digits(which string, max int) (string, error) {
	s := ""
	for len(s) < max && p.nextIn(which) {
		d, err := p.get()
		if err != nil {
			return "", err
		}
		s += d
	}

	return s, nil
}

// number is the literal byte with that number, cut to eight bits.
func number(digits string, base int) *node {
	n, _ := strconv.ParseUint(digits, base, 16)
	return literal(byte(n))
}

// classEscape reads an escape inside a character class, as sre_parse's
// _class_escape.
func (p *parser) classEscape(tok string) (setItem, error) {
	c := tok[1]
	if b, ok := controls[c]; ok {
		return setItem{lo: b, hi: b}, nil
	}

	switch {
	case c == 'd' || c == 'D' || c == 's' || c == 'S' || c == 'w' || c == 'W':
		return setItem{category: c}, nil
	case c == 'x':
		digits, err := p.digits(hexadecimal, 2)
		if err != nil {
			return setItem{}, err
		}
		if len(digits) != 2 {
			return setItem{}, p.errorf("bogus escape: '\\\\%s'", digits)
		}
		return number(digits, 16).items[0], nil
	case c >= '0' && c <= '7':
		digits, err := p.digits(octal, 2)
		if err != nil {
			return setItem{}, err
		}
		return number(string(c)+digits, 8).items[0], nil
	case c == '8' || c == '9':
		return setItem{}, p.errorf("bogus escape: '\\\\%c'", c)
	}

	return setItem{lo: c, hi: c}, nil
}

// class reads a character class after its opening bracket, as the "[" branch of sre_parse's _parse.
func (p *parser) class() (*node, error) {
	n := &node{op: opSet}
	var err error
	if n.negate, err = p.accept("^"); err != nil {
		return nil, err
	}

	item := func(tok string) (setItem, error) {
		switch {
		case tok == "":
			return setItem{}, p.errorf("unexpected end of regular expression")
		case tok[0] == '\\':
			return p.classEscape(tok)
		}
		return setItem{lo: tok[0], hi: tok[0]}, nil
	}

	// A "]" directly after the bracket is a member, so it ends a class only when there is one already.
	for {
		this, err := p.get()
		if err != nil {
			return nil, err
		}
		if this == "]" && len(n.items) > 0 {
			return n, nil
		}

		// A member, and perhaps a dash with the end of a range.
		lo, err := item(this)
		if err != nil {
			return nil, err
		}
		dash, err := p.accept("-")
		if err != nil {
			return nil, err
		}
		if !dash {
			n.items = append(n.items, lo)
			continue
		}
		if this, err = p.get(); err != nil {
			return nil, err
		}

		// A dash before the closing bracket is a member itself.
		if this == "]" {
			n.items = append(n.items, lo, setItem{lo: '-', hi: '-'})
			return n, nil
		}

		// A range needs two characters in order; \d and its like cannot stand at either end.
		hi, err := item(this)
		if err != nil {
			return nil, err
		}
		if lo.category != 0 || hi.category != 0 || hi.lo < lo.lo {
			return nil, p.errorf("bad character range")
		}

		n.items = append(n.items, setItem{lo: lo.lo, hi: hi.lo})
	}
}
