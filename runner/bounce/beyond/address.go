package beyond

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// found is an address in a line.
type found struct {
	text       string
	start, end int // where in the line, without brackets
}

// addresses are the addresses in a line (RFC 5321, 4.1.2, and RFC 6531), from left
// to right.
func addresses(line string) []found {
	var all []found
	from := 0
	for {
		at := strings.IndexByte(line[from:], '@')
		if at < 0 {
			return all
		}

		at += from
		start := localStart(line, from, at)
		end := domainEnd(line, at+1)
		from = max(end, at+1)
		if start == at || end == at+1 {
			continue
		}

		all = append(all, found{line[start:end], start, end})
	}
}

// localStart is where the local part begins that ends at an @. Nothing before min
// belongs to it.
func localStart(line string, min, at int) int {
	// A quoted string.
	if at > min && line[at-1] == '"' {
		for i := at - 2; i >= min; i-- {
			if line[i] == '"' && (i == min || line[i-1] != '\\') {
				return i
			}
		}
		return at
	}

	i := at
	for i > min {
		r, n := utf8.DecodeLastRuneInString(line[min:i])
		if !isLocal(r) || unspaced(r) && i < at && !unspaced(firstRune(line[i:at])) {
			break
		}
		i -= n
	}

	// What a log puts before an address: to=joe@example.net.
	if eq := strings.IndexByte(line[i:at], '='); eq > 0 && eq < at-i-1 && isWord(line[i:i+eq]) {
		i += eq + 1
	}

	for i < at && strings.IndexByte(".'*-=/?&", line[i]) >= 0 {
		i++
	}
	return i
}

// domainEnd is where the domain ends that begins at start; start if there is none
// of at least two labels.
func domainEnd(line string, start int) int {
	i := start
	for i < len(line) {
		r, n := utf8.DecodeRuneInString(line[i:])
		if !isDomain(r) || unspaced(r) && i > start && isASCIIWord(line[i-1]) {
			break
		}
		i += n
	}

	domain := strings.TrimRight(line[start:i], ".-")
	dot := strings.LastIndexByte(domain, '.')
	if dot <= 0 || strings.Contains(domain, "..") || domain[0] == '-' {
		return start
	}

	top := domain[dot+1:]
	if r := firstRune(top); len(top) < 2 || !unicode.IsLetter(r) {
		return start
	}

	return start + len(domain)
}

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

// isLocal tells whether a character may be in a local part that is not quoted. A
// backslash begins an octal escape (Exim) or a code point (RFC 6533).
func isLocal(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return isASCIIWord(byte(r)) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.\\", r)
	case r == utf8.RuneError:
		return false
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || unicode.IsSymbol(r)
}

func isDomain(r rune) bool {
	if r < utf8.RuneSelf {
		return isASCIIWord(byte(r)) || r == '-' || r == '.' || r == '_'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '・')
}

func isASCIIWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isWord(s string) bool {
	for i := range len(s) {
		if !isASCIIWord(s[i]) && s[i] != '-' {
			return false
		}
	}
	return s != ""
}

// unspaced tells whether a character is of a writing that has no spaces between
// words, so that an address may follow it at once or end before it.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai) || r == 'ー'
}

// fold is an address in the form in which two are compared.
func fold(addr string) string {
	local, domain, ok := cutDomain(addr)
	if !ok {
		return strings.ToLower(addr)
	}
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = a
	}
	return strings.ToLower(strings.Trim(local, `"`) + "@" + domain)
}

func cutDomain(addr string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return addr, "", false
	}
	return addr[:i], addr[i+1:], true
}

// variants are all ways to write the addresses that are given, each once and in
// their order: as they are first, then decoded, then with the domain in the other
// form.
func variants(forms []string) []string {
	var all []string
	add := func(a string) {
		if local, domain, ok := cutDomain(a); !ok || local == "" || domain == "" {
			return
		}

		for _, b := range all {
			if a == b {
				return
			}
		}

		all = append(all, a)
	}

	for _, a := range forms {
		add(a)
	}
	for _, a := range all {
		add(unescape(a))
		add(unxtext(a))
	}

	for _, a := range all {
		local, domain, _ := cutDomain(a)
		if d, err := idna.Lookup.ToASCII(domain); err == nil {
			add(local + "@" + d)
		}

		if d, err := idna.Lookup.ToUnicode(domain); err == nil {
			add(local + "@" + d)
		}
	}

	return all
}

// unescape decodes the octal escapes with which Exim writes bytes beyond ASCII,
// and the code points of a utf-8-addr-xtext (RFC 6533, 3).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}

		if i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}

		if end := strings.IndexByte(s[i:], '}'); end > 3 && strings.HasPrefix(s[i:], `\x{`) {
			if c, err := strconv.ParseUint(s[i+3:i+end], 16, 32); err == nil && c <= unicode.MaxRune {
				b.WriteRune(rune(c))
				i += end
				continue
			}
		}

		b.WriteByte(s[i])
	}

	if !utf8.ValidString(b.String()) {
		return s
	}

	return b.String()
}

// unxtext decodes xtext (RFC 3461, 4): + and two hexadecimal digits.
func unxtext(s string) string {
	if !strings.Contains(s, "+") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) && strings.ToUpper(s[i+1:i+3]) == s[i+1:i+3] {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}

		b.WriteByte(s[i])
	}

	if !utf8.ValidString(b.String()) {
		return s
	}

	return b.String()
}
