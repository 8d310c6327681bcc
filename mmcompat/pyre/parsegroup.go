package pyre

// group reads what follows an opening parenthesis. It returns nil for comments and flags, which match nothing.
func (p *parser) group(nesting int) (*node, error) {
	number, name := 0, ""
	question, err := p.accept("?")
	if err != nil {
		return nil, err
	}

	// A question mark begins one of sre's extensions; a plain parenthesis captures.
	capture := !question
	if question {
		this := p.next
		// Lookarounds, conditionals and backreferences cannot be matched in linear time, and no pattern of Mailman's
		// has one: such a pattern is refused as unsupported.
		switch {
		case this == "":
			return nil, p.errorf("unexpected end of pattern")
		case this == ":":
			if err := p.advance(); err != nil {
				return nil, err
			}
		case this == "P":
			if name, err = p.pythonGroup(); err != nil {
				return nil, err
			}
			capture = true
		case this == "#":
			for p.next != "" && p.next != ")" {
				if err := p.advance(); err != nil {
					return nil, err
				}
			}

			if p.next == "" {
				return nil, p.errorf("unbalanced parenthesis")
			}
			return nil, p.advance()
		case p.nextIn("=!<"):
			return nil, p.unsupported("a lookahead or lookbehind")
		case this == "(":
			return nil, p.unsupported("a conditional group")
		default:
			return nil, p.inlineFlags()
		}
	}

	// Groups are numbered by their opening parentheses, so the number is taken before the content is read.
	if capture {
		number = p.groups
		p.groups++

		if name != "" {
			if old, ok := p.names[name]; ok {
				return nil, p.errorf("redefinition of group name '%s' as group %d; was group %d", name, number, old)
			}
			p.names[name] = number
		}
	}

	// The content, up to the closing parenthesis.
	n, err := p.alternatives(nesting + 1)
	if err != nil {
		return nil, err
	}
	closed, err := p.accept(")")
	if err != nil {
		return nil, err
	}
	if !closed {
		return nil, p.errorf("unbalanced parenthesis")
	}
	if !capture {
		// The group stays a node of its own: (?:a*)* repeats a group, while a** is an error.
		return &node{op: opConcat, subs: []*node{n}}, nil
	}

	return &node{op: opGroup, group: number, subs: []*node{n}}, nil
}

// pythonGroup reads the rest of (?P<name> after the P.
func (p *parser) pythonGroup() (string, error) {
	if err := p.advance(); err != nil {
		return "", err
	}

	// Only (?P<name> is supported; (?P=name) is a backreference.
	switch p.next {
	case "<":
	case "=":
		return "", p.unsupported("a backreference")
	case "":
		return "", p.errorf("unexpected end of pattern")
	default:
		return "", p.errorf("unknown specifier: ?P%s", p.next)
	}

	if err := p.advance(); err != nil {
		return "", err
	}

	// The name ends at ">". A token may be an escape, which the check below refuses.
	name := ""
	for p.next != ">" {
		if p.next == "" {
			return "", p.errorf("unterminated name")
		}
		name += p.next
		if err := p.advance(); err != nil {
			return "", err
		}
	}

	if name == "" {
		return "", p.errorf("missing group name")
	}

	// sre_parse's isname: a letter or _, then letters, digits or _.
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return "", p.errorf("bad character in group name '%s'", name)
		}
	}

	return name, p.advance()
}

// inlineFlags reads (?imsx) after its question mark. The flags hold for the whole pattern, wherever they stand.
func (p *parser) inlineFlags() error {
	letters := map[string]Flags{"i": IgnoreCase, "L": Locale, "m": Multiline, "s": DotAll,
		"x": Verbose, "t": Template, "u": Unicode}
	if letters[p.next] == 0 {
		return p.errorf("unexpected end of pattern")
	}

	for letters[p.next] != 0 {
		p.flags |= letters[p.next]
		if err := p.advance(); err != nil {
			return err
		}
	}

	switch p.next {
	case ")":
		return p.advance()
	case "":
		return p.errorf("unexpected end of pattern")
	}

	return p.errorf("unknown extension")
}
