package pickle

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unquote reads a protocol 0 str: Python's repr of it, in either quote.
func unquote(b []byte) (Str, error) {
	s := strings.TrimRight(string(b), " \t\r")
	if len(s) < 2 || s[0] != '\'' && s[0] != '"' || s[len(s)-1] != s[0] {
		return "", fmt.Errorf("had %.20q, wanted a quoted string", s)
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return Str(s), nil
	}
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", fmt.Errorf("had a backslash at the end of a string")
		}
		switch c := s[i]; c {
		case '\n':
		case '\\', '\'', '"':
			out.WriteByte(c)
		case 'a':
			out.WriteByte('\a')
		case 'b':
			out.WriteByte('\b')
		case 'f':
			out.WriteByte('\f')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'v':
			out.WriteByte('\v')
		case 'x':
			if i+2 >= len(s) {
				return "", fmt.Errorf("had \\x without two hexadecimal digits")
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", fmt.Errorf("had \\x%s, wanted two hexadecimal digits", s[i+1:i+3])
			}
			out.WriteByte(byte(n))
			i += 2
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := 0
			j := i
			for ; j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7'; j++ {
				n = n*8 + int(s[j]-'0')
			}
			out.WriteByte(byte(n))
			i = j - 1
		default:
			out.WriteByte('\\')
			out.WriteByte(c)
		}
	}
	return Str(out.String()), nil
}

// quote is Python's repr of a str.
func quote(s string) string {
	q := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		q = '"'
	}
	out := make([]byte, 0, len(s)+2)
	out = append(out, q)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == q || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c >= 0x7f:
			out = append(out, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			out = append(out, c)
		}
	}
	return string(append(out, q))
}

const hexDigits = "0123456789abcdef"

// rawUnicode reads a protocol 0 unicode: Latin-1, and a \u or \U escape after an
// odd number of backslashes.
func rawUnicode(b []byte) (Unicode, error) {
	var out []byte
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			out = utf8.AppendRune(out, rune(b[i]))
			i++
			continue
		}
		n := i
		for n < len(b) && b[n] == '\\' {
			n++
		}
		odd := (n-i)%2 == 1
		digits := 0
		if odd && n < len(b) {
			digits = map[byte]int{'u': 4, 'U': 8}[b[n]]
		}
		if digits == 0 {
			out = append(out, b[i:n]...)
			i = n
			continue
		}
		out = append(out, b[i:n-1]...)
		if n+1+digits > len(b) {
			return "", fmt.Errorf("had \\%c without %d hexadecimal digits", b[n], digits)
		}
		hex := string(b[n+1 : n+1+digits])
		r, err := strconv.ParseUint(hex, 16, 32)
		if err != nil || r > utf8.MaxRune {
			return "", fmt.Errorf("had \\%c%s, wanted the digits of a character", b[n], hex)
		}
		out = appendWTF8(out, rune(r))
		i = n + 1 + digits
	}
	return Unicode(out), nil
}

// appendRawUnicode is the other way round. Backslash and newline are escaped, as
// Python does, because they would end or change the line.
func appendRawUnicode(out []byte, u Unicode) []byte {
	for i := 0; i < len(u); {
		r, n := decodeWTF8(string(u[i:]))
		i += n
		switch {
		case r == '\\' || r == '\n':
			out = fmt.Appendf(out, "\\u%04x", r)
		case r < 0x100:
			out = append(out, byte(r))
		case r < 0x10000:
			out = fmt.Appendf(out, "\\u%04x", r)
		default:
			out = fmt.Appendf(out, "\\U%08x", r)
		}
	}
	return out
}

// appendWTF8 is utf8.AppendRune that lets lone surrogates through.
func appendWTF8(out []byte, r rune) []byte {
	if r >= 0xd800 && r < 0xe000 {
		return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0xbf, 0x80|byte(r)&0xbf)
	}
	return utf8.AppendRune(out, r)
}

// decodeWTF8 is utf8.DecodeRuneInString that lets lone surrogates through. It
// returns size 1 and RuneError for what is neither.
func decodeWTF8(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n <= 1 && len(s) >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] < 0xc0 && s[2]&0xc0 == 0x80 {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, n
}

func validWTF8(s string) bool {
	if utf8.ValidString(s) {
		return true
	}
	for i := 0; i < len(s); {
		r, n := decodeWTF8(s[i:])
		if r == utf8.RuneError && n <= 1 {
			return false
		}
		i += n
	}
	return true
}

// formatFloat is Python 2.7's repr of a float.
func formatFloat(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	switch s {
	case "+Inf":
		return "inf"
	case "-Inf":
		return "-inf"
	case "NaN":
		return "nan"
	}
	// Python turns to an exponent below 1e-4 and from 1e16 on, Go's 'g' at 1e21.
	exp := strconv.FormatFloat(f, 'e', -1, 64)
	n, _ := strconv.Atoi(exp[strings.IndexByte(exp, 'e')+1:])
	if f != 0 && (n < -4 || n >= 16) {
		return exp
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
