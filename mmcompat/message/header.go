package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// HeaderValue is email.header.Header: a field's value in pieces, each in its own charset.
type HeaderValue struct {
	Chunks         []Chunk
	Charset        *Charset // of chunks that are appended without one
	ContinuationWS string
	FirstLineLen   int
	MaxLineLen     int
}

// Chunk is a piece of a header in one charset.
type Chunk struct {
	S       string
	Charset *Charset
}

// HeaderOptions are the keyword arguments of email.header.Header.
type HeaderOptions struct {
	MaxLineLen     int    // 0: 76
	HeaderName     string // "": None
	ContinuationWS string // "": a space
	Errors         string // "": "strict"
}

// NewHeader is Header(s, charset, ...). A nil s is None, and a nil charset is us-ascii.
func NewHeader(s Text, charset *Charset, o HeaderOptions) (*HeaderValue, error) {
	if charset == nil {
		charset = asciiCharset
	}

	if o.MaxLineLen == 0 {
		o.MaxLineLen = 76
	}

	if o.ContinuationWS == "" {
		o.ContinuationWS = " "
	}

	// The first line has less room: the field's name and ": " stand before it.
	h := &HeaderValue{Charset: charset, ContinuationWS: o.ContinuationWS}
	h.FirstLineLen = o.MaxLineLen
	if o.HeaderName != "" {
		h.FirstLineLen -= len(o.HeaderName) + 2
	}

	h.MaxLineLen = o.MaxLineLen - columns(o.ContinuationWS)
	if s == nil {
		return h, nil
	}

	return h, h.Append(s, charset, o.Errors)
}

// columns is the width of folding whitespace.
func columns(ws string) int { return len(ws) + 7*strings.Count(ws, "\t") }

// Append is append(s, charset, errors). A nil charset is the header's own, and errors "" is "strict". A unicode is
// encoded in the first of us-ascii, charset and utf-8 that can encode it.
func (h *HeaderValue) Append(s Text, charset *Charset, errors string) error {
	if charset == nil {
		charset = h.Charset
	}

	if errors == "" {
		errors = "strict"
	}

	switch s := s.(type) {
	// A str must be decodable with the input codec, and what comes of it encodable with the output codec.
	case string:
		if charset.String() != "8bit" {
			u, err := decode(s, codecOr(charset.InputCodec), errors)
			if err != nil {
				return err
			}
			if _, err := encode(u, codecOr(charset.OutputCodec), errors); err != nil {
				return err
			}
		}

		h.Chunks = append(h.Chunks, Chunk{s, charset})

	// A unicode is stored encoded, in the first charset that has all of its characters.
	case pickle.Unicode:
		if charset.String() == "8bit" {
			h.Chunks = append(h.Chunks, Chunk{string(s), charset})
			return nil
		}
		var err error
		for _, c := range []*Charset{asciiCharset, charset, utf8Charset} {
			var b string
			if b, err = encode(string(s), codecOr(c.OutputCodec), errors); err == nil {
				h.Chunks = append(h.Chunks, Chunk{b, c})
				return nil
			}
			// An unknown codec is another error than a missing character.
			if !isUnicodeError(err) {
				return err
			}
		}

		return err
	}

	return nil
}

// codecOr is codec or 'us-ascii'.
func codecOr(codec string) string {
	if codec == "" {
		return "us-ascii"
	}
	return codec
}

// String is str(h); "" where Python raises.
func (h *HeaderValue) String() string {
	s, err := h.Encode()
	if err != nil {
		return ""
	}
	return s
}

// Unicode is unicode(h), as UTF-8.
func (h *HeaderValue) Unicode() (string, error) {
	// Header.__unicode__ puts a blank between an encoded chunk and a plain one.
	plain := func(c *Charset) bool {
		return c == nil || c.String() == "us-ascii" || c.String() == "none"
	}
	var b strings.Builder
	var last *Charset
	for i, c := range h.Chunks {
		next := c.Charset
		if i > 0 {
			switch {
			case !plain(last) && plain(next):
				b.WriteByte(' ')
				next = nil
			case plain(last) && !plain(next):
				b.WriteByte(' ')
			}
		}

		last = next
		u, err := decode(c.S, c.Charset.String(), "strict")
		if err != nil {
			return "", err
		}

		b.WriteString(u)
	}

	return b.String(), nil
}

// Encode is encode(): the value folded, and encoded by RFC 2047.
func (h *HeaderValue) Encode() (string, error) {
	// Header.encode: each chunk is split for the room that the one before it left.
	const splitchars = ";, "
	var pieces []Chunk
	lastLen := 0
	for _, c := range h.Chunks {
		room := h.FirstLineLen - lastLen - 1
		if room < c.Charset.encodedHeaderLen("") {
			room = h.FirstLineLen
		}

		split, err := h.split(c.S, c.Charset, room, splitchars)
		if err != nil {
			return "", err
		}
		pieces = append(pieces, split...)
		if len(pieces) == 0 {
			return "", &py.Error{Class: "IndexError", Text: "list index out of range"}
		}

		last := pieces[len(pieces)-1]
		lastLen = last.Charset.encodedHeaderLen(last.S)
	}

	// A line break in the value could begin another field: Python refuses that.
	value, err := h.join(pieces)
	if err != nil {
		return "", err
	}
	if embedsHeader(value) {
		return "", &py.Error{Class: "HeaderParseError", Text: "header value appears to contain an embedded header: " + py.Repr(value)}
	}

	return value, nil
}

// join is Header._encode_chunks: pieces share a line as long as they fit.
func (h *HeaderValue) join(pieces []Chunk) (string, error) {
	var lines []string
	for _, c := range pieces {
		if c.S == "" {
			continue
		}
		s, err := c.Charset.headerEncode(c.S)
		if err != nil {
			return "", err
		}

		n := len(lines) - 1
		if n < 0 || len(lines[n])+len(s) > h.FirstLineLen {
			lines = append(lines, py.LStrip(s))
			continue
		}

		if !strings.HasSuffix(lines[n], " ") {
			lines[n] += " "
		}

		lines[n] += s
	}

	return strings.Join(lines, "\n"+h.ContinuationWS), nil
}

// embedsHeader tells whether a line of a folded value looks like a field: \n[^ \t]+: anywhere.
func embedsHeader(s string) bool {
	for {
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			return false
		}

		s = s[i+1:]
		run := s
		if j := strings.IndexAny(s, " \t"); j >= 0 {
			run = s[:j]
		}

		if strings.LastIndexByte(run, ':') >= 1 {
			return true
		}
		s = s[len(run):]
	}
}
