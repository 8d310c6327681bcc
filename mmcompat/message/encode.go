package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// base64Len is email.base64mime.base64_len.
func base64Len(s string) int { return (len(s) + 2) / 3 * 4 }

// plainInHeader tells whether "Q" encoding in a header leaves a character as it is; a space becomes "_".
func plainInHeader(c byte) bool {
	return py.IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-!*+/ ", c) >= 0
}

// headerQPLen is email.quoprimime.header_quopri_len.
func headerQPLen(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if !plainInHeader(s[i]) {
			n += 2
		}
	}
	return n
}

// crlf is email.utils.fix_eols: every line ending becomes "\r\n".
func crlf(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\r':
			b.WriteString("\r\n")
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
		case '\n':
			b.WriteString("\r\n")
		default:
			b.WriteByte(s[i])
		}
	}

	return b.String()
}

const upperHex = "0123456789ABCDEF"

// headerQP is email.quoprimime.header_encode(s, charset, maxlinelen=None), which still breaks lines at 100,000
// characters.
func headerQP(s, charset string) string {
	if s == "" {
		return s
	}

	// header_encode takes 100,000 for no limit.
	const limit = 100000
	var b strings.Builder
	b.WriteString("=?" + charset + "?q?")
	n := 0
	add := func(piece string) {
		if n > 0 && n+len(piece) > limit {
			b.WriteString("?=\n =?" + charset + "?q?")
			n = 0
		}
		b.WriteString(piece)
		n += len(piece)
	}

	// RFC 2047, 4.2: a blank becomes _, and what is not safe in a header is =XX.
	s = crlf(s)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			add("_")
		case plainInHeader(c):
			add(s[i : i+1])
		default:
			add("=" + upperHex[c>>4:c>>4+1] + upperHex[c&15:c&15+1])
		}
	}

	b.WriteString("?=")
	return b.String()
}

// headerBase64 is email.base64mime.header_encode(s, charset): encoded words of
// at most 76 characters.
func headerBase64(s, charset string) (string, error) {
	if s == "" {
		return s, nil
	}
	s = crlf(s)
	room := (76 - len(charset) - 7) * 3
	if room < 0 {
		return "", nil // a negative range is empty
	}
	if room /= 4; room == 0 {
		return "", &py.Error{Class: "ValueError", Text: "range() step argument must not be zero"}
	}

	var words []string
	for ; len(s) > room; s = s[room:] {
		words = append(words, "=?"+charset+"?b?"+encodeBase64(s[:room])+"?=")
	}
	words = append(words, "=?"+charset+"?b?"+encodeBase64(s)+"?=")
	return strings.Join(words, "\n "), nil
}

// bodyBase64 is email.base64mime.encode: lines of 76 characters.
func bodyBase64(s string) string {
	const line = 57
	var b strings.Builder
	for s != "" {
		n := min(line, len(s))
		b.WriteString(encodeBase64(s[:n]))
		b.WriteByte('\n')
		s = s[n:]
	}

	return b.String()
}

// bodyQP is email.quoprimime.encode: soft line breaks before column 76, line
// endings as "\n".
func bodyQP(s string) string {
	const limit = 76
	var b strings.Builder
	lines := py.SplitLines(crlf(s), true)
	for n, line := range lines {
		// Line ends stay as they are; only the text between them is encoded and broken.
		eol := eolLen(line)
		text := line[:len(line)-eol]
		width := 0
		add := func(piece string) {
			if width+len(piece) >= limit {
				b.WriteString("=\n")
				width = 0
			}
			b.WriteString(piece)
			width += len(piece)
		}

		// The rules of RFC 2045, 6.7, as quoprimime.encode keeps them.
		for i := 0; i < len(text); i++ {
			c := text[i]
			last := i+1 == len(text)
			switch {
			case c != '\t' && (c < ' ' || c > '~' || c == '='):
				add("=" + upperHex[c>>4:c>>4+1] + upperHex[c&15:c&15+1])
			case !last:
				add(text[i : i+1])
			case c != ' ' && c != '\t':
				// quoprimime.encode does not count the last character of a line, so a line may be one longer.
				b.WriteByte(c)
				width++
			case n+1 == len(lines):
				// RFC 2045, 6.7, rule 3: no line may end in a blank. The last line's blank is encoded.
				code := "=20"
				if c == '\t' {
					code = "=09"
				}
				if width+len(code) > limit {
					b.WriteString("=\n")
				}
				b.WriteString(code)
			// A blank before a line end is kept by a soft break behind it.
			default:
				b.WriteByte(c)
				b.WriteString("=\n")
			}
		}

		if eol > 0 {
			b.WriteByte('\n')
		}
	}

	return b.String()
}
