package message

import (
	"math"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Parse is email.message_from_string(b, Mailman.Message.Message), that is
// email.feedparser: substrings of b become the parts. An error is what Python
// would have raised: such an entry is shunted as unparseable.
//
// It takes at most ten times the memory of b, or 4 MB. A text of so many parts of
// less than forty bytes that more would be needed ends in a MemoryError: Python
// takes 3 KB for each part.
func Parse(b string) (*Message, error) {
	if len(b) > math.MaxUint32 {
		return nil, py.Errorf("MemoryError", "a message of %d bytes", len(b))
	}
	p := &parser{lines: newLines(b), budget: max(minBudget, budgetRatio*len(b))}
	if err := p.message(); err != nil {
		return nil, err
	}

	root := p.stack[0].m
	if root.GetContentMaintype() == "multipart" && !root.IsMultipart() {
		root.defect("MultipartInvariantViolationDefect")
	}

	return root, nil
}

// What a parsed message may cost in memory, in bytes.
const (
	minBudget   = 4 << 20
	budgetRatio = 9 // times the size of its text

	costPart       = 32 + 2*16 + 2*8 // a Message, its payload with and without a line ending, its place among the parts
	costBlank      = 2 * 8
	costFields     = 64
	costField      = 2 * 8
	costAttributes = 160 + 2*16
)

// parser is email.feedparser's FeedParser.
type parser struct {
	lines
	made   int // messages so far
	fields int // their header fields so far
	budget int // bytes that are left
	stack  []level
	last   *Message
	blank  *Message // stands for each part of nothing
	spare  *Message // a part of nothing that it stands for

	spans chunks[textSpan] // the fields of the message at hand
}

// level is a message that is being read.
type level struct {
	m     *Message
	ctype string // its content type, once its fields have been read
	parts chunks[*Message]
}

func (p *parser) cur() *level { return &p.stack[len(p.stack)-1] }

// spend takes a cost off the budget.
func (p *parser) spend(cost int) error {
	if p.budget -= cost; p.budget < 0 {
		return py.Errorf("MemoryError", "too many parts for a message of %d bytes", len(p.in))
	}
	return nil
}

func (p *parser) newMessage() error {
	if len(p.stack) >= MaxDepth {
		return recursionError()
	}
	if p.made++; p.made > maxMessages {
		return py.Errorf("MemoryError", "more than %d parts", maxMessages)
	}

	m := p.spare
	p.spare = nil

	if m == nil {
		m = New()
	}

	if n := len(p.stack); n > 0 {
		parent := &p.stack[n-1]
		if parent.ctype == "multipart/digest" {
			m.ownAttrs().defaultType = "message/rfc822"
		}
		parent.parts.add(m)
	}

	// A level that was in use before has room for its parts.
	if n := len(p.stack); n < cap(p.stack) {
		p.stack = p.stack[:n+1]
		p.stack[n].m, p.stack[n].ctype = m, ""
	} else {
		p.stack = append(p.stack, level{m: m})
	}

	p.last = m
	return nil
}

// pop leaves the message at hand; the root stays on the stack for Parse.
func (p *parser) pop() { p.stack = p.stack[:len(p.stack)-1] }

// takeParts makes the parts that were read the payload of the message at hand.
func (p *parser) takeParts() {
	cur := p.cur()
	cur.m.Payload = cur.parts.take()
}

// message is FeedParser._parsegen: one message, from its headers to the end of
// the file that the active matchers make of the input.
func (p *parser) message() error {
	if err := p.newMessage(); err != nil {
		return err
	}
	if err := p.headers(); err != nil {
		return err
	}

	cur := p.cur()
	cur.ctype = cur.m.GetContentType()
	if cur.ctype == "message/delivery-status" {
		return p.deliveryStatus()
	}

	switch maintype(cur.ctype) {
	case "message":
		if err := p.message(); err != nil {
			return err
		}
		p.pop()
		p.takeParts()
		return p.spend(costPart)
	case "multipart":
		return p.multipart()
	}

	cur.m.Payload = p.rest()
	return nil
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

// headers reads the lines that may be header fields, as FeedParser._parsegen and
// _parse_headers do.
func (p *parser) headers() error {
	var field textSpan // the one that continuation lines belong to
	var from span      // a From_ line, until it shows whether it is the last one

	endField := func() {
		if field.end > 0 {
			p.spans.add(field)
			field = textSpan{}
		}
	}

	m := p.cur().m
	for first := true; ; first = false {
		l := p.readline()
		if l.start == l.end {
			break
		}

		line := p.text(l)
		if !isHeaderLine(line) {
			if !isBlank(line) {
				p.unread(l)
			}
			break
		}

		if from.end > 0 {
			m.badLine(p.in, from)
			from = span{}
		}

		switch {
		case line[0] == ' ' || line[0] == '\t':
			if field.end == 0 {
				m.badLine(p.in, l)
				continue
			}
			field.end = uint32(l.end)
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
		p.unread(from) // Probably the first line of the body.
	}

	return p.takeFields()
}

// takeFields makes the fields that were read those of the message at hand.
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

func (m *Message) defect(class string) {
	a := m.ownAttrs()
	a.defects = append(a.defects, Defect{Class: class})
}

// badLine notes a line among the header fields that is none.
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
