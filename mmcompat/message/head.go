package message

import "strings"

// Head is a copy of a message without what comes after its header fields, for
// those who keep many messages and need only these. It shares no memory with the
// message, except for fields that are Header objects.
func (m *Message) Head() *Message {
	h := &Message{Class: m.Class, DefaultType: m.DefaultType, Headers: make([]Header, len(m.Headers))}
	if m.Unixfrom != nil {
		line := strings.Clone(*m.Unixfrom)
		h.Unixfrom = &line
	}
	for i, f := range m.Headers {
		f.Name = strings.Clone(f.Name)
		if s, ok := f.Value.(string); ok {
			f.Value = strings.Clone(s)
		}
		h.Headers[i] = f
	}
	return h
}
