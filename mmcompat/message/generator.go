package message

import "time"

// Generator writes a message as email.generator.Generator does.
type Generator struct {
	MangleFrom           bool
	MaxHeaderLen         int              // 0: do not fold
	ChildrenMaxHeaderLen int              // of the parts, as Mailman.Message.Generator has it
	Now                  func() time.Time // for a made-up From_ line; nil if none is asked for
}

// AsString is Mailman.Message.Message.as_string(unixfrom, mangle_from_). As in
// Python, a multipart without a boundary gets one in its Content-Type.
func (m *Message) AsString(unixfrom, mangleFrom bool) (string, error) { panic("not yet") }

// Flatten is Generator.flatten(m, unixfrom).
func (g *Generator) Flatten(m *Message, unixfrom bool) (string, error) { panic("not yet") }
