package message

import "strings"

// Address is a pair of real name and address.
type Address struct{ Name, Addr string }

// ParseAddr is email.utils.parseaddr: the first address of a field, or two empty strings. The error is Python's
// RuntimeError for comments or groups that nest too deeply.
func ParseAddr(s string) (Address, error) {
	all, err := parseAddresses(s, true)
	if err != nil || len(all) == 0 {
		return Address{}, err
	}
	return all[0], nil
}

// GetAddresses is email.utils.getaddresses: all addresses of all fields. The error is that of ParseAddr.
func GetAddresses(fields []string) ([]Address, error) {
	return parseAddresses(strings.Join(fields, ", "), false)
}

// FormatAddr is email.utils.formataddr.
func FormatAddr(a Address) string {
	if a.Name == "" {
		return a.Addr
	}
	quotes := ""

	if strings.ContainsAny(a.Name, `][\()<>@,:;".`) {
		quotes = `"`
	}

	var b strings.Builder
	b.WriteString(quotes)
	for i := 0; i < len(a.Name); i++ {
		if strings.IndexByte(`][\()"`, a.Name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(a.Name[i])
	}

	b.WriteString(quotes + " <" + a.Addr + ">")
	return b.String()
}

// quote is email.utils.quote: backslashes before backslashes and double quotes.
func quote(s string) string {
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '"') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`)
}

// Unquote is email.utils.unquote: it removes quotes or angle brackets around the text.
func Unquote(s string) string {
	if len(s) < 2 {
		return s
	}

	switch first, last := s[0], s[len(s)-1]; {
	case first == '"' && last == '"':
		s = s[1 : len(s)-1]
		if strings.IndexByte(s, '\\') < 0 {
			return s
		}
		return strings.ReplaceAll(strings.ReplaceAll(s, `\\`, `\`), `\"`, `"`)
	case first == '<' && last == '>':
		return s[1 : len(s)-1]
	}

	return s
}

// addrParser is email._parseaddr.AddrlistClass, faults included: they decide for which address a bounce counts.
type addrParser struct {
	field    string
	pos      int
	comments []string
	words    []string // of the last phrase
	depth    int      // of groups within groups
	tooDeep  bool
}

// parseAddresses is AddrlistClass.getaddrlist. With first, only the first address matters, and the text behind it is
// skipped where it cannot nest too deeply.
func parseAddresses(field string, first bool) ([]Address, error) {
	p := &addrParser{field: field}
	var all []Address
	for !p.done() {
		n := len(all)
		all = p.address(all)
		if p.tooDeep {
			return nil, recursionError()
		}

		if len(all) == n {
			all = append(all, Address{})
		}

		if rest := field[min(p.pos, len(field)):]; first && strings.Count(rest, "(") <= maxComments && strings.Count(rest, ":") <= maxGroups {
			break
		}
	}

	return all, nil
}

// fail ends the parse.
func (p *addrParser) fail() {
	p.tooDeep = true
	p.pos = len(p.field)
}

func (p *addrParser) done() bool { return p.pos >= len(p.field) }

func (p *addrParser) at() byte { return p.field[p.pos] }

const (
	lws        = " \t"
	fws        = " \t\r\n"
	specials   = "()<>@,:;.\"[]"
	atomEnds   = specials + fws
	phraseEnds = "()<>@,:;\"[]" + fws
)

func in(c byte, set string) bool { return strings.IndexByte(set, c) >= 0 }

// skip moves to the next character outside of blanks and comments.
func (p *addrParser) skip() {
	for !p.done() {
		switch c := p.at(); {
		case in(c, fws):
			p.pos++
		case c == '(':
			p.comments = append(p.comments, p.comment())
		default:
			return
		}
	}
}

// address appends the address at hand, all members of a group, or nothing: AddrlistClass.getaddress of Python's
// email._parseaddr.
func (p *addrParser) address(all []Address) []Address {
	p.comments = nil
	// A phrase first: it may be a display name, a group's name or the local part of a bare address.
	p.skip()
	start := p.pos
	phrases := p.phrases()
	p.skip()

	switch {
	// Only a word: getaddress takes it for an address without a domain.
	case p.done():
		if len(phrases) > 0 {
			all = append(all, Address{strings.Join(p.comments, " "), phrases[0]})
		}
	case p.at() == '.' || p.at() == '@':
		// A bare addr-spec (RFC 5322, 3.4.1): start over. Python keeps one list of comments, so that the comments
		// found on the way count twice.
		p.pos = start
		spec := p.addrSpec()
		all = append(all, Address{strings.Join(p.comments, " "), spec})
	// A group (RFC 5322, 3.4): its members up to ";". Groups within groups are no RFC's, but Python recurses.
	case p.at() == ':':
		p.pos++
		if p.depth++; p.depth > maxGroups {
			p.fail()
		}

		for !p.done() {
			p.skip()
			if !p.done() && p.at() == ';' {
				p.pos++
				break
			}
			all = p.address(all)
		}

		p.depth--
	// A route address in angle brackets, with the phrase as its name. Comments go behind the name.
	case p.at() == '<':
		route := p.routeAddr()
		name := strings.Join(phrases, " ")
		if len(p.comments) > 0 {
			name += " (" + strings.Join(p.comments, " ") + ")"
		}
		all = append(all, Address{name, route})
	// Something else: keep a first word, or step over one special character so that the loop goes on.
	default:
		if len(phrases) > 0 {
			all = append(all, Address{strings.Join(p.comments, " "), phrases[0]})
		} else if in(p.at(), specials) {
			p.pos++
		}
	}

	// A comma ends the address.
	p.skip()
	if !p.done() && p.at() == ',' {
		p.pos++
	}

	return all
}

func (p *addrParser) routeAddr() string {
	// AddrlistClass.getrouteaddr: a route "@a,@b:" (RFC 5322, 4.4) is read and dropped; the address follows.
	p.pos++
	p.skip()
	expectRoute := false
	addr := ""
	for !p.done() {
		switch {
		case expectRoute:
			p.domain()
			expectRoute = false
		case p.at() == '>':
			p.pos++
			return addr
		case p.at() == '@':
			p.pos++
			expectRoute = true
		case p.at() == ':':
			p.pos++
		default:
			addr = p.addrSpec()
			p.pos++
			return addr
		}

		p.skip()
	}

	return addr
}

func (p *addrParser) addrSpec() string {
	// AddrlistClass.getaddrspec: the local part in words and quoted strings.
	var b strings.Builder
	p.skip()

loop:
	for !p.done() {
		switch c := p.at(); {
		case c == '.':
			b.WriteByte('.')
			p.pos++
		case c == '"':
			b.WriteString(`"` + quote(p.delimited("\"\r")) + `"`)
		case in(c, atomEnds):
			break loop
		default:
			b.WriteString(p.atom(atomEnds))
		}

		p.skip()
	}

	// Without an @ it is a local part alone.
	if p.done() || p.at() != '@' {
		return b.String()
	}
	p.pos++
	p.skip()
	domain := p.domain()
	// An @ without a valid domain makes the address empty: a@b@c is no address.
	if domain == "" {
		return ""
	}

	return b.String() + "@" + domain
}

func (p *addrParser) domain() string {
	var b strings.Builder
	for !p.done() {
		switch c := p.at(); {
		case in(c, lws):
			p.pos++
		case c == '(':
			p.comments = append(p.comments, p.comment())
		case c == '[':
			b.WriteString("[" + p.delimited("]\r") + "]")
		case c == '.':
			p.pos++
			b.WriteByte('.')
		case c == '@':
			return ""
		case in(c, atomEnds):
			return b.String()
		default:
			b.WriteString(p.atom(atomEnds))
		}
	}

	return b.String()
}

// delimited returns the text from the present character to the first of ends.
func (p *addrParser) delimited(ends string) string {
	var b strings.Builder
	quoted := false
	for p.pos++; !p.done(); p.pos++ {
		switch c := p.at(); {
		case quoted:
			b.WriteByte(c)
			quoted = false
		case in(c, ends):
			p.pos++
			return b.String()
		case c == '\\':
			quoted = true
		default:
			b.WriteByte(c)
		}
	}

	return b.String()
}

// comment is AddrlistClass.getcomment: the text of a comment. Comments in it lose their parentheses.
func (p *addrParser) comment() string {
	var b strings.Builder
	quoted := false
	level := 0
	for ; !p.done(); p.pos++ {
		switch c := p.at(); {
		case quoted:
			b.WriteByte(c)
			quoted = false
		case c == '(':
			if level++; level > maxComments {
				p.fail()
				return ""
			}
		case c == ')' || c == '\r':
			if level--; level == 0 {
				p.pos++
				return b.String()
			}
		case c == '\\':
			quoted = true
		default:
			b.WriteByte(c)
		}
	}

	return b.String()
}

func (p *addrParser) atom(ends string) string {
	start := p.pos
	for !p.done() && !in(p.at(), ends) {
		p.pos++
	}
	return p.field[start:p.pos]
}

func (p *addrParser) phrases() []string {
	all := p.words[:0]
	defer func() { p.words = all }()

	for !p.done() {
		switch c := p.at(); {
		case in(c, fws):
			p.pos++
		case c == '"':
			all = append(all, p.delimited("\"\r"))
		case c == '(':
			p.comments = append(p.comments, p.comment())
		case in(c, phraseEnds):
			return all
		default:
			all = append(all, p.atom(phraseEnds))
		}
	}

	return all
}
