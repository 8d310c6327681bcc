package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// GetContentType is get_content_type(): lower case, "text/plain" if malformed.
func (m *Message) GetContentType() string {
	v, ok := m.Get("content-type")
	if !ok {
		return m.DefaultType()
	}

	v, _, _ = strings.Cut(v, ";")
	v = py.Lower(py.Strip(v))
	if strings.Count(v, "/") != 1 {
		return "text/plain"
	}
	return v
}

// GetContentMaintype is get_content_maintype().
func (m *Message) GetContentMaintype() string { return maintype(m.GetContentType()) }

// GetContentSubtype is get_content_subtype().
func (m *Message) GetContentSubtype() string {
	_, sub, _ := strings.Cut(m.GetContentType(), "/")
	return sub
}

func maintype(ctype string) string {
	main, _, _ := strings.Cut(ctype, "/")
	return main
}
