package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// verdict is the result of a module's process(): a list of addresses, which counts as a find if it is not empty (""
// stands for None too), Stop, or an exception.
type verdict struct {
	addrs []string
	stop  bool
	err   error
}

// raise is the verdict of a module that raises an exception.
func raise(kind, text string) verdict {
	return verdict{err: &py.Error{Class: kind, Text: text}}
}

// detector is one bounce module.
type detector interface {
	process(s *scan) verdict
}

// tags are the needles whose first line some detector needs. They are looked for in one search.
type tags struct {
	needles []pyre.Needle
	set     *pyre.Set
}

// tag is one of the tags.
type tag int

func (t *tags) add(n pyre.Needle) tag {
	t.needles = append(t.needles, n)
	return tag(len(t.needles) - 1)
}

func (t *tags) build() { t.set = pyre.NewSet(t.needles...) }

// scan is one message on its way through the pipeline, with data that several detectors need. It is made when a
// detector first asks for it.
type scan struct {
	m    *message.Message
	tags *tags

	walked   bool
	parts    []*message.Message // walk()
	raw      body               // the payloads that are strings
	rawTags  []hit              // by tag: the first line in raw; line is "" without one
	texts    body               // the same, decoded
	textsErr error              // why the decoding stopped; texts has the parts before
	textTags []hit
}

// walk returns all parts of the message.
func (s *scan) walk() []*message.Message {
	if !s.walked {
		s.walked = true
		s.parts = walk(nil, s.m)
	}
	return s.parts
}

// walk appends a message and all parts below it. In a report one object stands for a run of empty blocks
// (message.Parse), of which the first two are enough: they contain nothing to find, and a module that leaves out a
// message's last part still sees the part before it.
func walk(all []*message.Message, m *message.Message) []*message.Message {
	all = append(all, m)
	if len(all) > maxParts {
		return all // the message will be shunted, see excess
	}

	parts := m.Parts()
	for i, part := range parts {
		if i > 1 && part == parts[i-1] && part == parts[i-2] {
			continue
		}
		all = walk(all, part)
	}

	return all
}

// rawBody returns the lines of body_line_iterator(msg).
func (s *scan) rawBody() body {
	s.look()
	return s.raw
}

// textBody returns the lines of body_line_iterator(msg, decode=True), and the exception with which it would end.
func (s *scan) textBody() (body, error) {
	s.look()
	return s.texts, s.textsErr
}

// look splits the message into texts and looks for all tags in them. Where a text needs no decoding both bodies share
// it, and one search is enough.
func (s *scan) look() {
	if s.raw != nil {
		return
	}
	s.raw = body{}
	n := len(s.tags.needles)
	all := make([]hit, 2*n)
	s.rawTags, s.textTags = all[:n], all[n:]

	// Each part twice, raw and decoded: some detectors use email.iterators with decode and some without.
	for _, part := range s.walk() {
		text, ok := part.Payload.(string)
		if !ok {
			continue
		}

		raw := body{text}
		s.raw = append(s.raw, text)
		same := false

		// After a part that cannot be decoded, a detector that needs the decoded text fails there.
		if s.textsErr == nil {
			decoded, _, err := part.GetPayloadDecoded()
			if s.textsErr = err; err == nil {
				s.texts = append(s.texts, decoded)
				same = decoded == text
				if !same {
					s.note(s.textTags, body{decoded}, len(s.texts)-1)
				}
			}
		}

		if same {
			s.note(s.rawTags, raw, len(s.raw)-1, s.textTags...)
		} else {
			s.note(s.rawTags, raw, len(s.raw)-1)
		}
	}
}

// note keeps the first line of each tag in a text, for one body or both. Both bodies number their texts alike as long
// as no decoding has failed.
func (s *scan) note(first []hit, text body, number int, too ...hit) {
	text.find(s.tags.set, place{}, func(h hit) bool {
		h.text = number
		what := h.what
		h.what = nil

		for _, k := range what {
			if first[k].line == "" {
				first[k] = h
			}
			if too != nil && too[k].line == "" {
				too[k] = h
			}
		}

		return true
	})
}

// rawTag returns the first line of the raw body in which a tag is found.
func (s *scan) rawTag(t tag) (h hit, ok bool) {
	s.look()
	h = s.rawTags[t]
	return h, h.line != ""
}

// textTag is rawTag for the decoded body.
func (s *scan) textTag(t tag) (h hit, ok bool) {
	s.look()
	h = s.textTags[t]
	return h, h.line != ""
}

// get is msg.get(name, ”).
func get(m *message.Message, name string) string {
	v, _ := m.Get(name)
	return v
}

// stringIO is cStringIO.StringIO(part.get_payload()) as a body of one text.
func stringIO(part *message.Message) (body, error) {
	switch p := part.Payload.(type) {
	case string:
		return body{p}, nil
	case nil:
		return nil, &py.Error{Class: "TypeError", Text: "StringIO() argument 1 must be string or buffer, not None"}
	}
	return nil, &py.Error{Class: "TypeError", Text: "StringIO() argument 1 must be string or buffer, not list"}
}

// leaves is the flatten() of Netscape.py and Postfix.py: all parts that have no parts.
func (s *scan) leaves() (all []*message.Message) {
	for _, part := range s.walk() {
		if !part.IsMultipart() {
			all = append(all, part)
		}
	}
	return all
}
