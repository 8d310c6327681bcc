package message

import "strings"

// Head is a copy of a message without what comes after its header fields, for
// those who keep many messages and need only these. It shares no memory with the
// message, except for fields that are Header objects.
func (m *Message) Head() *Message {
	h := &Message{fields: m.fields.clone()}
	if a := m.attrs(); a.class != defaultAttributes.class || a.defaultType != defaultAttributes.defaultType || a.unixfrom != nil {
		own := h.ownAttrs()
		own.class, own.defaultType = a.class, a.defaultType
		if a.unixfrom != nil {
			line := strings.Clone(*a.unixfrom)
			own.unixfrom = &line
		}
	}

	return h
}
