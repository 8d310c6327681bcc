package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/pyre"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// postfix is Bouncers/Postfix.py: in the first plain text whose description says notification, recipients follow a
// salutation.
type postfix struct {
	salutations []*pyre.Regexp
	addr        *pyre.Regexp
	begins      *pyre.Set
	lines       *pyre.Set
}

func newPostfix(s *source) detector {
	d := &postfix{
		salutations: []*pyre.Regexp{s.regexp("pcre"), s.regexp("rcre")},
		addr:        s.regexp("acre"),
	}
	d.begins = s.set(stripped, d.salutations...)
	d.lines = s.set(relaxed, d.addr)
	return d
}

func (d *postfix) process(s *scan) (v verdict) {
	if t := s.m.GetContentType(); t != "multipart/mixed" && t != "multipart/report" {
		return v
	}

	for _, part := range s.leaves() {
		if part.GetContentType() == "text/plain" && py.Lower(get(part, "content-description")) == "notification" {
			text, err := stringIO(part)
			if err != nil {
				return verdict{err: err}
			}
			return d.addresses(text)
		}
	}

	return v
}

func (d *postfix) addresses(text body) (v verdict) {
	// A line with one of the salutations, and addresses in the lines behind it.
	var from *place
	text.find(d.begins, place{}, func(h hit) bool {
		line := py.RStrip(h.line)
		for _, re := range d.salutations {
			if re.Match(line) != nil {
				after := h.after()
				from = &after
				return false
			}
		}

		return true
	})

	if from == nil {
		return v
	}

	text.find(d.lines, *from, func(h hit) bool {
		line := py.RStrip(h.line)
		if line == "" {
			return true
		}
		if m := d.addr.Search(line); m != nil {
			return v.add(m, d.addr)
		}
		return true
	})

	return v
}
