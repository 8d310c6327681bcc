package py

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// spec is one conversion of a format.
type spec struct {
	key         string
	keyed       bool
	flags       string
	width, prec int // -1 without one
	verb        byte
}

// verbs are Python's conversions, besides %%.
const verbs = "srdiuoxXeEfFgGc"

// conversion reads one conversion of a format, from behind its %, in the order of C's printf.
func conversion(f string) (c spec, rest string, err error) {
	c.width, c.prec = -1, -1
	i := 0
	// A key in parentheses, for a mapping; parentheses inside of it count.
	if i < len(f) && f[i] == '(' {
		depth := 1
		for i = 1; i < len(f) && depth > 0; i++ {
			switch f[i] {
			case '(':
				depth++
			case ')':
				depth--
			}
		}

		if depth > 0 {
			return c, "", Errorf("ValueError", "incomplete format key")
		}
		c.key, c.keyed = f[1:i-1], true
	}

	// Flags, in any order and as often as they come.
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		c.flags += f[i : i+1]
		i++
	}

	digits := func() int {
		n := 0
		for i < len(f) && IsDigit(f[i]) && n < 1<<16 {
			n = n*10 + int(f[i]-'0')
			i++
		}
		return n
	}

	// Width and precision. A * would take them from the arguments: it fails below as an unknown letter.
	if i < len(f) && IsDigit(f[i]) {
		c.width = digits()
	}

	if i < len(f) && f[i] == '.' {
		i++
		c.prec = digits()
	}

	// C's size letters mean nothing in Python, which reads one and drops it.
	if i < len(f) && strings.IndexByte("hlL", f[i]) >= 0 {
		i++
	}

	if i >= len(f) {
		return c, "", Errorf("ValueError", "incomplete format")
	}
	c.verb = f[i]
	return c, f[i+1:], nil
}

// isFloat tells whether the conversion makes a float.
func (c spec) isFloat() bool { return strings.IndexByte("eEfFgG", c.verb) >= 0 }

// needsNumber is the TypeError for a value that is not a number.
func (c spec) needsNumber(typeName string, unicode bool) error {
	switch {
	case c.isFloat() && unicode:
		return Errorf("TypeError", "a float is required")
	case c.isFloat():
		return Errorf("TypeError", "float argument required, not %s", typeName)
	case c.verb == 'i':
		c.verb = 'd'
	}

	return Errorf("TypeError", "%%%c format: a number is required, not %s", c.verb, typeName)
}

// ofMapping is the error for a conversion of the mapping itself. Python has one for %s and %r, but what it writes
// depends on the whole mapping, which is not known here.
func (c spec) ofMapping() error {
	switch c.verb {
	case 's', 'r':
		return Errorf("TypeError", notEnough)
	case 'c':
		return errChar()
	}
	return c.needsNumber("instance", false)
}

func errChar() error { return Errorf("TypeError", "%%c requires int or char") }

// format formats a value, for a format that is a unicode or not.
func (c spec) format(v any, unicode bool) (string, error) {
	switch c.verb {
	// %s and %r take any value.
	case 's':
		s := str(v)
		if _, is := v.(pickle.Unicode); unicode && !is {
			if err := DecodeASCII(s); err != nil {
				return "", err
			}
		}
		return c.pad(s, unicode), nil
	case 'r':
		if g, ok := v.(string); ok {
			v = pickle.Str(g)
		}
		return c.pad(pickle.Repr(v, 1<<20), unicode), nil
	case 'c':
		return c.char(v, unicode)
	}

	// All other conversions take numbers.
	if !IsNumber(v) {
		return "", c.needsNumber(TypeName(v), unicode)
	}
	if c.isFloat() {
		return c.float(Float(v)), nil
	}

	return c.integer(v)
}

// pad cuts s to the precision and fills it up to the width, counted in characters for a unicode and in bytes for a
// str.
func (c spec) pad(s string, unicode bool) string {
	n := len(s)
	if unicode {
		n = 0
		for i := 0; i < len(s); n++ {
			if n == c.prec {
				s = s[:i]
				break
			}
			_, size := decodeRune(s[i:])
			i += size
		}
	} else if c.prec >= 0 && c.prec < n {
		s = s[:c.prec]
		n = c.prec
	}

	fill := strings.Repeat(" ", max(0, c.width-n))
	if strings.Contains(c.flags, "-") {
		return s + fill
	}

	return fill + s
}

// char is the conversion %c.
func (c spec) char(v any, unicode bool) (string, error) {
	limit, what := int64(255), "%c arg not in range(256)"
	if unicode {
		limit, what = 0x10ffff, "%c arg not in range(0x110000) (wide Python build)"
	}

	c.prec = -1
	// One character of a string, or a number that stands for one.
	if s, ok := StringOf(v); ok {
		if n := len([]rune(s)); n != 1 && (unicode || len(s) != 1) {
			return "", errChar()
		}
		return c.pad(s, unicode), nil
	}

	switch v.(type) {
	case bool, int, pickle.Int, *big.Int:
	default:
		return "", errChar()
	}

	n := Int(v)
	if n < 0 || n > limit {
		return "", &Error{Class: "OverflowError", Text: what}
	}
	if unicode {
		return c.pad(string(rune(n)), true), nil
	}

	return c.pad(string([]byte{byte(n)}), false), nil
}

// layout is the conversion in Go's notation.
func (c spec) layout() string {
	l := "%" + c.flags
	if c.width >= 0 {
		l += strconv.Itoa(c.width)
	}
	if c.prec >= 0 {
		l += "." + strconv.Itoa(c.prec)
	}
	return l
}

func (c spec) integer(v any) (string, error) {
	n := new(big.Int)
	// %d takes a float and drops what is behind the point (PyNumber_Int).
	switch x := v.(type) {
	case float64:
		switch {
		case math.IsNaN(x):
			return "", Errorf("ValueError", "cannot convert float NaN to integer")
		case math.IsInf(x, 0):
			return "", Errorf("OverflowError", "cannot convert float infinity to integer")
		}
		big.NewFloat(x).Int(n)
	default:
		n = bigInt(v)
	}

	// The base is given by the letter; only hexadecimal has a prefix.
	base, prefix := 10, ""
	switch c.verb {
	case 'o':
		base = 8
	case 'x', 'X':
		base, prefix = 16, "0x"
	}

	alternate := strings.Contains(c.flags, "#")
	digits := new(big.Int).Abs(n).Text(base)
	if _, isLong := v.(*big.Int); c.prec == 0 && n.Sign() == 0 && !isLong {
		// C prints no digit for 0 with a precision of 0. _PyString_FormatLong, for a long, does.
		digits = ""
	}

	// The precision is the least number of digits. In octal, # means one leading zero.
	digits = strings.Repeat("0", max(0, c.prec-len(digits))) + digits
	if base == 8 && alternate && !strings.HasPrefix(digits, "0") {
		digits = "0" + digits
	}

	// One character for the sign, or the flag that stands for it.
	sign := ""
	switch {
	case n.Sign() < 0:
		sign = "-"
	case strings.Contains(c.flags, "+"):
		sign = "+"
	case strings.Contains(c.flags, " "):
		sign = " "
	}

	if alternate {
		sign += prefix
	}

	// The flag 0 fills up between sign and digits, unless - asks for blanks at the right.
	if strings.Contains(c.flags, "0") && !strings.Contains(c.flags, "-") {
		digits = strings.Repeat("0", max(0, c.width-len(sign)-len(digits))) + digits
	}

	// The precision is used up: pad would cut the text at it.
	c.prec = -1
	text := c.pad(sign+digits, false)
	if c.verb == 'X' {
		text = upper(text)
	}

	return text, nil
}

func (c spec) float(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		s := pickle.Repr(f, 64)
		if f > 0 && strings.Contains(c.flags, "+") {
			s = "+" + s
		}

		if c.verb < 'a' {
			s = upper(s)
		}

		c.prec = -1
		return c.pad(s, false)
	}

	if c.prec < 0 {
		c.prec = 6
	}

	if c.verb == 'g' || c.verb == 'G' {
		c.prec = max(c.prec, 1)
	}

	return fmt.Sprintf(c.layout()+string(c.verb), f)
}
