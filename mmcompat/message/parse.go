package message

import (
	"math"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Parse is email.message_from_string(b, Mailman.Message.Message), and so email.feedparser: substrings of b become the
// parts. An error is the exception that Python would have raised: such an entry is shunted as unparseable.
//
// It takes at most ten times the memory of b, or 4 MB. A text with so many parts of less than forty bytes that it
// would need more ends in a MemoryError: Python takes 3 KB for each part.
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

// How many bytes of memory a parsed message may take.
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
	budget int // bytes of memory that are left
	stack  []level
	last   *Message
	blank  *Message // stands for every empty part
	spare  *Message // an empty part that blank has replaced

	spans chunks[textSpan] // the fields of the present message
}

// level is a message that is being read.
type level struct {
	m     *Message
	ctype string // its content type, once its fields have been read
	parts chunks[*Message]
}

func (p *parser) cur() *level { return &p.stack[len(p.stack)-1] }

// spend takes a cost from the budget.
func (p *parser) spend(cost int) error {
	if p.budget -= cost; p.budget < 0 {
		return py.Errorf("MemoryError", "too many parts for a message of %d bytes", len(p.in))
	}
	return nil
}

func (p *parser) newMessage() error {
	// Python would end at its recursion limit.
	if len(p.stack) >= maxDepth {
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

	// RFC 2046, 5.1.5: parts of a multipart/digest are message/rfc822 by default.
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

// pop leaves the present message; the root stays on the stack for Parse.
func (p *parser) pop() { p.stack = p.stack[:len(p.stack)-1] }

// message is FeedParser._parsegen: it reads one message, from its headers to the end that the active matchers see.
func (p *parser) message() error {
	if err := p.newMessage(); err != nil {
		return err
	}
	if err := p.headers(); err != nil {
		return err
	}

	// The content type decides how the body is read.
	cur := p.cur()
	cur.ctype = cur.m.GetContentType()
	if cur.ctype == "message/delivery-status" {
		return p.deliveryStatus()
	}

	// RFC 2046, 5.2: a message/* holds one message; all but delivery-status are read alike.
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

func (m *Message) defect(class string) {
	a := m.ownAttrs()
	a.defects = append(a.defects, Defect{Class: class})
}
