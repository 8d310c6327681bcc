package message

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// maxPickled is how deeply pickled messages may nest: far deeper than Python can pickle, and an end for a message
// inside itself.
const maxPickled = 10000

// FromPickle returns the message of a pickled instance of any message class. An attribute that differs from what the
// email package makes goes into Extra. The error is for an instance that is no message, and says what it is.
func FromPickle(in *pickle.Instance) (*Message, error) {
	return (&unpickler{}).message(in, 0)
}

// HeaderFromPickle returns the email.header.Header of a pickled instance.
func HeaderFromPickle(in *pickle.Instance) (*HeaderValue, error) {
	return (&unpickler{}).header(in)
}

// unpickler makes one object here of one object in Python.
type unpickler struct {
	messages map[*pickle.Instance]*Message
	headers  map[*pickle.Instance]*HeaderValue
	charsets map[*pickle.Instance]*Charset
}

// message makes a Message of an instance of email.message.Message or Mailman.Message.Message. An instance that a
// program gave other attributes keeps them; one that lacks the headers is an error.
func (u *unpickler) message(in *pickle.Instance, depth int) (*Message, error) {
	// A message that is pickled twice stays one object.
	if m, ok := u.messages[in]; ok {
		return m, nil
	}
	if depth > maxPickled {
		return nil, fmt.Errorf("message: had messages within each other beyond a depth of %d", maxPickled)
	}

	// Old-style instances have their attributes as a dict; _headers is a list of pairs.
	state, ok := in.State.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("message: got an instance of %s without attributes, need a message", in.Class)
	}
	fields, ok := state.GetStr("_headers")
	list, isList := fields.(*pickle.List)
	if !ok || !isList {
		return nil, fmt.Errorf("message: got an instance of %s without a list of headers, need a message", in.Class)
	}

	m := New()
	attrs := m.ownAttrs()
	attrs.class = Class(in.Class)
	headers := make([]Header, 0, len(list.Items))
	for i, item := range list.Items {
		field, ok := py.Items(item)
		if !ok || len(field) != 2 {
			return nil, fmt.Errorf("message: got %T as header %d, need a tuple of two", item, i)
		}

		name, ok := fieldName(field[0])
		if !ok {
			return nil, fmt.Errorf("message: got %T as the name of header %d, need a str", field[0], i)
		}
		headers = append(headers, Header{name, u.value(field[1])})
	}

	// Attributes that this package knows go into its fields, and any others are kept to be written again.
	m.setHeaders(headers)
	for k, v := range state.All() {
		name, ok := fieldName(k)
		if !ok {
			return nil, fmt.Errorf("message: got %T as the name of an attribute, need a str", k)
		}

		ok, err := u.attr(m, name, v, depth)
		if err != nil {
			return nil, err
		}

		if !ok {
			attrs.extra = append(attrs.extra, Attr{name, v})
		}
	}

	// Noted only when complete, so that an instance inside itself ends at maxPickled and not in a half-made message.
	if u.messages == nil {
		u.messages = make(map[*pickle.Instance]*Message)
	}

	u.messages[in] = m
	return m, nil
}

// fieldName is a str, or the str that a unicode is equal to.
func fieldName(v pickle.Value) (string, bool) {
	s, ok := py.StringOf(v)
	if _, unicode := v.(pickle.Unicode); unicode {
		ok = py.IsASCII(s)
	}
	return s, ok
}

// attr sets the field that holds an attribute. It returns false for an attribute that no field holds.
func (u *unpickler) attr(m *Message, name string, v pickle.Value, depth int) (bool, error) {
	attrs := m.ownAttrs()
	switch name {
	// _headers was read by message, and __version__ says which release of the class wrote the pickle.
	case "_headers", "__version__":
		return true, nil
	case "_unixfrom":
		return optional(&attrs.unixfrom, v), nil
	case "preamble":
		return optional(&attrs.preamble, v), nil
	case "epilogue":
		return optional(&attrs.epilogue, v), nil
	case "_default_type":
		// A default type, charset or list of defects of an odd kind is not converted: it is kept as the attribute it is.
		s, ok := v.(pickle.Str)
		if ok {
			attrs.defaultType = string(s)
		}
		return ok, nil
	case "_charset":
		in, ok := v.(*pickle.Instance)
		if ok {
			attrs.charset, ok = u.charset(in)
		}
		return ok || v == nil, nil
	case "defects":
		var ok bool
		attrs.defects, ok = defects(v)
		return ok, nil
	// A str, a list of messages, or anything else as it is.
	case "_payload":
		m.Payload = v
		switch v := v.(type) {
		case pickle.Str:
			m.Payload = string(v)
		case *pickle.List:
			parts := make([]*Message, 0, len(v.Items))
			for _, item := range v.Items {
				in, ok := item.(*pickle.Instance)
				if !ok {
					// A list with other things than messages stays as it is.
					return true, nil
				}

				part, err := u.message(in, depth+1)
				if err != nil {
					return false, err
				}
				parts = append(parts, part)
			}

			m.Payload = parts
		}

		return true, nil
	}

	return false, nil
}

// optional sets *p to a str or None.
func optional(p **string, v pickle.Value) bool {
	s, ok := v.(pickle.Str)
	if ok {
		*p = (*string)(&s)
	}
	return ok || v == nil
}

func defects(v pickle.Value) ([]Defect, bool) {
	list, ok := v.(*pickle.List)
	if !ok {
		return nil, false
	}

	var all []Defect
	for _, item := range list.Items {
		in, ok := item.(*pickle.Instance)
		if !ok {
			return nil, false
		}

		d := Defect{Class: in.Class.Name}
		if v, _ := in.Attr("line"); v != nil {
			s, ok := v.(pickle.Str)
			if !ok {
				return nil, false
			}
			d.Line, d.HasLine = string(s), true
		}

		all = append(all, d)
	}

	return all, true
}

// value returns a header's value. A value that is no str, unicode or Header stays as it is.
func (u *unpickler) value(v pickle.Value) any {
	switch v := v.(type) {
	case pickle.Str:
		return string(v)
	case *pickle.Instance:
		if h, err := u.header(v); err == nil {
			return h
		}
	}

	return v
}

// header makes a HeaderValue of an instance of email.header.Header, which Mailman leaves in a message that it has
// changed (CookHeaders sets the subject so).
func (u *unpickler) header(in *pickle.Instance) (*HeaderValue, error) {
	// A header that is pickled twice stays one object.
	if h, ok := u.headers[in]; ok {
		return h, nil
	}
	fail := func(what string) (*HeaderValue, error) {
		return nil, fmt.Errorf("message: got an instance of %s without %s, need an email.header.Header", in.Class, what)
	}
	h := &HeaderValue{}
	// The chunks: pairs of a str and its charset.
	v, _ := in.Attr("_chunks")
	chunks, ok := v.(*pickle.List)
	if !ok {
		return fail("chunks")
	}

	for _, item := range chunks.Items {
		t, ok := item.(*pickle.Tuple)
		if !ok || len(t.Items) != 2 {
			return fail("chunks of text and charset")
		}

		s, isStr := t.Items[0].(pickle.Str)
		in, isInstance := t.Items[1].(*pickle.Instance)
		if !isStr || !isInstance {
			return fail("chunks of text and charset")
		}

		c, ok := u.charset(in)
		if !ok {
			return fail("known charsets")
		}
		h.Chunks = append(h.Chunks, Chunk{string(s), c})
	}

	// The header's own charset, for what is appended later.
	v, _ = in.Attr("_charset")
	if in, ok := v.(*pickle.Instance); ok {
		h.Charset, _ = u.charset(in)
	}

	if h.Charset == nil {
		return fail("a charset")
	}

	// How the field is folded.
	v, _ = in.Attr("_continuation_ws")
	ws, okWS := v.(pickle.Str)
	v, _ = in.Attr("_firstlinelen")
	first, okFirst := v.(pickle.Int)
	v, _ = in.Attr("_maxlinelen")
	rest, okRest := v.(pickle.Int)
	if !okWS || !okFirst || !okRest {
		return fail("line lengths")
	}

	h.ContinuationWS, h.FirstLineLen, h.MaxLineLen = string(ws), int(first), int(rest)
	if u.headers == nil {
		u.headers = make(map[*pickle.Instance]*HeaderValue)
	}

	u.headers[in] = h
	return h, nil
}

func (u *unpickler) charset(in *pickle.Instance) (*Charset, bool) {
	if c, ok := u.charsets[in]; ok {
		return c, true
	}

	// Attributes of other types make the instance stay as it is.
	good := true
	str := func(name string) string {
		v, _ := in.Attr(name)
		s, ok := v.(pickle.Str)
		good = good && (ok || v == nil)
		return string(s)
	}

	encoding := func(name string) Encoding {
		v, _ := in.Attr(name)
		n, ok := v.(pickle.Int)
		good = good && (ok || v == nil) && None <= Encoding(n) && Encoding(n) <= Shortest
		return Encoding(n)
	}

	c := &Charset{
		InputCharset:   str("input_charset"),
		HeaderEncoding: encoding("header_encoding"),
		BodyEncoding:   encoding("body_encoding"),
		OutputCharset:  str("output_charset"),
		InputCodec:     str("input_codec"),
		OutputCodec:    str("output_codec"),
	}

	if !good || c.InputCharset == "" {
		return nil, false
	}

	if u.charsets == nil {
		u.charsets = make(map[*pickle.Instance]*Charset)
	}

	u.charsets[in] = c
	return c, true
}
