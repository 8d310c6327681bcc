// Package message is mail as Python 2.7's email package, and Mailman/Message.py
// on top of it, see and write it: what a broken bounce parses into decides what
// the detectors find, so the parser follows email.feedparser line by line and
// not the RFCs.
//
// A Python str is a Go string of bytes; a Python unicode is a pickle.Unicode.
// Where Python would raise an exception a function here returns a *PyError, and
// Mailman would have shunted the entry (or whatever its caller does with it).
package message

import (
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// Text is what Python has as a str (Go: string) or as a unicode
// (pickle.Unicode).
type Text = any

// PyError is an exception that Python's email package, or a codec under it,
// would have raised.
type PyError struct {
	Kind string // the exception class: "RuntimeError", "UnicodeEncodeError", ...
	Text string // str(e)
}

func (e *PyError) Error() string { return e.Kind + ": " + e.Text }

// Class names the Python class of a pickled message.
type Class struct{ Module, Name string }

// MailmanMessage is the class that the queue runners parse messages into.
var MailmanMessage = Class{"Mailman.Message", "Message"}

// Header is one field: Value is a string, a pickle.Unicode or a *HeaderValue
// (email.header.Header); a hostile pickle may have put anything else there.
type Header struct {
	Name  string
	Value any
}

// Message is email.message.Message (and Mailman.Message.Message).
type Message struct {
	Class       Class
	Unixfrom    *string // without its newline; nil is None
	Headers     []Header
	Payload     any // nil, string, pickle.Unicode, []*Message, or another pickle.Value
	Charset     *Charset
	Preamble    *string
	Epilogue    *string
	DefaultType string
	Defects     []Defect
	Extra       []Attr // pickled attributes that no field above holds, in their order
}

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
func New() *Message { return &Message{Class: MailmanMessage, DefaultType: "text/plain"} }

// IsMultipart is is_multipart(): whether the payload is a list.
func (m *Message) IsMultipart() bool { _, ok := m.Payload.([]*Message); return ok }

// Parts is the payload if it is a list, else nil.
func (m *Message) Parts() []*Message { p, _ := m.Payload.([]*Message); return p }

// Get is str(msg[name]) of the first field of that name, in any case; a unicode
// is given as UTF-8.
func (m *Message) Get(name string) (string, bool) {
	v, ok := m.GetValue(name)
	if !ok {
		return "", false
	}
	return valueString(v), true
}

// GetValue is msg[name] as it is stored.
func (m *Message) GetValue(name string) (any, bool) {
	for i := range m.Headers {
		if sameName(m.Headers[i].Name, name) {
			return m.Headers[i].Value, true
		}
	}
	return nil, false
}

// GetAll is get_all(name), each as Get has it; nil if there is none.
func (m *Message) GetAll(name string) []string {
	var all []string
	for i := range m.Headers {
		if sameName(m.Headers[i].Name, name) {
			all = append(all, valueString(m.Headers[i].Value))
		}
	}
	return all
}

// valueString is str(v) of a field's value.
func valueString(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case pickle.Unicode:
		return string(v)
	case *HeaderValue:
		return v.String()
	}
	return ""
}

// Has is name in msg.
func (m *Message) Has(name string) bool {
	_, ok := m.GetValue(name)
	return ok
}

// Set is msg[name] = value: it appends, and leaves other fields of that name
// alone. value is a string, a pickle.Unicode or a *HeaderValue.
func (m *Message) Set(name string, value any) {
	m.Headers = append(m.Headers, Header{name, value})
}

// Del is del msg[name]: all fields of that name.
func (m *Message) Del(name string) {
	m.Headers = slices.DeleteFunc(m.Headers, func(h Header) bool { return sameName(h.Name, name) })
}

// Replace is replace_header: the first field of that name keeps its place and
// case; false where Python raises KeyError.
func (m *Message) Replace(name string, value any) bool {
	for i := range m.Headers {
		if sameName(m.Headers[i].Name, name) {
			m.Headers[i].Value = value
			return true
		}
	}
	return false
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
		return &PyError{"AttributeError", "'str' object has no attribute 'append'"}
	}
	return nil
}
