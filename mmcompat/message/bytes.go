package message

// eolLen returns the length of the line ending of s.
func eolLen(s string) int {
	n := len(s)
	switch {
	case n == 0:
		return 0
	case s[n-1] == '\n':
		if n > 1 && s[n-2] == '\r' {
			return 2
		}
		return 1
	case s[n-1] == '\r':
		return 1
	}

	return 0
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
