package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// netscape is Bouncers/Netscape.py: addresses in angle brackets in the first
// plain text that is not the last part.
type netscape struct {
	addr   *pyre.Regexp
	begins *pyre.Set
	lines  *pyre.Set
}

func newNetscape(s *source) detector {
	d := &netscape{addr: s.regexp("acre")}
	d.begins = s.set(asIs, s.regexp("pcre"))
	d.lines = s.set(asIs, d.addr)
	return d
}

func (d *netscape) process(s *scan) (v verdict) {
	if !s.m.IsMultipart() {
		return v
	}
	var plain *message.Message

	// Netscape.py looks at all leaves but the last: that is the original message.
	if leaves := s.leaves(); len(leaves) > 0 {
		for _, part := range leaves[:len(leaves)-1] {
			if part.GetContentType() == "text/plain" {
				plain = part
				break
			}
		}
	}

	if plain == nil || plain.HeaderCount() == 0 { // a message without fields is false
		return v
	}
	text, err := stringIO(plain)
	if err != nil {
		return verdict{err: err}
	}

	// Addresses behind the introduction, unless the line says "reply to".
	h, ok := text.first(d.begins, place{})
	if !ok {
		return v
	}

	text.find(d.lines, h.after(), func(h hit) bool {
		m := d.addr.Search(h.line)
		var reply string
		if reply, v.err = group(m, d.addr, "reply"); v.err == nil && reply == "" {
			return v.add(m, d.addr)
		}
		return v.err == nil
	})

	return v
}
