package text

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// FormatError is what Python raises from the % operator.
type FormatError struct {
	Kind string // "TypeError", "ValueError" or "UnicodeError"
	Text string // str(e)
}

func (e *FormatError) Error() string { return e.Kind + ": " + e.Text }

// SafeInterp is Python's format % SafeDict(vars). The result is unicode as soon
// as the format or a value taken by %s is. err is a *FormatError.
func SafeInterp(format Text, vars Vars) (Text, error) {
	f, unicode := plain(format)
	whole := len(f)
	mixed := unicode
	used := false // the mapping itself, or one of its values, was asked for
	var parts []Text
	literal := func(s string) {
		if unicode {
			parts = append(parts, pickle.Unicode(s))
		} else {
			parts = append(parts, s)
		}
	}
	for {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			literal(f)
			break
		}
		literal(f[:i])
		c, rest, err := conversion(f[i+1:])
		if err != nil {
			return nil, err
		}
		f = rest
		if c.verb == '%' {
			literal("%")
			continue
		}
		if !c.keyed && used {
			return nil, &FormatError{"TypeError", "not enough arguments for format string"}
		}
		used = true
		if strings.IndexByte(verbs, c.verb) < 0 {
			return nil, &FormatError{"ValueError", fmt.Sprintf(
				"unsupported format character '%c' (0x%x) at index %d", c.verb, c.verb, whole-len(rest)-1)}
		}
		if !c.keyed {
			return nil, c.mapping()
		}
		v, ok := vars[c.key]
		switch {
		case ok:
		case mixed:
			// Python goes on with a unicode format, whose keys are unicode, and SafeDict gives only a str key back.
			v = "<Missing key: " + pickle.Repr(pickle.Unicode(c.key), 1<<16) + ">"
		default:
			v = "%(" + c.key + ")s"
		}
		s, err := c.format(v)
		if err != nil {
			return nil, err
		}
		if _, ok := s.(pickle.Unicode); ok {
			mixed = true
		}
		parts = append(parts, s)
	}
	return join(parts)
}

// plain returns a text and whether it is unicode.
func plain(t Text) (s string, unicode bool) {
	switch t := t.(type) {
	case pickle.Unicode:
		return string(t), true
	case pickle.Str:
		return string(t), false
	case string:
		return t, false
	}
	return fmt.Sprint(t), false
}

// join is what Python's str has become once a unicode was mixed in: all of it
// is unicode, and a str among it must be ASCII.
func join(parts []Text) (Text, error) {
	var out strings.Builder
	unicode := false
	for _, p := range parts {
		s, u := plain(p)
		out.WriteString(s)
		unicode = unicode || u
	}
	if !unicode {
		return out.String(), nil
	}
	for _, p := range parts {
		if s, u := plain(p); !u {
			for i := 0; i < len(s); i++ {
				if s[i] >= 0x80 {
					return nil, &FormatError{"UnicodeError", fmt.Sprintf(
						"'ascii' codec can't decode byte 0x%02x in position %d: ordinal not in range(128)", s[i], i)}
				}
			}
		}
	}
	return pickle.Unicode(out.String()), nil
}

// spec is one conversion of a format.
type spec struct {
	key         string
	keyed       bool
	flags       string
	width, prec int // -1: not given
	verb        byte
}

func conversion(f string) (c spec, rest string, err error) {
	incomplete := &FormatError{"ValueError", "incomplete format"}
	c.width, c.prec = -1, -1
	i := 0
	if i < len(f) && f[i] == '(' {
		depth, start := 1, 1
		for i = 1; i < len(f) && depth > 0; i++ {
			switch f[i] {
			case '(':
				depth++
			case ')':
				depth--
			}
		}
		if depth > 0 {
			return c, "", &FormatError{"ValueError", "incomplete format key"}
		}
		c.key, c.keyed = f[start:i-1], true
	}
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		c.flags += f[i : i+1]
		i++
	}
	digits := func() int {
		n := 0
		for i < len(f) && f[i] >= '0' && f[i] <= '9' && n < 1<<16 {
			n = n*10 + int(f[i]-'0')
			i++
		}
		return n
	}
	if i < len(f) && f[i] >= '0' && f[i] <= '9' {
		c.width = digits()
	}
	if i < len(f) && f[i] == '.' {
		i++
		c.prec = digits()
	}
	for i < len(f) && strings.IndexByte("hlL", f[i]) >= 0 {
		i++
	}
	if i >= len(f) {
		return c, "", incomplete
	}
	c.verb = f[i]
	return c, f[i+1:], nil
}

// verbs are the conversions that Python has, beside %%.
const verbs = "srdiuoxXeEfFgGc"

// mapping is the error over a conversion of the mapping itself. Python has one
// for %s and %r only if something else follows; what it would write is all that
// Mailman knows, and this is not.
func (c spec) mapping() error {
	why := "not enough arguments for format string"
	switch {
	case strings.IndexByte("diuoxX", c.verb) >= 0:
		why = fmt.Sprintf("%%%c format: a number is required, not instance", c.verb)
	case strings.IndexByte("eEfFgG", c.verb) >= 0:
		why = "float argument required, not instance"
	case c.verb == 'c':
		why = "%c requires int or char"
	}
	return &FormatError{"TypeError", why}
}

func (c spec) format(v any) (Text, error) {
	switch c.verb {
	case 's', 'r':
		s, unicode := str(v), false
		if u, ok := v.(pickle.Unicode); ok && c.verb == 's' {
			s, unicode = string(u), true
		}
		if c.verb == 'r' {
			if g, ok := v.(string); ok {
				v = pickle.Str(g)
			}
			s = pickle.Repr(v, 1<<20)
		}
		n := len(s)
		if unicode {
			r := []rune(s)
			if c.prec >= 0 && c.prec < len(r) {
				r = r[:c.prec]
				s = string(r)
			}
			n = len(r)
		} else if c.prec >= 0 && c.prec < len(s) {
			s = s[:c.prec]
			n = len(s)
		}
		if pad := c.width - n; pad > 0 {
			if strings.Contains(c.flags, "-") {
				s += strings.Repeat(" ", pad)
			} else {
				s = strings.Repeat(" ", pad) + s
			}
		}
		if unicode {
			return pickle.Unicode(s), nil
		}
		return s, nil
	case 'c':
		return nil, &FormatError{"TypeError", "%c requires int or char"}
	}
	return c.number(v)
}

func (c spec) number(v any) (Text, error) {
	bad := func() error {
		if strings.IndexByte("eEfFgG", c.verb) >= 0 {
			return &FormatError{"TypeError", "float argument required, not " + kind(v)}
		}
		return &FormatError{"TypeError", fmt.Sprintf("%%%c format: a number is required, not %s", c.verb, kind(v))}
	}
	n := new(big.Int)
	f := 0.0
	switch x := v.(type) {
	case bool:
		if x {
			n.SetInt64(1)
		}
	case int:
		n.SetInt64(int64(x))
	case pickle.Int:
		n.SetInt64(int64(x))
	case *big.Int:
		n = x
	case float64:
		f = x
		if x != x || x-x != 0 {
			return nil, &FormatError{"ValueError", "cannot convert float to integer"}
		}
		big.NewFloat(x).Int(n)
	default:
		return nil, bad()
	}
	layout := "%" + c.flags
	if c.width >= 0 {
		layout += strconv.Itoa(c.width)
	}
	if c.prec >= 0 {
		layout += "." + strconv.Itoa(c.prec)
	}
	switch c.verb {
	case 'd', 'i', 'u':
		return fmt.Sprintf(layout+"d", n), nil
	case 'o', 'x', 'X':
		return fmt.Sprintf(layout+string(c.verb), n), nil
	}
	if _, ok := v.(float64); !ok {
		f, _ = new(big.Float).SetInt(n).Float64()
	}
	if c.prec < 0 {
		layout += ".6"
	}
	return fmt.Sprintf(layout+strings.ToLower(string(c.verb)), f), nil
}

// str is Python's str() of a value.
func str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case pickle.Str:
		return string(v)
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		return strFloat(v)
	case *big.Int:
		return v.String()
	case int, pickle.Int:
		return fmt.Sprint(v)
	}
	return pickle.Repr(v, 1<<20)
}

// strFloat is str() of a float: repr's form with at most twelve digits.
func strFloat(f float64) string {
	g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 12, 64), 64)
	if err != nil {
		g = f
	}
	s := pickle.Repr(g, 64)
	// repr turns to an exponent at 1e16, str at 1e12.
	if mant := strings.TrimPrefix(s, "-"); len(mant) > 14 && strings.HasSuffix(mant, ".0") {
		return strconv.FormatFloat(g, 'e', -1, 64)
	}
	return s
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case string, pickle.Str:
		return "str"
	case pickle.Unicode:
		return "unicode"
	}
	return fmt.Sprintf("%T", v)
}
