package detect

import (
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// groupWise is Bouncers/GroupWise.py: addresses in the first plain text, in angle
// brackets or as the first word of a line.
type groupWise struct {
	addr  *pyre.Regexp
	lines *pyre.Set
}

func newGroupWise(s *source) detector {
	d := &groupWise{addr: s.regexp("acre")}
	d.lines = s.set(asIs, d.addr, pyre.MustCompile("@", 0))
	return d
}

func (d *groupWise) process(s *scan) (v verdict) {
	if s.m.GetContentType() != "multipart/mixed" {
		return v
	}
	mailer := get(s.m, "x-mailer")
	if len(mailer) < 3 || !slices.Contains([]string{"nov", "ntm", "int"}, py.Lower(mailer[:3])) {
		return v
	}

	// The first text/plain part has the addresses.
	plain, err := firstPlain(s.m)
	if err != nil || plain == nil {
		return verdict{err: err}
	}
	text, err := stringIO(plain)
	if err != nil {
		return verdict{err: err}
	}

	var addrs addresses
	text.distinct(d.lines, place{}, func(h hit) bool {
		if h.has(0) {
			err = addrs.setGroup(d.addr, h.line)
			return err == nil
		}

		// An address in angle brackets, or else the first word of the line.
		switch i := strings.IndexByte(h.line, ' '); {
		case i > 0:
			err = addrs.set(h.line[:i])
		case i < 0:
			err = addrs.set(h.line)
		}

		return err == nil
	})

	return addrs.verdict(err)
}

// firstPlain is find_textplain. A part without header fields is false in Python, so it is passed over although it was
// found. A payload that is no list has no messages in it; with None the search raises.
func firstPlain(m *message.Message) (*message.Message, error) {
	if m.GetContentType() == "text/plain" {
		if m.HeaderCount() == 0 {
			return nil, nil
		}
		return m, nil
	}

	if m.Payload == nil {
		return nil, &py.Error{Class: "TypeError", Text: "'NoneType' object is not iterable"}
	}
	parts := m.Parts()
	for i, part := range parts {
		if i > 0 && part == parts[i-1] {
			continue // blocks of nothing, see walk
		}
		if found, err := firstPlain(part); found != nil || err != nil {
			return found, err
		}
	}

	return nil, nil
}
