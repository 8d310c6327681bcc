package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape is s for one place in a line: each character that is not plainly visible, and each byte that is no UTF-8, is
// written as Python writes it in a string, e.g. \x1b, \n or \u202e. A backslash stays as it is.
func Escape(s string) string { return escape(s, "") }

// Lines is Escape for text of several lines: line feeds and tabs stay.
func Lines(s string) string { return escape(s, "\n\t") }

// escape escapes s, but for the characters in keep.
func escape(s, keep string) string {
	i := harmful(s, keep)
	if i < 0 {
		return s
	}

	var b strings.Builder
	for i >= 0 {
		r, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[:i])
		b.WriteString(escaped(r, s[i:i+size]))
		s = s[i+size:]
		i = harmful(s, keep)
	}

	return b.String() + s
}

// harmful is the index of the first character of s that has to be escaped, -1 where there is none.
func harmful(s, keep string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) && !strings.ContainsRune(keep, r) {
			return i
		}
		i += size
	}
	return -1
}

// escaped is shown in place of a character, whose bytes are raw.
func escaped(r rune, raw string) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}

	return fmt.Sprintf(`\u%04x`, r)
}
