package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// aol is Bouncers/AOL.py: a line announces recipients, and screen names follow, one in each line, up to a line of
// more than one word.
type aol struct {
	intro   *pyre.Regexp
	space   *pyre.Regexp // more than one word
	at      *pyre.Regexp // a whole address instead of a screen name
	perhaps *pyre.Set
	blank   bool // intro is found in a blank line
}

func newAOL(s *source) detector {
	d := &aol{
		intro: s.regexp("scre"),
		space: s.regexp("process:0"),
		at:    s.regexp("process:1"),
	}
	d.perhaps = s.set(relaxed, d.intro)
	d.blank = s.err == nil && d.intro.Find(pythonSpace)
	return d
}

// process is Bouncers/AOL.py: a text/plain message from aol.com with a line that announces recipients, and under it
// their names.
func (d *aol) process(s *scan) verdict {
	// Only AOL's own reports have this form.
	if s.m.GetContentType() != "text/plain" {
		return verdict{}
	}
	from, err := message.ParseAddr(get(s.m, "from"))
	if err != nil {
		return verdict{err: err}
	}
	if !strings.HasSuffix(py.Lower(from.Addr), "@aol.com") {
		return verdict{}
	}

	text, ok, err := s.m.GetPayloadDecoded()
	if err != nil {
		return verdict{err: err}
	}
	if !ok {
		return raise("AttributeError", "'NoneType' object has no attribute 'splitlines'")
	}

	// d.perhaps searches lines that end in LF. splitlines() ends a line at CR too, so a hit only tells in which stretch
	// of text the announcement may be.
	h, ok := body{text}.first(d.perhaps, place{})
	if !ok {
		return verdict{}
	}

	// The lines one by one: the announcement, then recipients, until a line with a blank inside.
	var v verdict
	found := false
	for at := h.at; at < len(text); {
		line, next := lineAt(text, at)
		// Behind a line that was only perhaps the announcement, look for the next one.
		if ok && at >= h.after().at {
			h, ok = body{text}.first(d.perhaps, place{at: at})
		}

		switch local := py.Strip(line); {
		case local == "" && !d.blank:
		case ok && at >= h.at && d.intro.Find(line):
			found = true
		case !found || local == "":
		case d.space.Find(local):
			return v
		// AOL names its own members without a domain.
		default:
			if !d.at.Find(local) {
				local += "@aol.com"
			}
			if !v.append(local, nil) {
				return v
			}
		}

		at = next
	}

	return v
}

// lineAt is the line of str.splitlines() at a place, and where the next begins.
func lineAt(s string, at int) (line string, next int) {
	i := at
	for i < len(s) && s[i] != '\n' && s[i] != '\r' {
		i++
	}
	line = s[at:i]

	if i+1 < len(s) && s[i] == '\r' && s[i+1] == '\n' {
		i++
	}

	return line, i + 1
}
