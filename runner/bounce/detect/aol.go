package detect

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// aol is Bouncers/AOL.py: a line announces recipients by screen name, one a
// line, up to a line of more than one word.
type aol struct {
	intro   *pyre.Regexp
	space   *pyre.Regexp // more than one word
	at      *pyre.Regexp // a whole address instead of a screen name
	perhaps *pyre.Set
}

func newAOL(s *source) detector {
	d := &aol{
		intro: s.regexp("scre"),
		space: s.regexp("process:0"),
		at:    s.regexp("process:1"),
	}
	d.perhaps = s.set(relaxed, d.intro)
	return d
}

func (d *aol) process(s *scan) verdict {
	if s.m.GetContentType() != "text/plain" {
		return verdict{}
	}
	from, err := message.ParseAddr(get(s.m, "from"))
	if err != nil {
		return verdict{err: err}
	}
	if !strings.HasSuffix(asciiLower(from.Addr), "@aol.com") {
		return verdict{}
	}
	text, ok, err := s.m.GetPayloadDecoded()
	if err != nil {
		return verdict{err: err}
	}
	if !ok {
		return raise("AttributeError", "'NoneType' object has no attribute 'splitlines'")
	}
	// splitlines() makes lines that are parts of the Set's lines.
	h, ok := body{text}.first(d.perhaps, place{})
	if !ok {
		return verdict{}
	}
	var addrs []string
	found := false
	last, lastAddr := "", ""
	for rest := text[h.at:]; rest != ""; {
		var line string
		line, rest = splitLine(rest)
		if line == last && lastAddr != "" {
			addrs = append(addrs, lastAddr)
			continue
		}
		if d.intro.Find(line) {
			found = true
			continue
		}
		if !found {
			continue
		}
		local := strip(line)
		if local == "" {
			continue
		}
		if d.space.Find(local) {
			break
		}
		if !d.at.Find(local) {
			local += "@aol.com"
		}
		last, lastAddr = line, local
		addrs = append(addrs, local)
	}
	return verdict{addrs: addrs}
}

// splitLine is the first line of str.splitlines(), and the rest of the text.
func splitLine(s string) (line, rest string) {
	i := 0
	for i < len(s) && s[i] != '\n' && s[i] != '\r' {
		i++
	}
	if i == len(s) {
		return s, ""
	}
	if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
		return s[:i], s[i+2:]
	}
	return s[:i], s[i+1:]
}

// asciiLower is str.lower().
func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
