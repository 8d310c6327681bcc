package message

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// maxPickled is how deep pickled messages may lie within each other: far beyond
// what Python can pickle, and an end for a message that holds itself.
const maxPickled = 10000

// FromPickle is the message that a pickled instance of any message class holds.
// An attribute that is not what the email package makes it goes into Extra. The
// error says what the instance is, if it is no message at all.
func FromPickle(in *pickle.Instance) (*Message, error) {
	return (&unpickler{}).message(in, 0)
}

// HeaderFromPickle is the email.header.Header that a pickled instance holds.
func HeaderFromPickle(in *pickle.Instance) (*HeaderValue, error) {
	return (&unpickler{}).header(in)
}

// unpickler keeps what was one object in Python one object here.
type unpickler struct {
	messages map[*pickle.Instance]*Message
	headers  map[*pickle.Instance]*HeaderValue
	charsets map[*pickle.Instance]*Charset
}

func (u *unpickler) message(in *pickle.Instance, depth int) (*Message, error) {
	if m, ok := u.messages[in]; ok {
		return m, nil
	}
	if depth > maxPickled {
		return nil, fmt.Errorf("message: had messages within each other beyond a depth of %d", maxPickled)
	}

	state, ok := in.State.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("message: had an instance of %s without attributes, wanted a message", in.Class)
	}
	fields, ok := state.GetStr("_headers")
	list, isList := fields.(*pickle.List)
	if !ok || !isList {
		return nil, fmt.Errorf("message: had an instance of %s without a list of headers, wanted a message", in.Class)
	}

	m := New()
	attrs := m.ownAttrs()
	attrs.class = Class(in.Class)
	headers := make([]Header, 0, len(list.Items))
	for i, item := range list.Items {
		field, ok := py.Items(item)
		if !ok || len(field) != 2 {
			return nil, fmt.Errorf("message: had %T as header %d, wanted a tuple of two", item, i)
		}

		name, ok := fieldName(field[0])
		if !ok {
			return nil, fmt.Errorf("message: had %T as the name of header %d, wanted a str", field[0], i)
		}
		headers = append(headers, Header{name, u.value(field[1])})
	}

	m.setHeaders(headers)
	for k, v := range state.All() {
		name, ok := fieldName(k)
		if !ok {
			return nil, fmt.Errorf("message: had %T as the name of an attribute, wanted a str", k)
		}

		ok, err := u.attr(m, name, v, depth)
		if err != nil {
			return nil, err
		}

		if !ok {
			attrs.extra = append(attrs.extra, Attr{name, v})
		}
	}

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

// attr sets the field that holds an attribute; false if none does.
func (u *unpickler) attr(m *Message, name string, v pickle.Value, depth int) (bool, error) {
	attrs := m.ownAttrs()
	switch name {
	case "_headers", "__version__":
		return true, nil
	case "_unixfrom":
		return optional(&attrs.unixfrom, v), nil
	case "preamble":
		return optional(&attrs.preamble, v), nil
	case "epilogue":
		return optional(&attrs.epilogue, v), nil
	case "_default_type":
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
					return true, nil // no list of messages: stays as it is
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

// value is a header's value; what is no str, unicode or Header stays as it is.
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

func (u *unpickler) header(in *pickle.Instance) (*HeaderValue, error) {
	if h, ok := u.headers[in]; ok {
		return h, nil
	}
	fail := func(what string) (*HeaderValue, error) {
		return nil, fmt.Errorf("message: had an instance of %s without %s, wanted an email.header.Header", in.Class, what)
	}
	h := &HeaderValue{}
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

	v, _ = in.Attr("_charset")
	if in, ok := v.(*pickle.Instance); ok {
		h.Charset, _ = u.charset(in)
	}

	if h.Charset == nil {
		return fail("a charset")
	}
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

// ToPickle is the instance that pickles as m does in Python, its attributes in
// the order of Python's __dict__.
func (m *Message) ToPickle() *pickle.Instance { return (&pickler{}).message(m) }

type pickler struct {
	messages map[*Message]*pickle.Instance
	headers  map[*HeaderValue]*pickle.Instance
	charsets map[*Charset]*pickle.Instance
}

// emailVersion is email.__version__ of Python 2.7, which Mailman's own classes
// keep.
var emailVersion = pickle.NewTuple(pickle.Int(4), pickle.Int(0), pickle.Int(3))

func (p *pickler) message(m *Message) *pickle.Instance {
	if in, ok := p.messages[m]; ok {
		return in
	}
	a := m.attrs()
	in := pickle.NewOldInstance(a.class.Module, a.class.Name)

	if p.messages == nil {
		p.messages = make(map[*Message]*pickle.Instance)
	}

	p.messages[m] = in
	headers := pickle.NewList()
	for h := range m.Headers() {
		headers.Items = append(headers.Items, pickle.NewTuple(pickle.Str(h.Name), p.value(h.Value)))
	}
	defects := pickle.NewList()
	for _, d := range m.Defects() {
		di := pickle.NewOldInstance("email.errors", d.Class)
		di.SetAttr("line", nil)
		if d.HasLine {
			di.SetAttr("line", pickle.Str(d.Line))
		}
		defects.Items = append(defects.Items, di)
	}

	var attrs []Attr
	if a.class.Module == "Mailman.Message" {
		attrs = append(attrs, Attr{"__version__", emailVersion})
	}

	attrs = append(attrs,
		Attr{"_headers", headers},
		Attr{"_unixfrom", orNone(a.unixfrom)},
		Attr{"_payload", p.payload(m.Payload)},
		Attr{"_charset", p.charset(a.charset)},
		Attr{"preamble", orNone(a.preamble)},
		Attr{"epilogue", orNone(a.epilogue)},
		Attr{"defects", defects},
		Attr{"_default_type", pickle.Str(a.defaultType)})

	setAttrs(in, append(attrs, a.extra...))
	return in
}

// setAttrs sets attributes in the order of a __dict__ that they were put into
// one after the other; of two with one name the later one counts.
func setAttrs(in *pickle.Instance, attrs []Attr) {
	values := make(map[string]pickle.Value, len(attrs))
	names := make([]string, 0, len(attrs))
	for _, a := range attrs {
		if _, ok := values[a.Name]; !ok {
			names = append(names, a.Name)
		}
		values[a.Name] = a.Value
	}

	for _, name := range py.DictOrder(names) {
		in.SetAttr(name, values[name])
	}
}

func orNone(s *string) pickle.Value {
	if s == nil {
		return nil
	}
	return pickle.Str(*s)
}

func (p *pickler) payload(v any) pickle.Value {
	switch v := v.(type) {
	case string:
		return pickle.Str(v)
	case []*Message:
		list := pickle.NewList()
		for _, m := range v {
			list.Items = append(list.Items, p.message(m))
		}
		return list
	}

	return v
}

func (p *pickler) value(v any) pickle.Value {
	switch v := v.(type) {
	case string:
		return pickle.Str(v)
	case *HeaderValue:
		return p.header(v)
	}
	return v
}

func (p *pickler) header(h *HeaderValue) *pickle.Instance {
	if in, ok := p.headers[h]; ok {
		return in
	}
	in := pickle.NewOldInstance("email.header", "Header")

	if p.headers == nil {
		p.headers = make(map[*HeaderValue]*pickle.Instance)
	}

	p.headers[h] = in
	chunks := pickle.NewList()
	for _, c := range h.Chunks {
		chunks.Items = append(chunks.Items, pickle.NewTuple(pickle.Str(c.S), p.charset(c.Charset)))
	}

	setAttrs(in, []Attr{
		{"_charset", p.charset(h.Charset)},
		{"_continuation_ws", pickle.Str(h.ContinuationWS)},
		{"_chunks", chunks},
		{"_firstlinelen", pickle.Int(h.FirstLineLen)},
		{"_maxlinelen", pickle.Int(h.MaxLineLen)},
	})

	return in
}

func (p *pickler) charset(c *Charset) pickle.Value {
	if c == nil {
		return nil
	}
	if in, ok := p.charsets[c]; ok {
		return in
	}

	in := pickle.NewOldInstance("email.charset", "Charset")
	if p.charsets == nil {
		p.charsets = make(map[*Charset]*pickle.Instance)
	}

	p.charsets[c] = in
	str := func(s string) pickle.Value {
		if s == "" {
			return nil
		}
		return pickle.Str(s)
	}

	encoding := func(e Encoding) pickle.Value {
		if e == None {
			return nil
		}
		return pickle.Int(e)
	}

	setAttrs(in, []Attr{
		{"input_charset", pickle.Str(c.InputCharset)},
		{"header_encoding", encoding(c.HeaderEncoding)},
		{"body_encoding", encoding(c.BodyEncoding)},
		{"output_charset", str(c.OutputCharset)},
		{"input_codec", str(c.InputCodec)},
		{"output_codec", str(c.OutputCodec)},
	})

	return in
}
