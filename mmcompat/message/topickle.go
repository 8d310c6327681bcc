package message

import (
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// ToPickle returns the instance that pickles as m does in Python, with its attributes in the order of Python's
// __dict__.
func (m *Message) ToPickle() *pickle.Instance { return (&pickler{}).message(m) }

type pickler struct {
	messages map[*Message]*pickle.Instance
	headers  map[*HeaderValue]*pickle.Instance
	charsets map[*Charset]*pickle.Instance
}

// emailVersion is email.__version__ of Python 2.7, which Mailman's own classes
// keep.
var emailVersion = pickle.NewTuple(pickle.Int(4), pickle.Int(0), pickle.Int(3))

// message makes the instance that Mailman's own queue entries have, for an entry that Python will read.
func (p *pickler) message(m *Message) *pickle.Instance {
	// One message in two places becomes one instance.
	if in, ok := p.messages[m]; ok {
		return in
	}
	a := m.attrs()
	in := pickle.NewOldInstance(a.class.Module, a.class.Name)

	if p.messages == nil {
		p.messages = make(map[*Message]*pickle.Instance)
	}

	// Noted before its parts are made, so that a message inside itself leads back here.
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

	// Mailman.Message sets __version__ on each message it makes or unpickles (__setstate__ looks for it).
	var attrs []Attr
	if a.class.Module == "Mailman.Message" {
		attrs = append(attrs, Attr{"__version__", emailVersion})
	}

	// The attributes, in the order in which email.message.Message.__init__ sets them.
	attrs = append(attrs,
		Attr{"_headers", headers},
		Attr{"_unixfrom", orNone(a.unixfrom)},
		Attr{"_payload", p.payload(m.Payload)},
		Attr{"_charset", p.charset(a.charset)},
		Attr{"preamble", orNone(a.preamble)},
		Attr{"epilogue", orNone(a.epilogue)},
		Attr{"defects", defects},
		Attr{"_default_type", pickle.Str(a.defaultType)})

	// Attributes from elsewhere that were kept when the message was read.
	setAttrs(in, append(attrs, a.extra...))
	return in
}

// setAttrs sets attributes in the order of a __dict__ that was filled with them in turn. Of two with one name the
// later one counts.
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

	// Noted first, as with messages: one header in two places is one object.
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
