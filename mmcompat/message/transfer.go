package message

import (
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// decodeQP is quopri.decodestring (binascii.a2b_qp).
func decodeQP(s string) string {
	if strings.IndexByte(s, '=') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '=' {
			b = append(b, s[i])
			i++
			continue
		}

		// RFC 2045, 6.7: =XX is a byte, = before a line end a soft break.
		i++
		switch {
		case i >= len(s):
		case s[i] == '\n' || s[i] == '\r':
			// A soft line break; after "\r" all goes up to the next "\n".
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return string(b)
			}
			i += n + 1
		case s[i] == '=':
			b = append(b, '=')
			i++
		case isHexDigit(s[i]) && i+1 < len(s) && isHexDigit(s[i+1]):
			b = append(b, hexValue(s[i])<<4|hexValue(s[i+1]))
			i += 2
		default:
			b = append(b, '=')
		}
	}

	return string(b)
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// padding is the value of "=", which no digit has.
const padding = 64

// base64Values has each byte's value, -1 for bytes that a decoder skips.
var base64Values = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range base64Digits {
		t[base64Digits[i]] = int8(i)
	}
	t['='] = padding
	return t
}()

// DecodeBase64 is binascii.a2b_base64; false where it raises "Incorrect padding".
func DecodeBase64(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s)/4*3 + 3)
	var digits [4 << 10]byte
	n := 0
	padded := false
	// Bytes outside the alphabet are skipped; a padding character counts only where it can end the text.
	for i := 0; i < len(s); i++ {
		v := base64Values[s[i]]
		if v == padding {
			if quad := n & 3; quad < 2 || quad == 2 && !padFollows(s[i+1:]) {
				continue
			}
			padded = true
			break
		}

		// This has no branch for skipped bytes: a processor could never predict them in text that is not base64 at
		// all.
		digits[n] = byte(v)
		n += int(^uint8(v) >> 7)
		if n == len(digits) {
			writeDigits(&b, digits[:])
			n = 0
		}
	}

	writeDigits(&b, digits[:n])
	return b.String(), padded || n&3 == 0
}

// writeDigits writes the bytes that base64 digits stand for.
func writeDigits(b *strings.Builder, digits []byte) {
	var out [3 << 10]byte
	at := 0
	for ; len(digits) >= 4; digits = digits[4:] {
		v := uint(digits[0])<<18 | uint(digits[1])<<12 | uint(digits[2])<<6 | uint(digits[3])
		out[at], out[at+1], out[at+2] = byte(v>>16), byte(v>>8), byte(v)
		at += 3
	}

	if len(digits) > 1 {
		out[at] = digits[0]<<2 | digits[1]>>4
		at++
	}

	if len(digits) > 2 {
		out[at] = digits[1]<<4 | digits[2]>>2
		at++
	}

	b.Write(out[:at])
}

// padFollows tells whether the next character that is not skipped is another "=".
func padFollows(s string) bool {
	for i := 0; i < len(s); i++ {
		if base64Values[s[i]] >= 0 {
			return s[i] == '='
		}
	}
	return false
}

// encodeBase64 is binascii.b2a_base64 without its newline.
func encodeBase64(s string) string {
	b := make([]byte, 0, (len(s)+2)/3*4)
	for ; len(s) >= 3; s = s[3:] {
		v := uint(s[0])<<16 | uint(s[1])<<8 | uint(s[2])
		b = append(b, base64Digits[v>>18], base64Digits[v>>12&63], base64Digits[v>>6&63], base64Digits[v&63])
	}

	switch len(s) {
	case 1:
		b = append(b, base64Digits[s[0]>>2], base64Digits[s[0]&3<<4], '=', '=')
	case 2:
		v := uint(s[0])<<8 | uint(s[1])
		b = append(b, base64Digits[v>>10], base64Digits[v>>4&63], base64Digits[v&15<<2], '=')
	}

	return string(b)
}

// decodeUU is uu.decode(s + "\n"). It returns false where that raises uu.Error (no begin line, no end line), and
// an error where binascii.Error gets out.
func decodeUU(s string) (string, bool, error) {
	s += "\n"
	readline := func() string {
		n := strings.IndexByte(s, '\n') + 1
		if n == 0 {
			n = len(s)
		}

		line := s[:n]
		s = s[n:]
		return line
	}

	// Lines before "begin MODE NAME" do not count.
	for {
		line := readline()
		if line == "" {
			return "", false, nil
		}

		f := strings.SplitN(line, " ", 3)
		if len(f) == 3 && f[0] == "begin" && isOctal(f[1]) {
			break
		}
	}

	// Data lines up to "end". Without an end the whole attachment counts as broken.
	var b []byte
	for {
		line := readline()
		if line == "" {
			return "", false, nil
		}
		if py.Strip(line) == "end" {
			return string(b), true, nil
		}

		data, msg := decodeUULine(line)
		if msg != "" {
			// Broken encoders leave something behind the data: uu.decode cuts the line at the length that its first byte
			// says and tries again.
			n := (int(line[0]-32)&63*4 + 5) / 3
			if data, msg = decodeUULine(line[:min(n, len(line))]); msg != "" {
				return "", false, &py.Error{Class: "binascii.Error", Text: msg}
			}
		}

		b = append(b, data...)
	}
}

// isOctal tells whether int(s, 8) accepts s.
func isOctal(s string) bool {
	s = py.Strip(s)
	s = strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	_, err := strconv.ParseUint(s, 8, 64)
	return err == nil
}

// decodeUULine is binascii.a2b_uu; msg is the error's text.
func decodeUULine(s string) (data []byte, msg string) {
	// The first byte is the line's length; then six bits in each byte.
	n := int(s[0]-' ') & 63
	i := 1
	var bits, have uint
	for ; len(data) < n; i++ {
		var v uint
		if i < len(s) && s[i] != '\n' && s[i] != '\r' {
			c := s[i]
			if c < ' ' || c > ' '+64 {
				return nil, "Illegal char"
			}
			v = uint(c-' ') & 63
		}

		bits = bits<<6 | v
		if have += 6; have >= 8 {
			have -= 8
			data = append(data, byte(bits>>have))
			bits &= 1<<have - 1
		}
	}

	// a2b_uu allows blanks behind the data, and raises for anything else.
	for ; i < len(s); i++ {
		switch s[i] {
		case ' ', ' ' + 64, '\n', '\r':
		default:
			return nil, "Trailing garbage"
		}
	}

	return data, ""
}
