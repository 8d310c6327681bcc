package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// microsoft is Bouncers/Microsoft.py: whole lines with an @ in the first part,
// from the transcript on.
type microsoft struct {
	begins *pyre.Set
	at     *pyre.Set
}

func newMicrosoft(s *source) detector {
	return &microsoft{
		begins: s.set(asIs, s.regexp("scre")),
		at:     s.set(asIs, pyre.MustCompile("@", 0)),
	}
}

func (d *microsoft) process(s *scan) (v verdict) {
	if s.m.GetContentType() != "multipart/mixed" {
		return v
	}

	// A multipart/mixed without parts has a str for a payload, which Microsoft.py hands to cStringIO.
	if !s.m.IsMultipart() {
		kind := "str"
		if s.m.Payload == nil {
			kind = "NoneType"
		}
		return raise("TypeError", "Expected list, got <type '"+kind+"'>")
	}

	parts := s.m.Parts()
	if len(parts) == 0 || parts[0].IsMultipart() {
		return v
	}
	text, err := stringIO(parts[0])
	if err != nil {
		return verdict{err: err}
	}

	// All lines with an @ behind the transcript's heading.
	h, ok := text.first(d.begins, place{})
	if !ok {
		return v
	}
	text.find(d.at, h.place, func(h hit) bool {
		return v.append(h.line, nil)
	})
	return v
}
