package message

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// generator writes a message as email.generator.Generator does or, with
// KeepParts, as Mailman.Message.Generator, which folds the fields of the
// message itself but not those of its parts.
type generator struct {
	MangleFrom   bool // ">From " for "From " at the start of a body's line
	MaxHeaderLen int  // 0: do not fold
	KeepParts    bool
	Now          func() time.Time // for a missing From_ line
}

// AsString is Mailman.Message.Message.as_string(unixfrom, mangle_from_). As in Python, a multipart without a boundary
// gets one in its Content-Type. The boundary is made from the text, so that equal messages have equal texts.
func (m *Message) AsString(unixfrom, mangleFrom bool) (string, error) {
	g := generator{MangleFrom: mangleFrom, MaxHeaderLen: 78, KeepParts: true}
	return g.Flatten(m, unixfrom)
}

// Flatten is Generator.flatten(m, unixfrom). The error is a *py.Error.
func (g *generator) Flatten(m *Message, unixfrom bool) (string, error) {
	w := &writer{b: new(strings.Builder), mangle: g.MangleFrom, keepParts: g.KeepParts}
	if unixfrom {
		if m.Unixfrom() != nil && *m.Unixfrom() != "" {
			w.b.WriteString(*m.Unixfrom())
		} else {
			at := time.Unix(0, 0)
			if g.Now != nil {
				at = g.Now()
			}
			w.b.WriteString("From nobody " + at.Format("Mon Jan _2 15:04:05 2006"))
		}

		w.b.WriteByte('\n')
	}

	if err := w.message(m, g.MaxHeaderLen); err != nil {
		return "", err
	}

	return w.b.String(), nil
}

// writer is a Generator at work.
type writer struct {
	b         *strings.Builder
	mangle    bool
	keepParts bool
	depth     int
}

// message is Generator._write. Python writes the body first and the header fields after it, since a multipart
// chooses its boundary while it is written. Here a multipart chooses its boundary before the fields are written,
// so that one pass is enough.
func (w *writer) message(m *Message, fold int) error {
	// Messages within messages: Python stops at its recursion limit.
	if w.depth++; w.depth > maxFlattenDepth {
		return recursionError()
	}
	defer func() { w.depth-- }()
	// Mailman.Message.Generator leaves the fields of parts as they came, which keeps their signatures valid.
	parts := fold

	if w.keepParts {
		parts = 0
	}

	// Generator._dispatch calls _handle_MAIN_SUB, or else _handle_MAIN, or else writes the payload as text.
	main, sub, _ := strings.Cut(m.GetContentType(), "/")
	main, sub = strings.ReplaceAll(main, "-", "_"), strings.ReplaceAll(sub, "-", "_")
	kind := main + "_" + sub
	if !writers[kind] {
		kind = main
	}

	switch kind {
	case "multipart":
		return w.multipart(m, fold, parts)
	case "multipart_signed":
		return w.multipart(m, fold, 0)
	case "message":
		return w.embedded(m, fold, parts)
	case "message_delivery_status":
		return w.deliveryStatus(m, fold, parts)
	}

	// _handle_text: the fields, and the payload, which must be a str or None.
	if err := w.headers(m, fold); err != nil {
		return err
	}

	switch p := m.Payload.(type) {
	case nil:
		return nil
	case string, pickle.Unicode:
		return w.text(p)
	}

	return &py.Error{Class: "TypeError", Text: "string payload expected"}
}

// writers has the content types for which Generator has a method, in the spelling of _dispatch.
var writers = map[string]bool{
	"text": true, "multipart": true, "multipart_signed": true, "message": true, "message_delivery_status": true,
}

// headers is Generator._write_headers.
func (w *writer) headers(m *Message, fold int) error {
	for h := range m.Headers() {
		w.b.WriteString(h.Name)
		w.b.WriteString(": ")
		s, err := foldHeader(h, fold)
		if err != nil {
			return err
		}

		w.b.WriteString(s)
		w.b.WriteByte('\n')
	}

	w.b.WriteByte('\n')
	return nil
}

func foldHeader(h Header, fold int) (string, error) {
	// Generator._write_headers: a Header folds itself; a str is folded when it is too long.
	switch v := h.Value.(type) {
	case *HeaderValue:
		return v.Encode()
	case string:
		// 8-bit text without a charset cannot be folded safely, so it is left alone.
		if fold == 0 || !py.IsASCII(v) {
			return v, nil
		}
		if v == "" && len(h.Name) < fold-2 {
			return v, nil
		}

		// Short values are written as they are: folding them gives the same, at a cost.
		if len(v) < fold-len(h.Name)-2 && !py.IsSpace(v[0]) && strings.IndexByte(v, '\n') < 0 && strings.IndexByte(v, '\r') < 0 {
			return v, nil
		}

		hv, err := NewHeader(v, nil, HeaderOptions{MaxLineLen: fold, HeaderName: h.Name})
		if err != nil {
			return "", err
		}

		return hv.Encode()
	case pickle.Unicode:
		if fold == 0 {
			return string(v), py.EncodeASCII(string(v))
		}
		hv, err := NewHeader(v, nil, HeaderOptions{MaxLineLen: fold, HeaderName: h.Name})
		if err != nil {
			return "", err
		}
		return hv.Encode()
	}

	return "", &py.Error{Class: "TypeError", Text: "header value expected"}
}

// text writes a body.
func (w *writer) text(p any) error {
	s, _ := p.(string)
	if u, ok := p.(pickle.Unicode); ok {
		s = string(u)
		if err := py.EncodeASCII(s); err != nil {
			return err
		}
	}

	w.mangled(s)
	return nil
}

// mangled writes s, with ">" before each "From " that begins a line.
func (w *writer) mangled(s string) {
	if w.mangle {
		if strings.HasPrefix(s, "From ") {
			w.b.WriteByte('>')
		}
		s = strings.ReplaceAll(s, "\nFrom ", "\n>From ")
	}
	w.b.WriteString(s)
}

// multipart is Generator._handle_multipart.
func (w *writer) multipart(m *Message, fold, partFold int) error {
	var parts []*Message
	switch p := m.Payload.(type) {
	case nil:
	case []*Message:
		parts = p
	case string, pickle.Unicode:
		return w.unparsedMultipart(m, fold)
	default:
		return &py.Error{Class: "AttributeError", Text: "not a message"}
	}

	separator, texts, err := w.separator(m, parts, partFold)
	if err != nil {
		return err
	}

	if err := w.headers(m, fold); err != nil {
		return err
	}

	// RFC 2046, 5.1.1: the preamble, each part behind a boundary line, the closing boundary, and the epilogue.
	if m.Preamble() != nil {
		w.mangled(*m.Preamble())
		w.b.WriteByte('\n')
	}

	w.b.WriteString("--" + separator + "\n")
	for i, p := range parts {
		if i > 0 {
			w.b.WriteString("\n--" + separator + "\n")
		}

		// The search for a boundary may have written the parts already.
		if texts != nil {
			w.b.WriteString(texts[i])
		} else if err := w.message(p, partFold); err != nil {
			return err
		}
	}

	w.b.WriteString("\n--" + separator + "--\n")
	if m.Epilogue() != nil {
		w.mangled(*m.Epilogue())
	}

	return nil
}

// unparsedMultipart writes a multipart whose payload is text: the parser never found its first boundary, or the
// program that made it gave it a body.
func (w *writer) unparsedMultipart(m *Message, fold int) error {
	if err := w.headers(m, fold); err != nil {
		return err
	}
	s, _ := m.GetPayloadString()
	w.b.WriteString(s)
	if _, ok := m.Payload.(pickle.Unicode); ok {
		return py.EncodeASCII(s)
	}
	return nil
}

// separator returns a multipart's boundary. A message without one gets one: RFC 2046, 5.1.1 wants a boundary that
// occurs in none of the parts, so these are written first, and returned as texts.
func (w *writer) separator(m *Message, parts []*Message, partFold int) (separator string, texts []string, err error) {
	boundary, err := m.GetBoundary()
	if err != nil {
		return "", nil, err
	}

	switch b := boundary.(type) {
	case string:
		separator = b
	case pickle.Unicode:
		separator = string(b)
		if err := py.EncodeASCII(separator); err != nil {
			return "", nil, err
		}
	}

	if separator != "" {
		return separator, nil, nil
	}

	outer := w.b
	for _, p := range parts {
		w.b = new(strings.Builder)
		if err := w.message(p, partFold); err != nil {
			return "", nil, err
		}
		texts = append(texts, w.b.String())
	}

	w.b = outer
	separator = makeBoundary(strings.Join(texts, "\n"))

	// The boundary goes into the Content-Type field, which is written after this.
	return separator, texts, m.SetBoundary(separator)
}

// makeBoundary returns a boundary in the form of email.generator._make_boundary that occurs in no line of the text.
// Python takes a random number; this takes the text's digest.
func makeBoundary(text string) string {
	sum := sha1.Sum([]byte(text))
	boundary := fmt.Sprintf("===============%019d==", binary.BigEndian.Uint64(sum[:])>>1)
	b := boundary
	for n := 0; hasLine(text, "--"+b) || hasLine(text, "--"+b+"--"); n++ {
		b = fmt.Sprintf("%s.%d", boundary, n)
	}
	return b
}

func hasLine(text, line string) bool {
	return strings.Contains("\n"+text+"\n", "\n"+line+"\n")
}

// embedded writes a message/* part.
func (w *writer) embedded(m *Message, fold, partFold int) error {
	if err := w.headers(m, fold); err != nil {
		return err
	}

	switch p := m.Payload.(type) {
	case []*Message:
		if len(p) == 0 {
			return &py.Error{Class: "IndexError", Text: "list index out of range"}
		}
		return w.message(p[0], partFold)
	case string:
		w.b.WriteString(p)
		return nil
	case pickle.Unicode:
		w.b.WriteString(string(p))
		return py.EncodeASCII(string(p))
	}

	return &py.Error{Class: "TypeError", Text: "must be string or buffer, not None"}
}

// deliveryStatus writes the blocks of a message/delivery-status. It leaves the blank line after the last block to the
// boundary.
func (w *writer) deliveryStatus(m *Message, fold, partFold int) error {
	if err := w.headers(m, fold); err != nil {
		return err
	}
	if !m.IsMultipart() {
		return &py.Error{Class: "AttributeError", Text: "'str' object has no attribute 'get_content_maintype'"}
	}

	outer := w.b
	var blocks []string
	for _, p := range m.Parts() {
		w.b = new(strings.Builder)
		if err := w.message(p, partFold); err != nil {
			return err
		}
		blocks = append(blocks, strings.TrimSuffix(w.b.String(), "\n"))
	}

	w.b = outer
	w.b.WriteString(strings.Join(blocks, "\n"))
	return nil
}
