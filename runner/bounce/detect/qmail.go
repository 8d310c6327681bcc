package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// qmail is Bouncers/Qmail.py, for the format of http://cr.yp.to/proto/qsbmf.txt: an introduction, and then paragraphs
// that begin with a recipient, up to a line that begins with a dash.
type qmail struct {
	intros []string
	addr   *pyre.Regexp
	begins []tag
	empty  *pyre.Set
	lines  *pyre.Set
}

func newQmail(s *source) detector {
	d := &qmail{intros: s.strings("introtags"), addr: s.regexp("acre")}
	for _, intro := range d.intros {
		d.begins = append(d.begins, s.tag(pyre.MustCompile(pyre.Escape(intro), 0), stripped))
	}

	if s.err == nil {
		d.empty = s.set(asIs, pyre.MustCompile(`^\s*$`, 0))
		d.lines = s.set(stripped, pyre.MustCompile("-", 0), d.addr)
	}

	return d
}

func (d *qmail) process(s *scan) (v verdict) {
	from, ok := d.introduction(s)
	if !ok {
		return v
	}

	end, ok := s.rawBody().first(d.empty, from)
	if !ok {
		return v
	}

	s.rawBody().find(d.lines, end.after(), func(h hit) bool {
		line := py.Strip(h.line)
		if strings.HasPrefix(line, "-") {
			return false
		}
		if m := d.addr.Match(line); m != nil {
			return v.add(m, d.addr)
		}
		return true
	})

	return v
}

// introduction returns where the line after an introduction's first line begins.
func (d *qmail) introduction(s *scan) (after place, ok bool) {
	var first hit
	for i, t := range d.begins {
		h, found := s.rawTag(t)
		// The candidate is the line, unless a tag ends in white space.
		for found && !strings.HasPrefix(py.Strip(h.line), d.intros[i]) {
			found = false
			s.rawBody().each(h.after(), func(next hit) bool {
				h, found = next, strings.HasPrefix(py.Strip(next.line), d.intros[i])
				return !found
			})
		}

		if found && (!ok || h.compare(first.place) < 0) {
			first, ok = h, true
		}
	}

	return first.after(), ok
}
