package py

import (
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// Mapping is the right side of the % operator, asked by name. unicode tells that the name is a unicode. The error is
// the one for a missing name.
type Mapping func(name string, unicode bool) (v any, err error)

// FormatMap is format % m. The result is a unicode if the format or a value of %s is one. The error is an *Error.
func FormatMap(format Text, m Mapping) (Text, error) {
	return interpolate(format, &source{mapping: m})
}

// Format is format % args, where args is a tuple.
func Format(format Text, args ...any) (Text, error) {
	return interpolate(format, &source{args: args})
}

// source gives a format its values, from a mapping or in turn.
type source struct {
	mapping Mapping
	args    []any
	next    int
	used    bool // the mapping itself, or one of its values, was used
}

// wholeMapping is the value of a conversion without a name.
type wholeMapping struct{}

const notEnough = "not enough arguments for format string"

// get returns the value of one conversion.
func (s *source) get(c spec, unicode bool) (any, error) {
	switch {
	case s.mapping == nil && c.keyed:
		return nil, Errorf("TypeError", "format requires a mapping")
	case s.mapping == nil && s.next >= len(s.args), s.mapping != nil && !c.keyed && s.used:
		return nil, Errorf("TypeError", notEnough)
	case s.mapping == nil:
		s.next++
		return s.args[s.next-1], nil
	case !c.keyed:
		s.used = true
		return wholeMapping{}, nil
	}

	s.used = true
	return s.mapping(c.key, unicode)
}

// interpolate is PyString_Format. At the first unicode among the values of a str format it starts again as
// PyUnicode_Format, with the rest of the format. The str that it has made so far is decoded at the end.
func interpolate(format Text, values *source) (Text, error) {
	f, unicode := Plain(format)
	whole := len(f)
	prefix := ""
	var out strings.Builder
	for {
		// Text up to the next % is copied as it is.
		i := strings.IndexByte(f, '%')
		if i < 0 {
			out.WriteString(f)
			break
		}

		out.WriteString(f[:i])
		f = f[i:]
		// The conversion is read to its end before its value is fetched: Python reports a bad format first.
		c, rest, err := conversion(f[1:])
		if err != nil {
			return nil, err
		}

		// %% takes no value, but %(key)% looks its key up and fails where the key is missing.
		before := *values
		if c.verb == '%' {
			if c.keyed {
				if _, err := values.get(c, unicode); err != nil {
					return nil, err
				}
			}

			c.prec = -1
			out.WriteString(c.pad("%", unicode))
			f = rest
			continue
		}

		// The value comes before the check of the letter: too few arguments win over an unknown conversion.
		v, err := values.get(c, unicode)
		if err != nil {
			return nil, err
		}
		if strings.IndexByte(verbs, c.verb) < 0 {
			return nil, unsupported(c.verb, whole-len(rest)-1)
		}

		// A unicode for %s turns a str format into a unicode one. The value is then fetched again, by the other rules.
		if _, is := v.(pickle.Unicode); is && c.verb == 's' && !unicode {
			if err := DecodeASCII(f); err != nil {
				return nil, err
			}
			prefix = out.String()
			out.Reset()
			unicode = true
			whole = len(f)
			*values = before
			continue
		}

		// A whole mapping can be shown as %s only through Python's own repr of a dict.
		if _, whole := v.(wholeMapping); whole {
			return nil, c.ofMapping()
		}
		s, err := c.format(v, unicode)
		if err != nil {
			return nil, err
		}

		out.WriteString(s)
		f = rest
	}

	// Python counts the arguments of a tuple and says so when some are left over. A mapping may have more keys.
	if values.mapping == nil && values.next < len(values.args) {
		return nil, Errorf("TypeError", "not all arguments converted during string formatting")
	}

	// The str made before the first unicode must be ASCII to become part of the result.
	if !unicode {
		return out.String(), nil
	}
	if err := DecodeASCII(prefix); err != nil {
		return nil, err
	}

	return pickle.Unicode(prefix + out.String()), nil
}

// unsupported is the error for a conversion that Python does not have. A byte is a signed char there.
func unsupported(verb byte, index int) error {
	return Errorf("ValueError", "unsupported format character '%s' (0x%x) at index %d", []byte{verb}, uint32(int8(verb)), index)
}

// Concat is a + b of two strings. The error is a UnicodeDecodeError.
func Concat(a, b Text) (Text, error) {
	x, ux := Plain(a)
	y, uy := Plain(b)
	if !ux && !uy {
		return x + y, nil
	}
	if err := DecodeASCII(x); !ux && err != nil {
		return nil, err
	}
	if err := DecodeASCII(y); !uy && err != nil {
		return nil, err
	}
	return pickle.Unicode(x + y), nil
}
