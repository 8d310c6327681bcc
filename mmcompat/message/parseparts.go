package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// takeParts makes the parts that were read the payload of the message at hand.
func (p *parser) takeParts() {
	cur := p.cur()
	cur.m.Payload = cur.parts.take()
}

// deliveryStatus reads the blocks of RFC 3464: each is a message of its own,
// and a blank line ends it.
func (p *parser) deliveryStatus() error {
	for {
		p.blankEnds++
		if err := p.message(); err != nil {
			return err
		}

		block := p.cur().m
		p.pop()
		p.blankEnds--
		block, err := p.partDone(block)
		if err != nil {
			return err
		}

		p.readline() // the blank line
		l := p.readline()

		if block.isBlank() {
			// Another block of nothing at each blank line. A report may be made
			// of millions of these.
			n := 0
			for ; l.start != l.end && isBlank(p.text(l)); n++ {
				l = p.readline()
			}
			cost := 2 * 8 * n
			parts := &p.cur().parts
			if n > parts.len {
				cost /= 2
			}

			if err := p.spend(cost); err != nil {
				return err
			}
			parts.repeat(block, n)
		}

		if l.start == l.end {
			p.takeParts()
			return nil
		}
		p.unread(l)
	}
}

// partDone accounts for a part, the last of the message at hand. One message
// stands for all parts of nothing, as nothing tells them apart.
func (p *parser) partDone(part *Message) (*Message, error) {
	if !part.isBlank() {
		return part, p.spend(costPart)
	}

	if part.more == nil {
		if p.blank == nil {
			p.blank = part
		} else if part != p.blank {
			p.spare = part
			p.spare.Payload = nil
		}

		part = p.blank
		p.cur().parts.setLast(part)
	}

	return part, p.spend(costBlank)
}

// isBlank tells whether a message was parsed from nothing.
func (m *Message) isBlank() bool {
	return m.Payload == "" && m.fields == nil && (m.more == nil || m.more.unixfrom == nil && len(m.Defects()) == 0)
}

func (p *parser) multipart() error {
	m := p.cur().m
	boundary, usable, err := m.byteBoundary()
	if err != nil {
		return err
	}

	if boundary == nil {
		m.defect("NoBoundaryInMultipartDefect")
		m.Payload = p.rest()
		return p.spend(costAttributes)
	}

	if len(p.stack) > maxBoundaryDepth {
		return recursionError()
	}

	match := func(line string) (found, end bool) {
		if !usable || len(line) < 2 || line[0] != '-' || line[1] != '-' {
			return false, false
		}
		t := boundaryText(line)
		if t == *boundary {
			return true, false
		}

		found = len(t) == len(*boundary)+2 && strings.HasPrefix(t, *boundary) && strings.HasSuffix(t, "--")
		return found, found
	}

	preamble := joiner{source: p.in}
	preambleSeen := false
	inPreamble := true
	closedWithEOL := false
	for {
		l := p.readline()
		if l.start == l.end {
			break
		}

		line := p.text(l)
		found, end := match(line)
		if !found {
			if !inPreamble {
				return &py.Error{Class: "AssertionError", Text: ""}
			}
			preamble.add(l)
			preambleSeen = true
			continue
		}

		if end {
			closedWithEOL = eolLen(line) > 0
			break
		}

		if inPreamble {
			if preambleSeen {
				// RFC 2046, 5.1.1: the last newline belongs to the boundary.
				s := preamble.String()
				s = s[:len(s)-eolLen(s)]
				m.ownAttrs().preamble = &s
			}

			inPreamble = false
			p.unread(l)
			continue
		}

		// Several boundaries one after the other count once.
		for {
			l := p.readline()
			if l.start != l.end {
				if found, _ := match(p.text(l)); found {
					continue
				}
			}

			p.unread(l) // even the end of the file
			break
		}

		if err := p.part(*boundary, usable); err != nil {
			return err
		}
	}

	if inPreamble {
		m.defect("StartBoundaryNotFoundDefect")
		m.Payload = preamble.String()
		p.rest() // and forgets it
		m.ownAttrs().epilogue = new(string)
		return p.spend(costAttributes)
	}

	p.takeParts()
	epilogue := p.rest()
	if !closedWithEOL {
		epilogue = epilogue[len(firstEOL(epilogue)):]
	}

	m.ownAttrs().epilogue = &epilogue
	return p.spend(costAttributes)
}

// firstEOL is the line ending that s begins with.
func firstEOL(s string) string {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return s[:2]
	case s != "" && (s[0] == '\r' || s[0] == '\n'):
		return s[:1]
	}
	return ""
}

// part reads one part of a multipart, and takes the newline before the boundary
// off what came last.
func (p *parser) part(boundary string, usable bool) error {
	if usable {
		p.addBoundary(boundary)
	}

	if err := p.message(); err != nil {
		return err
	}

	if usable {
		p.dropBoundary(boundary)
	}

	if p.last.GetContentMaintype() == "multipart" {
		if e := p.last.Epilogue(); e != nil {
			if *e == "" {
				p.last.ownAttrs().epilogue = nil
			} else {
				s := (*e)[:len(*e)-eolLen(*e)]
				p.last.ownAttrs().epilogue = &s
			}
		}
	} else if s, ok := p.last.Payload.(string); ok {
		if n := eolLen(s); n > 0 {
			p.last.Payload = s[:len(s)-n]
		}
	}

	part := p.cur().m
	p.pop()
	p.last = p.cur().m
	_, err := p.partDone(part)

	return err
}
