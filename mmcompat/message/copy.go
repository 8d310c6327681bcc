package message

// Copy is copy.deepcopy(msg): a change to one message does not change the other. They share header objects and other
// pickled values, which this package never changes.
func (m *Message) Copy() *Message {
	c := &Message{Payload: m.Payload, fields: m.fields}
	if m.fields != nil && len(m.fields.spans) == 0 {
		c.setHeaders(append([]Header(nil), m.fields.own...))
	}

	if m.more != nil {
		own := *m.more
		c.more = &own
	}

	if parts := m.Parts(); parts != nil {
		copies := make([]*Message, len(parts))
		for i, part := range parts {
			copies[i] = part.Copy()
		}
		c.Payload = copies
	}

	return c
}

// Inner is a new message around the same payload, of which Handlers/Decorate.py makes a part when it wraps a message.
// It has m's From_ line, preamble, epilogue and default type, and the header fields whose names keep accepts.
func (m *Message) Inner(keep func(name string) bool) *Message {
	inner := &Message{Payload: m.Payload}
	for h := range m.Headers() {
		if keep(h.Name) {
			inner.Set(h.Name, h.Value)
		}
	}

	from, to := m.attrs(), inner.ownAttrs()
	to.unixfrom, to.preamble, to.epilogue, to.defaultType = from.unixfrom, from.preamble, from.epilogue, from.defaultType
	return inner
}
