// Package message is mail as Python 2.7's email package, and Mailman/Message.py
// on top of it, see and write it: what a broken bounce parses into decides what
// the detectors find, so the parser follows email.feedparser line by line and
// not the RFCs.
//
// A Python str is a Go string of bytes; a Python unicode is a pickle.Unicode.
// Where Python would raise an exception a function here returns a *PyError, and
// Mailman would have shunted the entry (or whatever its caller does with it).
package message

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

// Get is str(msg[name]) of the first field of that name, in any case.
func (m *Message) Get(name string) (string, bool) { panic("not yet") }

// GetValue is msg[name] as it is stored.
func (m *Message) GetValue(name string) (any, bool) { panic("not yet") }

// GetAll is get_all(name), each as str(); nil if there is none.
func (m *Message) GetAll(name string) []string { panic("not yet") }

// Has is name in msg.
func (m *Message) Has(name string) bool { panic("not yet") }

// Set is msg[name] = value: it appends, and leaves other fields of that name alone.
func (m *Message) Set(name string, value any) { panic("not yet") }

// Del is del msg[name]: all fields of that name.
func (m *Message) Del(name string) { panic("not yet") }

// Replace is replace_header: the first field of that name keeps its place and
// case; false where Python raises KeyError.
func (m *Message) Replace(name string, value any) bool { panic("not yet") }

// Attach is attach(part); an error where the payload is not a list.
func (m *Message) Attach(part *Message) error { panic("not yet") }
