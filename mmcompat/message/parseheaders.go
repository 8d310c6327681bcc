package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// headers reads the lines that may be header fields, as FeedParser._parsegen and
// _parse_headers do.
func (p *parser) headers() error {
	// field is the header field under way, to which continuation lines belong.
	var field textSpan
	// from is a "From " line after the first line. Only the next line shows whether the fields go on.
	var from span

	endField := func() {
		if field.end > 0 {
			p.spans.add(field)
			field = textSpan{}
		}
	}

	// RFC 5322, 2.1: fields up to an empty line. FeedParser also stops at a line that cannot be a field.
	m := p.cur().m
	for first := true; ; first = false {
		l := p.readline()
		if l.start == l.end {
			break
		}

		line := p.text(l)
		// A line that is no field begins the body, unless it is the empty line between the two.
		if !isHeaderLine(line) {
			if !isBlank(line) {
				p.unread(l)
			}
			break
		}

		// The fields went on after a "From " line, so that line was a defect in their midst.
		if from.end > 0 {
			m.badLine(p.in, from)
			from = span{}
		}

		// RFC 5322, 2.2.3: a line that begins with white space continues the field before it.
		switch {
		case line[0] == ' ' || line[0] == '\t':
			if field.end == 0 {
				m.badLine(p.in, l)
				continue
			}
			field.end = uint32(l.end)
		// An mbox separator: only on the first line does it become the message's unixfrom.
		case strings.HasPrefix(line, "From "):
			endField()
			if first {
				s := line[:len(line)-eolLen(line)]
				m.ownAttrs().unixfrom = &s
			} else {
				from = l
			}
		default:
			endField()
			field = textSpan{uint32(l.start), uint32(l.end)}
		}
	}

	endField()
	if from.end > 0 {
		// It is probably the first line of the body.
		p.unread(from)
	}

	return p.takeFields()
}

// takeFields gives the present message the fields that were read.
func (p *parser) takeFields() error {
	m := p.cur().m
	cost := 0

	if p.fields += p.spans.len; p.fields > maxFields {
		return py.Errorf("MemoryError", "more than %d header fields", maxFields)
	}
	if p.spans.len > 0 {
		m.fields = &fields{text: p.in}
		cost = costFields + costField*p.spans.len
		m.fields.spans = p.spans.take()
	}

	if m.more != nil {
		cost += costAttributes + costField*len(m.more.badLines.spans)
	}

	return p.spend(cost)
}

// isHeaderLine is feedparser.headerRE: a field, a continuation, or a From_ line.
func isHeaderLine(line string) bool {
	if line[0] == ' ' || line[0] == '\t' {
		return true
	}

	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == ':' {
			if i > 0 {
				return true
			}
			break
		}

		if c < '!' || c > '~' {
			break
		}
	}

	return strings.HasPrefix(line, "From ")
}

// badLine notes a line among the header fields that is not a field.
func (m *Message) badLine(text string, l span) {
	bad := &m.ownAttrs().badLines
	bad.text = text
	s := textSpan{uint32(l.start), uint32(l.end)}
	if n := len(bad.spans); n > 0 && bad.spans[n-1].end == s.start {
		bad.spans[n-1].end = s.end
		return
	}
	bad.spans = append(bad.spans, s)
}
