package message

import (
	"fmt"
	"strings"
)

// Parse is email.message_from_string(b, Mailman.Message.Message), that is
// email.feedparser: substrings of b become the parts. An error is what Python
// would have raised: such an entry is shunted as unparseable.
func Parse(b string) (*Message, error) {
	p := &parser{in: b, nl: -1}
	p.hasCR = strings.IndexByte(b, '\r') >= 0
	if err := p.message(); err != nil {
		return nil, err
	}
	root := p.stack[0]
	if root.GetContentMaintype() == "multipart" && !root.IsMultipart() {
		root.defect("MultipartInvariantViolationDefect")
	}
	return root, nil
}

// parser is email.feedparser's FeedParser and BufferedSubFile in one. A line is
// a span of the input, so that consecutive lines join without a copy.
type parser struct {
	in    string
	pos   int  // where the next line begins
	nl    int  // the first "\n" at or after pos, or len(in); stale when < pos
	hasCR bool // whether a lone "\r" can end a line at all
	back  []span

	boundaries map[string]int // the active end-of-file matchers of multiparts
	blankEnds  int            // how many matchers stop at a blank line

	made      int // messages so far
	stack     []*Message
	cur, last *Message
	lines     []span // the header lines of the message at hand
}

// span is a line, or "" where start == end: readline's end of file, which the
// feed parser may push back like any other line.
type span struct{ start, end int }

func (p *parser) text(l span) string { return p.in[l.start:l.end] }

// next cuts the next line off the input.
func (p *parser) next() span {
	if p.pos >= len(p.in) {
		return span{}
	}
	if p.nl < p.pos {
		if i := strings.IndexByte(p.in[p.pos:], '\n'); i >= 0 {
			p.nl = p.pos + i
		} else {
			p.nl = len(p.in)
		}
	}
	end := min(p.nl+1, len(p.in))
	if p.hasCR {
		if i := strings.IndexByte(p.in[p.pos:p.nl], '\r'); i >= 0 && p.pos+i+1 != p.nl {
			end = p.pos + i + 1
		}
	}
	l := span{p.pos, end}
	p.pos = end
	return l
}

// readline gives "" at the end of the input and, without consuming it, at a
// line that an active matcher takes for the end.
func (p *parser) readline() span {
	var l span
	if n := len(p.back); n > 0 {
		l = p.back[n-1]
		p.back = p.back[:n-1]
	} else {
		l = p.next()
	}
	if l.start != l.end && p.atEOF(p.text(l)) {
		p.unread(l)
		return span{}
	}
	return l
}

func (p *parser) unread(l span) { p.back = append(p.back, l) }

func (p *parser) atEOF(line string) bool {
	if p.blankEnds > 0 && isBlank(line) {
		return true
	}
	if len(p.boundaries) == 0 || len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return false
	}
	t := boundaryText(line)
	if p.boundaries[t] > 0 {
		return true
	}
	return strings.HasSuffix(t, "--") && p.boundaries[t[:len(t)-2]] > 0
}

// boundaryText is a line that begins with "--", without that, its line ending
// and the blanks before it. A boundary never ends with a blank, so that what is
// left is the boundary, with or without its closing "--".
func boundaryText(line string) string {
	return strings.TrimRight(line[2:len(line)-eolLen(line)], " \t")
}

// rest reads on to the end of the file.
func (p *parser) rest() string {
	var j joiner
	for {
		if len(p.back) == 0 && p.blankEnds == 0 {
			// Nothing but a boundary can end this: look for the next "--"
			// that begins a line.
			start := p.pos
			end := len(p.in)
			if len(p.boundaries) > 0 {
				end = p.nextDashes()
			}
			p.pos = end
			j.add(p, span{start, end})
		}
		l := p.readline()
		if l.start == l.end {
			return j.String()
		}
		j.add(p, l)
	}
}

// nextDashes is where the next line that begins with "--" begins, pos being the
// start of a line.
func (p *parser) nextDashes() int {
	at := p.pos
	for {
		i := strings.Index(p.in[at:], "--")
		if i < 0 {
			return len(p.in)
		}
		at += i
		if at == p.pos || p.in[at-1] == '\n' || p.in[at-1] == '\r' {
			return at
		}
		at++
	}
}

// joiner joins lines; as long as each follows the one before it in the input,
// the result is a substring of that.
type joiner struct {
	span   span
	source string
	b      *strings.Builder
}

func (j *joiner) add(p *parser, l span) {
	switch {
	case l.start == l.end:
	case j.b != nil:
		j.b.WriteString(p.text(l))
	case j.span.start == j.span.end:
		j.span, j.source = l, p.in
	case j.span.end == l.start:
		j.span.end = l.end
	default:
		j.b = new(strings.Builder)
		j.b.WriteString(p.text(j.span))
		j.b.WriteString(p.text(l))
	}
}

func (j *joiner) String() string {
	if j.b != nil {
		return j.b.String()
	}
	return j.source[j.span.start:j.span.end]
}

func (p *parser) newMessage() {
	m := New()
	if p.cur != nil && p.cur.GetContentType() == "multipart/digest" {
		m.DefaultType = "message/rfc822"
	}
	if n := len(p.stack); n > 0 {
		parent := p.stack[n-1]
		parent.Payload = append(parent.Parts(), m)
	}
	p.stack = append(p.stack, m)
	p.cur, p.last = m, m
}

// pop leaves the message at hand; the root stays on the stack for Parse.
func (p *parser) pop() {
	p.stack = p.stack[:len(p.stack)-1]
	p.cur = p.stack[len(p.stack)-1]
}

// message is FeedParser._parsegen: one message, from its headers to the end of
// the file that the active matchers make of the input.
func (p *parser) message() error {
	if len(p.stack) >= MaxDepth {
		return recursionError()
	}
	if p.made++; p.made > maxMessages {
		return &PyError{"MemoryError", fmt.Sprintf("more than %d parts", maxMessages)}
	}
	p.newMessage()
	p.lines = p.lines[:0]
	for {
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
		p.lines = append(p.lines, l)
	}
	p.headers()
	ctype := p.cur.GetContentType()
	if ctype == "message/delivery-status" {
		return p.deliveryStatus()
	}
	switch maintype(ctype) {
	case "message":
		if err := p.message(); err != nil {
			return err
		}
		p.pop()
		return nil
	case "multipart":
		return p.multipart()
	}
	p.cur.Payload = p.rest()
	return nil
}

// deliveryStatus reads the blocks of RFC 3464: each is a message of its own,
// and a blank line ends it. Consecutive blocks of nothing are one object, more
// than once in the payload.
func (p *parser) deliveryStatus() error {
	for {
		p.blankEnds++
		err := p.message()
		if err != nil {
			return err
		}
		p.pop()
		p.blankEnds--
		p.readline() // the blank line
		l := p.readline()
		for p.last.blank() && l.start != l.end && isBlank(p.text(l)) {
			// Another block of nothing, and the blank line after it. A report may
			// be made of millions of these; nothing tells them apart.
			p.cur.Payload = append(p.cur.Parts(), p.last)
			l = p.readline()
		}
		if l.start == l.end {
			return nil
		}
		p.unread(l)
	}
}

// blank tells whether a message was parsed from nothing.
func (m *Message) blank() bool {
	return m.Payload == "" && len(m.Headers) == 0 && m.Unixfrom == nil && len(m.Defects) == 0
}

func isBlank(line string) bool { return line[0] == '\n' || line[0] == '\r' }

func (p *parser) multipart() error {
	boundary, usable, err := p.cur.byteBoundary()
	if err != nil {
		return err
	}
	if boundary == nil {
		p.cur.defect("NoBoundaryInMultipartDefect")
		p.cur.Payload = p.rest()
		return nil
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
	var preamble joiner
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
				return &PyError{"AssertionError", ""}
			}
			preamble.add(p, l)
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
				p.cur.Preamble = &s
			}
			inPreamble = false
			p.unread(l)
			continue
		}
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
		p.cur.defect("StartBoundaryNotFoundDefect")
		p.cur.Payload = preamble.String()
		p.rest() // and forgets it
		p.cur.Epilogue = new(string)
		return nil
	}
	epilogue := p.rest()
	if !closedWithEOL {
		switch {
		case strings.HasPrefix(epilogue, "\r\n"):
			epilogue = epilogue[2:]
		case epilogue != "" && (epilogue[0] == '\r' || epilogue[0] == '\n'):
			epilogue = epilogue[1:]
		}
	}
	p.cur.Epilogue = &epilogue
	return nil
}

// part reads one part of a multipart, and takes the newline before the boundary
// off what came last.
func (p *parser) part(boundary string, usable bool) error {
	if usable {
		if p.boundaries == nil {
			p.boundaries = make(map[string]int)
		}
		p.boundaries[boundary]++
		defer func() {
			if p.boundaries[boundary]--; p.boundaries[boundary] == 0 {
				delete(p.boundaries, boundary)
			}
		}()
	}
	if err := p.message(); err != nil {
		return err
	}
	if p.last.GetContentMaintype() == "multipart" {
		if e := p.last.Epilogue; e != nil {
			if *e == "" {
				p.last.Epilogue = nil
			} else {
				s := (*e)[:len(*e)-eolLen(*e)]
				p.last.Epilogue = &s
			}
		}
	} else if s, ok := p.last.Payload.(string); ok {
		if n := eolLen(s); n > 0 {
			p.last.Payload = s[:len(s)-n]
		}
	}
	p.pop()
	p.last = p.cur
	return nil
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

// headers is FeedParser._parse_headers on p.lines.
func (p *parser) headers() {
	m := p.cur
	if n := len(p.lines); n > 0 {
		m.Headers = make([]Header, 0, n)
	}
	name := ""
	var value span
	flush := func(last bool) {
		if name == "" {
			return
		}
		s := p.text(value)
		if !last && s != "" {
			s = s[:len(s)-1]
		}
		m.Headers = append(m.Headers, Header{name, strings.TrimRight(s, "\r\n")})
		name = ""
	}
	for i, l := range p.lines {
		line := p.text(l)
		if line[0] == ' ' || line[0] == '\t' {
			if name == "" {
				m.defectLine("FirstHeaderLineIsContinuationDefect", line)
				continue
			}
			value.end = l.end
			continue
		}
		flush(false)
		if strings.HasPrefix(line, "From ") {
			switch i {
			case 0:
				s := line[:len(line)-eolLen(line)]
				m.Unixfrom = &s
			case len(p.lines) - 1:
				// Probably the first line of the body.
				p.unread(l)
				return
			default:
				m.defectLine("MisplacedEnvelopeHeaderDefect", line)
			}
			continue
		}
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			m.defectLine("MalformedHeaderDefect", line)
			continue
		}
		name = line[:colon]
		value = span{l.start + colon + 1, l.end}
		for value.start < value.end && isSpace(p.in[value.start]) {
			value.start++
		}
	}
	flush(true)
}

func (m *Message) defect(class string) { m.Defects = append(m.Defects, Defect{Class: class}) }

func (m *Message) defectLine(class, line string) {
	m.Defects = append(m.Defects, Defect{Class: class, Line: line, HasLine: true})
}
