package maillist

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// LCDomain returns the address with all after the first @ lower-cased
// (Utils.LCDomain).
func LCDomain(addr string) string {
	user, domain, ok := strings.Cut(addr, "@")
	if !ok {
		return addr
	}
	return user + "@" + py.Lower(domain)
}

// ParseEmail splits an address, lower-cased, at the first @ and the domain at
// its dots (Utils.ParseEmail). domain is nil where there is no user or no @.
func ParseEmail(addr string) (user string, domain []string) {
	addr = py.Lower(addr)
	user, rest, ok := strings.Cut(addr, "@")
	if !ok || user == "" {
		return addr, nil
	}
	return user, strings.Split(rest, ".")
}

// obscureEmail hides an address from simple harvesters (Utils.ObscureEmail).
func obscureEmail(addr string, forText bool) string {
	if forText {
		return strings.ReplaceAll(addr, "@", " at ")
	}
	return strings.ReplaceAll(addr, "@", "--at--")
}

// ValidateEmail checks that an address is not grossly evil, by the rules of the
// installed release (Utils.ValidateEmail). The error is ErrBadEmail or
// ErrHostileAddress.
func ValidateEmail(s *site.Site, addr string) error {
	// A blank, or nothing at all, is an error of its own.
	if addr == "" || strings.Contains(addr, " ") {
		return ErrBadEmail
	}

	// Until 2.1.14 a colon, backslash or quote was bad only outside of a quoted local part, and any domain was accepted.
	// Until 2.1.17 a domain could have empty labels and labels that begin with a hyphen, but an address could not begin
	// with a hyphen.
	quoting := !since(s, 15)
	for i := range len(addr) {
		if hostile(addr[i], quoting) {
			return ErrHostileAddress.With(addr)
		}
	}

	if !since(s, 18) && addr[0] == '-' {
		return ErrHostileAddress.With(addr)
	}

	// A domain needs a dot.
	user, domain := ParseEmail(addr)
	if len(domain) < 2 {
		return ErrBadEmail.With(addr)
	}

	if quoting {
		quoted := strings.HasPrefix(user, `"`) && strings.HasSuffix(user, `"`)
		if !quoted && strings.ContainsAny(user, `:\"`) {
			return ErrBadEmail.With(addr)
		}
		return nil
	}

	// Labels have letters, digits and hyphens (RFC 1123, 2.1).
	for _, part := range domain {
		if !labelChars(part) || since(s, 18) && (part == "" || part[0] == '-') {
			return ErrHostileAddress.With(addr)
		}
	}

	return nil
}

func hostile(c byte, quoting bool) bool {
	if c < 0x20 || c >= 0x7f {
		return true
	}

	switch c {
	case '[', ']', '(', ')', '<', '>', '|', ';', '^', ',':
		return true
	case ':', '\\', '"':
		return !quoting
	}

	return false
}

// labelChars tells whether one label of a domain, lower-cased, has only characters that it may have.
func labelChars(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// since tells whether the installed Mailman is 2.1.micro or later. A version that cannot be read counts as the
// latest.
func since(s *site.Site, micro int) bool {
	hex := s.Profile.HexVersion
	return hex < 0x02010000 || hex >= 0x02010000|micro<<8
}
