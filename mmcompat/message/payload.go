package message

import "iter"

// GetPayloadString is get_payload(); false if it is not a str or unicode (whose
// UTF-8 is given).
func (m *Message) GetPayloadString() (string, bool) { panic("not yet") }

// GetPayloadDecoded is get_payload(decode=True); false where Python returns None
// (a multipart, or no payload).
func (m *Message) GetPayloadDecoded() (string, bool, error) { panic("not yet") }

// Walk is walk(): the message and all below it, depth first.
func (m *Message) Walk() iter.Seq[*Message] { panic("not yet") }

// BodyLineIterator is email.iterators.body_line_iterator: lines with their "\n".
// After an error there is nothing more.
func (m *Message) BodyLineIterator(decode bool) iter.Seq2[string, error] { panic("not yet") }

// TypedSubpartIterator is email.iterators.typed_subpart_iterator; subtype "" is
// any.
func (m *Message) TypedSubpartIterator(maintype, subtype string) iter.Seq[*Message] {
	panic("not yet")
}

// Depth is how many messages lie within each other at the deepest place, at
// least 1. Python's walk() fails beyond MaxDepth.
func (m *Message) Depth() int { panic("not yet") }
