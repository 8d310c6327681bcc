package message

import (
	"iter"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// GetPayloadString is get_payload(), with the UTF-8 of a unicode; false if it is neither a str nor a unicode.
func (m *Message) GetPayloadString() (string, bool) {
	switch p := m.Payload.(type) {
	case string:
		return p, true
	case pickle.Unicode:
		return string(p), true
	}
	return "", false
}

// GetPayloadDecoded is get_payload(decode=True); false where Python returns None
// (a multipart, or no payload).
func (m *Message) GetPayloadDecoded() (string, bool, error) {
	s, ok := m.GetPayloadString()
	if !ok {
		return "", false, nil
	}
	if u, ok := m.Payload.(pickle.Unicode); ok && !py.IsASCII(string(u)) && m.transferEncoding() != encodingNone {
		// The decoders take bytes only.
		return "", false, py.EncodeASCII(string(u))
	}

	// RFC 2045, 6: decode the transfer encoding. What cannot be decoded is returned as it is, as Python does.
	switch m.transferEncoding() {
	case encodingQP:
		return decodeQP(s), true, nil
	case encodingBase64:
		if d, ok := DecodeBase64(s); ok {
			return d, true, nil
		}
		return s, true, nil // incorrect padding
	case encodingUU:
		d, ok, err := decodeUU(s)
		if err != nil {
			return "", false, err
		}
		if ok {
			return d, true, nil
		}
		return s, true, nil
	}

	return s, true, nil
}

type transferEncoding int

const (
	encodingNone transferEncoding = iota
	encodingQP
	encodingBase64
	encodingUU
)

func (m *Message) transferEncoding() transferEncoding {
	v, ok := m.Get("content-transfer-encoding")
	if !ok {
		return encodingNone
	}

	switch py.Lower(v) {
	case "quoted-printable":
		return encodingQP
	case "base64":
		return encodingBase64
	case "x-uuencode", "uuencode", "uue", "x-uue":
		return encodingUU
	}

	return encodingNone
}

// Walk is walk(): it yields the message and all messages below it, depth first.
func (m *Message) Walk() iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		stack := []*Message{m}
		for len(stack) > 0 {
			m := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !yield(m) {
				return
			}

			parts := m.Parts()
			for i := len(parts) - 1; i >= 0; i-- {
				stack = append(stack, parts[i])
			}
		}
	}
}

// BodyLineIterator is email.iterators.body_line_iterator: it yields lines with their "\n", and ends at an error.
func (m *Message) BodyLineIterator(decode bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for part := range m.Walk() {
			s, ok := part.GetPayloadString()
			if !ok {
				continue
			}

			if decode {
				var err error
				if s, _, err = part.GetPayloadDecoded(); err != nil {
					yield("", err)
					return
				}
			}

			if _, unicode := part.Payload.(pickle.Unicode); unicode && !py.IsASCII(s) {
				yield("", py.EncodeASCII(s)) // StringIO takes bytes only
				return
			}

			// StringIO.readline gives lines with their end.
			for s != "" {
				n := strings.IndexByte(s, '\n') + 1
				if n == 0 {
					n = len(s)
				}

				if !yield(s[:n], nil) {
					return
				}
				s = s[n:]
			}
		}
	}
}

// TypedSubpartIterator is email.iterators.typed_subpart_iterator; subtype "" stands for any.
func (m *Message) TypedSubpartIterator(maintype, subtype string) iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		for part := range m.Walk() {
			main, sub, _ := strings.Cut(part.GetContentType(), "/")
			if main == maintype && (subtype == "" || sub == subtype) && !yield(part) {
				return
			}
		}
	}
}

// Depth returns how deeply messages nest, at least 1.
func (m *Message) Depth() int {
	depth := 1
	type at struct {
		m     *Message
		depth int
	}

	for stack := []at{{m, 1}}; len(stack) > 0; {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		depth = max(depth, top.depth)
		for _, p := range top.m.Parts() {
			stack = append(stack, at{p, top.depth + 1})
		}
	}

	return depth
}
