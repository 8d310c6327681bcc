package pickle

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The text forms of protocol 0: Python 2's repr of a str, its raw-unicode-escape codec, and C's notation of a float.

const hexDigits = "0123456789abcdef"

// quoteFor returns the quote that Python's repr uses for s.
func quoteFor(s string) byte {
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		return '"'
	}
	return '\''
}

// appendQuoted writes s as Python's repr of a str.
func appendQuoted(out []byte, s string) []byte {
	q := quoteFor(s)
	out = append(out, q)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == q || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\r':
			out = append(out, '\\', 'r')
		case c == '\t':
			out = append(out, '\\', 't')
		case c < ' ' || c >= 0x7f:
			out = append(out, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			out = append(out, c)
		}
	}

	return append(out, q)
}

// escapes are those of one character in Python's string-escape codec.
var escapes = [256]byte{'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// unquote reads the output of appendQuoted, and the other escapes of the string-escape codec. It may return a part of
// line.
func unquote(line []byte) ([]byte, error) {
	// cPickle lets blanks follow.
	for len(line) > 0 && line[len(line)-1] <= ' ' {
		line = line[:len(line)-1]
	}

	// Both of Python's readers want the str in quotes of one kind (load_string).
	if len(line) < 2 || line[0] != '\'' && line[0] != '"' || line[len(line)-1] != line[0] {
		return nil, fmt.Errorf("got %.40q, need a str in quotes", line)
	}

	// Most strings have no escape: return the bytes without a copy.
	line = line[1 : len(line)-1]
	if strings.IndexByte(string(line), '\\') < 0 {
		return line, nil
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		c := line[i]
		i++
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if i == len(line) {
			return nil, errors.New("got a str that ends in a backslash, need an escape")
		}

		c = line[i]
		i++
		// The escapes of PyString_DecodeEscape; an unknown one keeps its backslash.
		switch {
		case escapes[c] != 0:
			out = append(out, escapes[c])
		// A backslash at a line's end joins the lines.
		case c == '\n':
		case '0' <= c && c <= '7':
			n := c - '0'
			for j := 0; j < 2 && i < len(line) && '0' <= line[i] && line[i] <= '7'; j++ {
				// Python too drops the bits beyond a byte.
				n = n<<3 | (line[i] - '0')
				i++
			}
			out = append(out, n)
		case c == 'x':
			n, ok := hexNumber(line[i:], 2)
			if !ok {
				return nil, fmt.Errorf(`got \x%.2q, need two hexadecimal digits`, line[i:])
			}
			out = append(out, byte(n))
			i += 2
		default:
			out = append(out, '\\', c)
		}
	}

	return out, nil
}

// hexNumber reads exactly n hexadecimal digits.
func hexNumber(s []byte, n int) (uint32, bool) {
	if len(s) < n {
		return 0, false
	}
	v := uint32(0)
	for _, c := range s[:n] {
		i := strings.IndexByte(hexDigits, c|0x20)
		if i < 0 || c < '0' {
			return 0, false
		}
		v = v<<4 | uint32(i)
	}

	return v, true
}

// appendRawUnicode writes u in the raw-unicode-escape codec. Like Python's picklers, it escapes characters that would
// end the line or begin an escape.
func appendRawUnicode(out []byte, u Unicode) []byte {
	hex := func(r rune, digits int) {
		for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
			out = append(out, hexDigits[r>>shift&15])
		}
	}

	for len(u) > 0 {
		r, n := decodeWTF8(string(u))
		u = u[n:]

		switch {
		case r >= 0x10000:
			out = append(out, '\\', 'U')
			hex(r, 8)
		case r >= 0x100 || r == '\\' || r == '\n':
			out = append(out, '\\', 'u')
			hex(r, 4)
		default:
			out = append(out, byte(r))
		}
	}

	return out
}

// rawUnicode decodes Python's raw-unicode-escape codec into WTF-8. Other bytes than escapes are Latin-1.
func rawUnicode(line []byte) ([]byte, error) {
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		if line[i] != '\\' {
			out = appendWTF8(out, rune(line[i]))
			i++
			continue
		}

		// Backslashes in a row: an even number stands for itself, and nothing else in this codec is escaped.
		n := i
		for n < len(line) && line[n] == '\\' {
			n++
		}
		digits := 0

		// Only an odd backslash, the last of the row, can begin \uXXXX or \UXXXXXXXX.
		if (n-i)%2 == 1 && n < len(line) {
			switch line[n] {
			case 'u':
				digits = 4
			case 'U':
				digits = 8
			}
		}

		if digits == 0 {
			out = append(out, line[i:n]...)
			i = n
			continue
		}

		// The backslashes before the escape stay.
		out = append(out, line[i:n-1]...)
		r, ok := hexNumber(line[n+1:], digits)
		if !ok || r > utf8.MaxRune {
			return nil, fmt.Errorf(`got %.10q, need the %d hexadecimal digits of a character`, line[n-1:], digits)
		}

		out = appendWTF8(out, rune(r))
		i = n + 1 + digits
	}

	return out, nil
}

// appendWTF8 is utf8.AppendRune, and writes surrogates too.
func appendWTF8(out []byte, r rune) []byte {
	if 0xd800 <= r && r <= 0xdfff {
		return append(out, byte(0xe0|r>>12), byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f))
	}
	return utf8.AppendRune(out, r)
}

// decodeWTF8 is utf8.DecodeRuneInString, and reads surrogates too.
func decodeWTF8(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 && isSurrogate(s) {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, n
}

func isSurrogate[T string | []byte](s T) bool {
	return len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80
}

// wtf8Error returns the index of the first byte that Python 2's utf-8 codec would refuse, or -1. The codec accepts
// surrogates.
func wtf8Error(s []byte) int {
	if utf8.Valid(s) {
		return -1
	}

	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			if !isSurrogate(s[i:]) {
				return i
			}
			n = 3
		}

		i += n
	}

	return -1
}

// appendFloat writes f as cPickle does in protocol 0: %.17g.
func appendFloat(out []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(out, "nan"...)
	case math.IsInf(f, 1):
		return append(out, "inf"...)
	case math.IsInf(f, -1):
		return append(out, "-inf"...)
	}

	s := strconv.FormatFloat(f, 'e', 16, 64)
	mant, exponent, _ := strings.Cut(s, "e")
	exp, _ := strconv.Atoi(exponent)
	if exp >= -4 && exp < 17 {
		s = strconv.FormatFloat(f, 'f', 16-exp, 64)
		if strings.IndexByte(s, '.') >= 0 {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return append(out, s...)
	}

	mant = strings.TrimRight(strings.TrimRight(mant, "0"), ".")
	return append(append(append(out, mant...), 'e'), exponent...)
}
