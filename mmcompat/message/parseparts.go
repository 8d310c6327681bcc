package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// takeParts makes the parts that were read the payload of the present message.
func (p *parser) takeParts() {
	cur := p.cur()
	cur.m.Payload = cur.parts.take()
}

// deliveryStatus reads the body of message/delivery-status (RFC 3464, 2.1): blocks of fields, each read as a
// message of its own, and a blank line after each.
func (p *parser) deliveryStatus() error {
	// Read a block. It ends at a blank line, for which blankEnds sets up the reader.
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

		// FeedParser drops the blank line that ended the block, and looks at the line after it.
		p.readline()
		l := p.readline()

		if block.isBlank() {
			// FeedParser makes an empty block for each further blank line. A report may have millions of these, so they
			// are counted, and share one message.
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

		// The end of the report, or of the part around it.
		if l.start == l.end {
			p.takeParts()
			return nil
		}
		p.unread(l)
	}
}

// partDone counts the memory of a part, the last one of the present message. One message stands for all empty parts,
// since nothing tells them apart.
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

// isBlank tells whether a message was parsed from an empty text.
func (m *Message) isBlank() bool {
	return m.Payload == "" && m.fields == nil && (m.more == nil || m.more.unixfrom == nil && len(m.Defects()) == 0)
}

// multipart reads the body of a multipart (RFC 2046, 5.1.1) as the multipart branch of FeedParser._parsegen does.
func (p *parser) multipart() error {
	m := p.cur().m
	text, usable, err := m.byteBoundary()
	if err != nil {
		return err
	}

	// RFC 2046, 5.1: the boundary parameter is required. Without it FeedParser keeps the body as text.
	if text == nil {
		m.defect("NoBoundaryInMultipartDefect")
		m.Payload = p.rest()
		return p.spend(costAttributes)
	}

	if len(p.stack) > maxBoundaryDepth {
		return recursionError()
	}

	boundary := partBoundary{*text, usable}
	preamble := joiner{source: p.in}
	preambleSeen := false
	inPreamble := true
	closedWithEOL := false
	for {
		l := p.readline()
		if l.start == l.end {
			break
		}

		// Lines before the first boundary are the preamble. After it, part stops only at a boundary.
		line := p.text(l)
		found, end := boundary.match(line)
		if !found {
			if !inPreamble {
				return &py.Error{Class: "AssertionError", Text: ""}
			}
			preamble.add(l)
			preambleSeen = true
			continue
		}

		// The closing boundary. Even as the first one it ends the multipart.
		if end {
			closedWithEOL = eolLen(line) > 0
			break
		}

		// The first boundary ends the preamble, and is read again as the one before the first part.
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

		p.skipBoundaries(boundary)
		if err := p.part(*text, usable); err != nil {
			return err
		}
	}

	// There was no boundary: FeedParser makes the lines the payload, and reads and forgets what is left.
	if inPreamble {
		m.defect("StartBoundaryNotFoundDefect")
		m.Payload = preamble.String()
		p.rest()
		m.ownAttrs().epilogue = new(string)
		return p.spend(costAttributes)
	}

	// What follows the closing boundary is the epilogue. A newline at its front is not part of it, unless the
	// closing boundary's line had one of its own.
	p.takeParts()
	epilogue := p.rest()
	if !closedWithEOL {
		epilogue = epilogue[len(firstEOL(epilogue)):]
	}

	m.ownAttrs().epilogue = &epilogue
	return p.spend(costAttributes)
}

// partBoundary is the boundary of a multipart. One with characters beyond a byte (usable is false) matches no line.
type partBoundary struct {
	text   string
	usable bool
}

// match tells whether a line is a boundary, and whether it is the closing one, with "--" behind (RFC 2046, 5.1.1).
func (b partBoundary) match(line string) (found, end bool) {
	if !b.usable || len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return false, false
	}
	t := boundaryText(line)
	if t == b.text {
		return true, false
	}

	found = len(t) == len(b.text)+2 && strings.HasPrefix(t, b.text) && strings.HasSuffix(t, "--")
	return found, found
}

// skipBoundaries reads further boundaries that follow one directly: FeedParser counts them once.
func (p *parser) skipBoundaries(b partBoundary) {
	for {
		l := p.readline()
		if l.start != l.end {
			if found, _ := b.match(p.text(l)); found {
				continue
			}
		}

		// The end of the file is put back too, for the part to find.
		p.unread(l)
		return
	}
}

// firstEOL returns the line ending at the beginning of s.
func firstEOL(s string) string {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return s[:2]
	case s != "" && (s[0] == '\r' || s[0] == '\n'):
		return s[:1]
	}
	return ""
}

// part reads one part of a multipart, and removes the newline before the boundary from the last text.
func (p *parser) part(boundary string, usable bool) error {
	// Boundary lines of this multipart end the part, and those of the multiparts around it too.
	if usable {
		p.addBoundary(boundary)
	}

	if err := p.message(); err != nil {
		return err
	}

	if usable {
		p.dropBoundary(boundary)
	}

	// RFC 2046, 5.1.1: the newline before a boundary belongs to the boundary.
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
