package message

import "strings"

// Head returns a copy of a message with its header fields only, for callers that keep many messages. It shares no
// memory with the message, except for fields that are Header objects.
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
