package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// ParamValue is the value of a parameter: a str or, where RFC 2231 encodes it, a tuple of charset, language and str.
type ParamValue struct {
	Value             string
	Tuple             bool
	Charset, Language *string // nil is None; only where Tuple
}

// Param is one parameter of a structured field.
type Param struct {
	Name  string
	Value ParamValue
}

// GetParams is get_params(header=header, unquote=unquote); false without such a field. The first item is the content
// type itself.
func (m *Message) GetParams(header string, unquote bool) ([]Param, bool) {
	v, ok := m.Get(header)
	if !ok {
		return nil, false
	}

	params := decodeParams(rawParams(v))
	if unquote {
		for i := range params {
			params[i].Value.Value = Unquote(params[i].Value.Value)
		}
	}

	return params, true
}

// GetParam is get_param(param, header=header), unquoted.
func (m *Message) GetParam(param, header string) (ParamValue, bool) {
	v, ok := m.Get(header)
	if !ok {
		return ParamValue{}, false
	}
	p, ok := findParam(v, param)
	p.Value = Unquote(p.Value)
	return p, ok
}

// collapse is email.utils.collapse_rfc2231_value: a unicode for a tuple.
func collapse(v ParamValue) (Text, error) {
	raw := Unquote(v.Value)
	if !v.Tuple {
		return raw, nil
	}

	charset := "us-ascii"
	if v.Charset != nil && *v.Charset != "" {
		charset = *v.Charset
	}

	u, err := decode(raw, charset, "replace")
	if isLookupError(err) {
		u, err = decode(raw, "us-ascii", "replace")
	}

	if err != nil {
		return nil, err
	}

	return pickle.Unicode(u), nil
}

// GetBoundary is get_boundary(); nil for None.
func (m *Message) GetBoundary() (Text, error) {
	v, ok := m.GetParam("boundary", "content-type")
	if !ok {
		return nil, nil
	}

	t, err := collapse(v)
	switch t := t.(type) {
	case string:
		return py.RStrip(t), err
	case pickle.Unicode:
		return pickle.Unicode(strings.TrimRightFunc(string(t), isUnicodeSpace)), err
	}

	return nil, err
}

// byteBoundary is the boundary as the parser's pattern matches it with bytes: a character of a unicode matches the
// byte with its number, and a character beyond 255 matches no byte (usable is false).
func (m *Message) byteBoundary() (boundary *string, usable bool, err error) {
	t, err := m.GetBoundary()
	if err != nil {
		return nil, false, err
	}

	switch t := t.(type) {
	case string:
		return &t, true, nil
	case pickle.Unicode:
		b := make([]byte, 0, len(t))
		for i := 0; i < len(t); {
			r, n := utf8.DecodeRuneInString(string(t[i:]))
			if r > 255 {
				s := string(t)
				return &s, false, nil
			}

			b = append(b, byte(r))
			i += n
		}

		s := string(b)
		return &s, true, nil
	}

	return nil, false, nil
}

// isUnicodeSpace is unicode.isspace() of one character.
func isUnicodeSpace(r rune) bool {
	return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' || r == '\u180e'
}

// GetContentCharset is get_content_charset(); false for None.
func (m *Message) GetContentCharset() (string, bool) {
	v, ok := m.GetParam("charset", "content-type")
	if !ok {
		return "", false
	}

	s := v.Value
	if v.Tuple {
		charset := "us-ascii"
		if v.Charset != nil && *v.Charset != "" {
			charset = *v.Charset
		}

		if u, err := decode(s, charset, "strict"); err == nil && py.IsASCII(u) {
			s = u
		}
	}

	if !py.IsASCII(s) {
		return "", false
	}

	return py.Lower(s), true
}

// GetFilename is Mailman.Message.Message.get_filename(); nil for None.
func (m *Message) GetFilename() Text {
	v, ok := m.GetParam("filename", "content-disposition")
	if !ok {
		if v, ok = m.GetParam("name", "content-type"); !ok {
			return nil
		}
	}

	t, err := collapse(v)
	if err != nil {
		return nil
	}
	if u, ok := t.(pickle.Unicode); ok {
		return pickle.Unicode(strings.TrimFunc(string(u), isUnicodeSpace))
	}

	return py.Strip(t.(string))
}
