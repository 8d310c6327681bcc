// Package message is mail as Python 2.7's email package, and Mailman/Message.py on top of it, read and write it. What
// a broken bounce is parsed into decides what the detectors find, so the parser follows email.feedparser line by line
// and not the RFCs.
//
// A Python str is a Go string of bytes; a Python unicode is a pickle.Unicode. Where Python would raise an exception a
// function here returns a *py.Error; Mailman would shunt the entry, unless its caller catches the exception.
package message

import (
	"iter"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Text is a Python str (Go: string) or unicode
// (pickle.Unicode).
type Text = py.Text

// Class names the Python class of a pickled message.
type Class struct{ Module, Name string }

// mailmanMessage is the class that the queue runners parse messages into.
var mailmanMessage = Class{"Mailman.Message", "Message"}

// Message is email.message.Message (and Mailman.Message.Message). Its header fields are only reachable by methods: a
// parsed message keeps them as places in its text. The zero Message is a Mailman.Message.Message without fields or
// payload.
type Message struct {
	Payload any // nil, string, pickle.Unicode, []*Message, or another pickle.Value

	fields *fields     // nil: none
	more   *attributes // nil: the values of New
}

// attributes are the attributes that have their default values in most parts of a parsed message.
type attributes struct {
	class       Class
	unixfrom    *string
	charset     *Charset
	preamble    *string
	epilogue    *string
	defaultType string
	badLines    badLines // come before the other defects
	defects     []Defect
	extra       []Attr
}

var defaultAttributes = attributes{class: mailmanMessage, defaultType: "text/plain"}

// Attr is a named attribute of a pickled object.
type Attr struct {
	Name  string
	Value any // pickle.Value
}

// Defect is an instance of one of email.errors' defect classes.
type Defect struct {
	Class   string // "StartBoundaryNotFoundDefect", ...
	Line    string
	HasLine bool // false: line is None
}

// New is Mailman.Message.Message().
func New() *Message { return &Message{} }

// attrs returns the message's attributes for reading.
func (m *Message) attrs() *attributes {
	if m.more == nil {
		return &defaultAttributes
	}
	return m.more
}

// ownAttrs returns the message's attributes for changing.
func (m *Message) ownAttrs() *attributes {
	if m.more == nil {
		own := defaultAttributes
		m.more = &own
	}
	return m.more
}

// Unixfrom is get_unixfrom(): the From_ line without its newline; nil is None.
func (m *Message) Unixfrom() *string { return m.attrs().unixfrom }

// Preamble is the text between a multipart's fields and its first boundary; nil
// is None.
func (m *Message) Preamble() *string { return m.attrs().preamble }

// Epilogue is the text behind a multipart's last boundary; nil is None.
func (m *Message) Epilogue() *string { return m.attrs().epilogue }

// DefaultType is get_default_type().
func (m *Message) DefaultType() string { return m.attrs().defaultType }

// Defects are the defects that the parser has found.
func (m *Message) Defects() []Defect {
	a := m.attrs()
	return append(a.badLines.defects(), a.defects...)
}

// IsMultipart is is_multipart(): whether the payload is a list.
func (m *Message) IsMultipart() bool { _, ok := m.Payload.([]*Message); return ok }

// Parts is the payload if it is a list, else nil.
func (m *Message) Parts() []*Message { p, _ := m.Payload.([]*Message); return p }

// Get is str(msg[name]) for the first field of that name, in any case, or the UTF-8 of a unicode.
func (m *Message) Get(name string) (string, bool) {
	i := m.fields.find(name, 0)
	if i < 0 {
		return "", false
	}
	return m.fields.value(i), true
}

// GetValue is msg[name] as it is stored.
func (m *Message) GetValue(name string) (any, bool) {
	i := m.fields.find(name, 0)
	if i < 0 {
		return nil, false
	}
	return m.fields.at(i).Value, true
}

// GetAll is get_all(name), with values as in Get, or nil.
func (m *Message) GetAll(name string) []string {
	var all []string
	for i := m.fields.find(name, 0); i >= 0; i = m.fields.find(name, i+1) {
		all = append(all, m.fields.value(i))
	}
	return all
}

// Has is name in msg.
func (m *Message) Has(name string) bool { return m.fields.find(name, 0) >= 0 }

// Headers are the header fields in their order.
func (m *Message) Headers() iter.Seq[Header] {
	return func(yield func(Header) bool) {
		for i := range m.fields.len() {
			if !yield(m.fields.at(i)) {
				return
			}
		}
	}
}

// HeaderCount is len(msg): the number of header fields. A message without fields is false in Python.
func (m *Message) HeaderCount() int { return m.fields.len() }

// Set is msg[name] = value: it appends, and leaves other fields of that name
// alone. value is a string, a pickle.Unicode or a *HeaderValue.
func (m *Message) Set(name string, value any) {
	m.setHeaders(append(m.ownHeaders(), Header{name, value}))
}

// Del is del msg[name]: all fields of that name.
func (m *Message) Del(name string) {
	if m.Has(name) {
		m.setHeaders(slices.DeleteFunc(m.ownHeaders(), func(h Header) bool { return py.EqualFold(h.Name, name) }))
	}
}

// Replace is replace_header: the first field of that name gets another value, and keeps its place and case. It
// returns false where Python raises KeyError.
func (m *Message) Replace(name string, value any) bool {
	i := m.fields.find(name, 0)
	if i >= 0 {
		m.ownHeaders()[i].Value = value
	}
	return i >= 0
}

// WithHeaders returns a copy of the message with header fields that change has made of the old ones. The copies share
// payload and other attributes.
func (m *Message) WithHeaders(change func(Header) (Header, error)) (*Message, error) {
	own := make([]Header, 0, m.HeaderCount())
	for h := range m.Headers() {
		h, err := change(h)
		if err != nil {
			return nil, err
		}
		own = append(own, h)
	}

	return &Message{Payload: m.Payload, fields: &fields{own: own}, more: m.more}, nil
}

// AddHeader is add_header: value and then the parameters in the order given
// (Python's order is that of its keyword dictionary).
func (m *Message) AddHeader(name, value string, params ...Param) {
	parts := make([]string, 0, 1+len(params))
	parts = append(parts, value)
	for _, p := range params {
		parts = append(parts, formatParam(strings.ReplaceAll(p.Name, "_", "-"), p.Value))
	}
	m.Set(name, strings.Join(parts, "; "))
}

// Attach is attach(part): the payload becomes a list, or grows by one.
func (m *Message) Attach(part *Message) error {
	switch p := m.Payload.(type) {
	case nil:
		m.Payload = []*Message{part}
	case []*Message:
		m.Payload = append(p, part)
	default:
		return &py.Error{Class: "AttributeError", Text: "'str' object has no attribute 'append'"}
	}

	return nil
}
