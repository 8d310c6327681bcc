package py

import "strings"

// Methods of str in the C locale, where only ASCII has letters, digits and whitespace.

// Whitespace has the characters that str.isspace() is true of.
const Whitespace = " \t\n\r\v\f"

// IsSpace is c.isspace().
func IsSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// IsDigit is c.isdigit().
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsASCII tells whether s has no byte beyond ASCII.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Strip is s.strip().
func Strip(s string) string { return LStrip(RStrip(s)) }

// LStrip is s.lstrip().
func LStrip(s string) string {
	for s != "" && IsSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// RStrip is s.rstrip().
func RStrip(s string) string {
	for s != "" && IsSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// Split is s.split().
func Split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r < 0x80 && IsSpace(byte(r)) })
}

// SplitLines is s.splitlines(keepEnds). Only \n, \r and \r\n end a line.
func SplitLines(s string, keepEnds bool) []string {
	var lines []string
	for s != "" {
		i := strings.IndexAny(s, "\r\n")
		if i < 0 {
			return append(lines, s)
		}

		next := i + 1
		if s[i] == '\r' && next < len(s) && s[next] == '\n' {
			next++
		}

		if keepEnds {
			lines = append(lines, s[:next])
		} else {
			lines = append(lines, s[:i])
		}

		s = s[next:]
	}

	return lines
}

// Lower is s.lower().
func Lower(s string) string { return change(s, 'A', 'Z') }

// upper is s.upper().
func upper(s string) string { return change(s, 'a', 'z') }

// change changes the case of the letters from first to last.
func change(s string, first, last byte) string {
	for i := range len(s) {
		if first <= s[i] && s[i] <= last {
			b := []byte(s)
			for ; i < len(b); i++ {
				if first <= b[i] && b[i] <= last {
					b[i] ^= 'a' - 'A'
				}
			}
			return string(b)
		}
	}

	return s
}

// EqualFold is a.lower() == b.lower().
// str.lower changes ASCII letters only, so equal strings have equal lengths.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}

	for i := range len(a) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}

		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}

		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}

		if x != y {
			return false
		}
	}

	return true
}
