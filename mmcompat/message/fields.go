package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Header is one field: Value is a string, a pickle.Unicode or a *HeaderValue
// (email.header.Header); a hostile pickle may have put anything else there.
type Header struct {
	Name  string
	Value any
}

// Text is str() of the value, or the UTF-8 of a unicode.
func (h Header) Text() string {
	switch v := h.Value.(type) {
	case string:
		return v
	case pickle.Unicode:
		return string(v)
	case *HeaderValue:
		return v.String()
	}

	return ""
}

// textSpan is a place in a message's text. It needs half the memory of a string: a hostile message may have a field
// for each three bytes of its text.
type textSpan struct{ start, end uint32 }

// fields are the header fields of a message. Those of a parsed message are places in its text, each from the name to
// the end of the last line. After a change own has all fields instead.
type fields struct {
	text  string
	spans []textSpan
	own   []Header
}

func (f *fields) len() int {
	if f == nil {
		return 0
	}
	return len(f.spans) + len(f.own)
}

// find returns the number of the first field at or after from with that name, in any case, or -1.
func (f *fields) find(name string, from int) int {
	if f == nil {
		return -1
	}

	for i := from; i < len(f.spans); i++ {
		colon := int(f.spans[i].start) + len(name)
		if colon < int(f.spans[i].end) && f.text[colon] == ':' && py.EqualFold(f.text[f.spans[i].start:colon], name) &&
			strings.IndexByte(name, ':') < 0 {
			return i
		}
	}

	for i := from; i < len(f.own); i++ {
		if py.EqualFold(f.own[i].Name, name) {
			return i
		}
	}

	return -1
}

// at returns field number i.
func (f *fields) at(i int) Header {
	if len(f.spans) == 0 {
		return f.own[i]
	}
	name, value := f.parsed(i)
	return Header{name, value}
}

// value returns str() of the value of field number i.
func (f *fields) value(i int) string {
	if len(f.spans) == 0 {
		return f.own[i].Text()
	}
	_, value := f.parsed(i)
	return value
}

// parsed reads field number i as FeedParser._parse_headers does: without the whitespace before the value in the first
// line, and without the last line ending.
func (f *fields) parsed(i int) (name, value string) {
	name, value, _ = strings.Cut(f.text[f.spans[i].start:f.spans[i].end], ":")
	for value != "" && py.IsSpace(value[0]) {
		if value[0] == '\n' || value[0] == '\r' {
			// The first line ends here. A continuation line keeps its whitespace.
			value = strings.TrimPrefix(value[1:], crlfRest(value))
			break
		}
		value = value[1:]
	}

	// A loop, since strings.TrimRight makes a set of its letters each time, for thousands of fields.
	end := len(value)
	for end > 0 && (value[end-1] == '\n' || value[end-1] == '\r') {
		end--
	}

	return name, value[:end]
}

// crlfRest returns the line ending at the beginning of s without its first byte.
func crlfRest(s string) string {
	if strings.HasPrefix(s, "\r\n") {
		return "\n"
	}
	return ""
}

// ownHeaders returns the fields as a list that may be changed.
func (m *Message) ownHeaders() []Header {
	f := m.fields
	if f == nil {
		return nil
	}

	if len(f.spans) > 0 {
		own := make([]Header, 0, len(f.spans)+4)
		for i := range f.spans {
			own = append(own, f.at(i))
		}
		m.fields = &fields{own: own}
	}

	return m.fields.own
}

func (m *Message) setHeaders(own []Header) { m.fields = &fields{own: own} }

// clone returns a copy of the fields that shares no text with them, except for fields that are Header objects.
func (f *fields) clone() *fields {
	if f == nil {
		return nil
	}
	c := &fields{}

	if n := len(f.spans); n > 0 {
		first, last := f.spans[0].start, f.spans[n-1].end
		c.text = strings.Clone(f.text[first:last])
		c.spans = make([]textSpan, n)
		for i, s := range f.spans {
			c.spans[i] = textSpan{s.start - first, s.end - first}
		}
	}

	for _, h := range f.own {
		h.Name = strings.Clone(h.Name)
		if s, ok := h.Value.(string); ok {
			h.Value = strings.Clone(s)
		}
		c.own = append(c.own, h)
	}

	return c
}

// badLines are lines among the header fields that are not fields. Consecutive lines are one place in the text.
type badLines struct {
	text  string
	spans []textSpan
}

// defects returns the lines as instances of email.errors' class.
func (l badLines) defects() []Defect {
	var all []Defect
	for _, s := range l.spans {
		for _, line := range py.SplitLines(l.text[s.start:s.end], true) {
			class := "MalformedHeaderDefect"
			switch {
			case line[0] == ' ' || line[0] == '\t':
				class = "FirstHeaderLineIsContinuationDefect"
			case strings.HasPrefix(line, "From "):
				class = "MisplacedEnvelopeHeaderDefect"
			}

			all = append(all, Defect{Class: class, Line: line, HasLine: true})
		}
	}

	return all
}
