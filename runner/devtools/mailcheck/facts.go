package mailcheck

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// senderHeaders is the SENDERS of driver.py.
var senderHeaders = []string{"from", "", "reply-to", "sender"}

// facts says about a message what driver.py says, in the same words.
type facts struct {
	charsets *message.Charsets
	lines    []string
}

// Facts returns message's view of a text, one fact a line.
func Facts(charsets *message.Charsets, text string) []string {
	f := &facts{charsets: charsets}
	m, err := message.Parse(text)
	if err != nil {
		f.add("parse", show(nil), err)
		return f.lines
	}

	f.message(m)
	f.pickled(m)
	return f.lines
}

func (f *facts) add(name, value string, err error) {
	if err != nil {
		value = "!" + err.Error()
		var pe *py.Error
		if errors.As(err, &pe) {
			kind := pe.Class[strings.LastIndexByte(pe.Class, '.')+1:]
			value = "!" + kind
		}
	}

	f.lines = append(f.lines, name+" "+value)
}

func (f *facts) message(m *message.Message) {
	s, err := m.GetSender(false, true)
	f.add("sender", show(s), err)
	s, err = m.GetSender(true, false)
	f.add("envelope sender", show(s), err)
	senders, err := m.GetSenders(false, senderHeaders)
	f.add("senders", showAll(senders), err)
	n := 0
	for part := range m.Walk() {
		f.lines = append(f.lines, fmt.Sprintf("part %d", n))
		n++
		f.part(part)
	}

	for _, decode := range []bool{false, true} {
		name := "lines"
		if decode {
			name = "decoded lines"
		}

		var lines []string
		var err error
		for line, e := range m.BodyLineIterator(decode) {
			lines = append(lines, line)
			err = e
		}

		f.add(name, showAll(lines), err)
	}

	var sizes []string
	for part := range m.TypedSubpartIterator("message", "delivery-status") {
		sizes = append(sizes, strconv.Itoa(part.HeaderCount()))
	}
	f.add("status parts", "("+strings.Join(sizes, ", ")+")", nil)
	s, err = m.AsString(false, true)
	f.add("string", show(s), err)
	s, err = m.AsString(m.Unixfrom() != nil && *m.Unixfrom() != "", false)
	f.add("string unmangled", show(s), err)
	s, err = reparse(m)
	f.add("string again", show(s), err)
}

func reparse(m *message.Message) (string, error) {
	s, err := m.AsString(false, true)
	if err != nil {
		return "", err
	}
	if m, err = message.Parse(s); err != nil {
		return "", err
	}
	return m.AsString(false, true)
}

func (f *facts) part(m *message.Message) {
	f.add("type", show(m.GetContentType()), nil)
	f.add("maintype", show(m.GetContentMaintype()), nil)
	f.add("subtype", show(m.GetContentSubtype()), nil)
	f.add("default", show(m.DefaultType()), nil)
	f.add("unixfrom", showPtr(m.Unixfrom()), nil)
	f.add("preamble", showPtr(m.Preamble()), nil)
	f.add("epilogue", showPtr(m.Epilogue()), nil)

	for _, d := range m.Defects() {
		line := "None"
		if d.HasLine {
			line = show(d.Line)
		}
		f.add("defect "+d.Class, line, nil)
	}

	if m.IsMultipart() {
		f.add("parts", strconv.Itoa(len(m.Parts())), nil)
	} else {
		f.add("payload", show(m.Payload), nil)
	}

	if s, ok, err := m.GetPayloadDecoded(); ok {
		f.add("decoded", show(s), err)
	} else {
		f.add("decoded", "None", err)
	}

	boundary, err := m.GetBoundary()
	f.add("boundary", show(boundary), err)
	if charset, ok := m.GetContentCharset(); ok {
		f.add("charset", show(charset), nil)
	} else {
		f.add("charset", "None", nil)
	}

	f.add("filename", show(m.GetFilename()), nil)
	for h := range m.Headers() {
		v := h.Value.(string)
		f.lines = append(f.lines, "header "+show(h.Name)+" "+show(v))
		f.header(m, h.Name, v)
	}
}

func (f *facts) header(m *message.Message, name, v string) {
	addrs, err := message.GetAddresses([]string{v})
	pairs := make([]string, len(addrs))
	for i, a := range addrs {
		pairs[i] = showAll([]string{a.Name, a.Addr})
	}
	f.add("addresses", "("+strings.Join(pairs, ", ")+")", err)
	a, err := message.ParseAddr(v)
	f.add("address", showAll([]string{a.Name, a.Addr}), err)
	params, _ := m.GetParams(name, true)
	pairs = make([]string, len(params))
	for i, p := range params {
		value := show(p.Value.Value)
		if p.Value.Tuple {
			value = "(" + showPtr(p.Value.Charset) + ", " + showPtr(p.Value.Language) + ", " + value + ")"
		}
		pairs[i] = "(" + show(p.Name) + ", " + value + ")"
	}

	f.add("params", "("+strings.Join(pairs, ", ")+")", nil)
	decoded, err := message.DecodeHeader(v)
	pairs = make([]string, len(decoded))
	for i, d := range decoded {
		charset := "None"
		if d.Encoded {
			charset = show(d.Charset)
		}
		pairs[i] = "(" + show(d.S) + ", " + charset + ")"
	}

	f.add("decoded header", "("+strings.Join(pairs, ", ")+")", err)
	var u, encoded string
	h, err := message.MakeHeader(f.charsets, decoded, message.HeaderOptions{})
	if err == nil {
		u, err = h.Unicode()
	}

	if _, e := message.DecodeHeader(v); e != nil {
		err = e
	}

	f.add("unicode", show(pickle.Unicode(u)), err)
	h, err = message.MakeHeader(f.charsets, decoded, message.HeaderOptions{HeaderName: name})
	if err == nil {
		encoded, err = h.Encode()
	}

	if _, e := message.DecodeHeader(v); e != nil {
		err = e
	}

	f.add("encoded", show(encoded), err)
}

// pickled adds the message as a pickle; differences looks into it.
func (f *facts) pickled(m *message.Message) {
	if m.Depth() > message.MaxPickleDepth {
		f.lines = append(f.lines, "pickle !RuntimeError")
		return
	}
	b, err := pickle.Dump(m.ToPickle(), 1)
	f.add("pickle", hex.EncodeToString(b), err)
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case pickle.Unicode:
		return "u" + repr(string(v))
	case string:
		return repr(v)
	}

	return fmt.Sprint(v)
}

func showPtr(s *string) string {
	if s == nil {
		return "None"
	}
	return show(*s)
}

func showAll(all []string) string {
	var b strings.Builder
	b.WriteByte('(')

	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(show(s))
	}

	b.WriteByte(')')
	return b.String()
}

// repr is Python's repr of a str.
func repr(s string) string {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}

	const hex = "0123456789abcdef"
	b := make([]byte, 0, len(s)+2)
	b = append(b, quote)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}

	return string(append(b, quote))
}
