package message

import (
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// HeaderValue is email.header.Header: a field's value in pieces, each in a
// charset of its own.
type HeaderValue struct {
	Chunks         []Chunk
	Charset        *Charset // of what is appended without one
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

// NewHeader is Header(s, charset, ...); s may be nil (none), charset nil is
// us-ascii.
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

// Append is append(s, charset, errors); charset nil is the header's own, errors
// "" is "strict". A unicode goes out in the first of us-ascii, charset and utf-8
// that can hold it.
func (h *HeaderValue) Append(s Text, charset *Charset, errors string) error {
	if charset == nil {
		charset = h.Charset
	}

	if errors == "" {
		errors = "strict"
	}

	switch s := s.(type) {
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
	// A space goes between what was encoded and what was not.
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

// splittable is what Charset.to_splittable makes of a chunk: characters where
// the codec is known, else bytes.
type splittable struct {
	bytes   string
	chars   []string // each as UTF-8
	decoded bool
}

func (c *Charset) toSplittable(s string) (splittable, error) {
	if c.InputCodec == "" {
		return splittable{bytes: s}, nil
	}
	u, err := decode(s, c.InputCodec, "replace")
	if isLookupError(err) {
		return splittable{bytes: s}, nil
	}
	if err != nil {
		return splittable{}, err
	}

	sp := splittable{decoded: true}
	for i := 0; i < len(u); {
		_, n := utf8.DecodeRuneInString(u[i:])
		if n == 1 && u[i] >= utf8.RuneSelf {
			n = min(3, len(u)-i) // a lone surrogate
		}
		sp.chars = append(sp.chars, u[i:i+n])
		i += n
	}

	return sp, nil
}

func (sp splittable) len() int {
	if sp.decoded {
		return len(sp.chars)
	}
	return len(sp.bytes)
}

// cut is sp[:n] and sp[n:], n counting from the end where it is negative.
func (sp splittable) cut(n int) (first, last splittable) {
	if n < 0 {
		n = max(0, n+sp.len())
	}

	n = min(n, sp.len())
	first, last = sp, sp
	if sp.decoded {
		first.chars, last.chars = sp.chars[:n], sp.chars[n:]
	} else {
		first.bytes, last.bytes = sp.bytes[:n], sp.bytes[n:]
	}

	return first, last
}

// fromSplittable is from_splittable(sp, ...) with the output or input codec.
func fromSplittable(sp splittable, codec string) (string, error) {
	if !sp.decoded {
		return sp.bytes, nil
	}
	u := strings.Join(sp.chars, "")
	if codec == "" {
		return u, nil
	}

	b, err := encode(u, codec, "replace")
	if isLookupError(err) {
		return u, nil
	}
	return b, err
}

// split is Header._split: s in pieces of which each fits on a line.
func (h *HeaderValue) split(s string, c *Charset, room int, splitchars string) ([]Chunk, error) {
	var chunks []Chunk
	for range maxSplits {
		sp, err := c.toSplittable(s)
		if err != nil {
			return nil, err
		}

		encoded, err := fromSplittable(sp, c.OutputCodec)
		if err != nil {
			return nil, err
		}
		width := c.encodedHeaderLen(encoded)
		if width <= room {
			return append(chunks, Chunk{encoded, c}), nil
		}

		var first, last splittable
		switch {
		case c.String() == "8bit":
			return append(chunks, Chunk{s, c}), nil
		case c.String() == "us-ascii":
			lines, err := splitASCII(s, room, h.MaxLineLen, h.ContinuationWS, splitchars)
			if err != nil {
				return nil, err
			}
			for _, line := range lines {
				chunks = append(chunks, Chunk{line, c})
			}
			return chunks, nil
		case width == len(s):
			first, last = sp.cut(room)
		default:
			if first, last, err = c.cutToFit(sp, room); err != nil {
				return nil, err
			}
		}

		head, err := fromSplittable(first, c.InputCodec)
		if err != nil {
			return nil, err
		}
		if s, err = fromSplittable(last, c.InputCodec); err != nil {
			return nil, err
		}
		if sp, err = c.toSplittable(head); err != nil {
			return nil, err
		}
		if head, err = fromSplittable(sp, c.OutputCodec); err != nil {
			return nil, err
		}

		chunks = append(chunks, Chunk{head, c})
		room = h.MaxLineLen
	}

	return nil, recursionError()
}

// cutToFit is email.header._binsplit: the longest beginning that fits.
func (c *Charset) cutToFit(sp splittable, room int) (first, last splittable, err error) {
	i, j := 0, sp.len()
	for i < j {
		m := (i + j + 1) / 2
		first, _ = sp.cut(m)
		s, err := fromSplittable(first, c.OutputCodec)
		if err != nil {
			return first, last, err
		}

		if c.encodedHeaderLen(s) <= room {
			i = m
		} else {
			j = m - 1
		}
	}

	first, last = sp.cut(i)
	return first, last, nil
}

// Encode is encode(): folded, and encoded as RFC 2047 has it.
func (h *HeaderValue) Encode() (string, error) {
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

// embedsHeader tells whether a line of a folded value looks like a field of its
// own: \n[^ \t]+: anywhere.
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

// splitASCII is email.header._split_ascii: lines that break at the highest
// syntactic level there is.
func splitASCII(s string, firstLen, restLen int, ws, splitchars string) ([]string, error) {
	var lines []string
	limit := firstLen
	for _, line := range py.SplitLines(s, false) {
		line = py.LStrip(line)
		ch := byte(0)

		if len(line) >= limit {
			for i := range len(splitchars) {
				if strings.IndexByte(line, splitchars[i]) >= 0 {
					ch = splitchars[i]
					break
				}
			}
		}

		if ch == 0 {
			lines = append(lines, line)
			limit = restLen
			continue
		}

		eol := ""
		if ch != ' ' {
			eol = string(ch)
		}

		joiner := eol + " "
		var this []string
		width := 0
		for _, part := range splitAtSpace(line, ch) {
			used := width + max(0, len(this)-1)*len(joiner)
			switch {
			case ch == ' ' && len(lines) == 0 && len(this) == 1 && isFieldName(this[0]):
				this = append(this, part)
				width += len(part)
			case used+len(part) > limit:
				if len(this) > 0 {
					lines = append(lines, strings.Join(this, joiner)+eol)
				}

				if len(part) > limit && ch != ' ' {
					sub, err := splitASCII(part, limit, restLen, ws, " ")
					if err != nil {
						return nil, err
					}
					if len(sub) == 0 {
						return nil, &py.Error{Class: "IndexError", Text: "list index out of range"}
					}

					lines = append(lines, sub[:len(sub)-1]...)
					part = sub[len(sub)-1]
				}

				this = append(this[:0:0], part)
				width = columns(ws) + len(part)
				limit = restLen
			default:
				this = append(this, part)
				width += len(part)
			}
		}

		if len(this) > 0 {
			lines = append(lines, strings.Join(this, joiner))
		}
	}

	return lines, nil
}

// splitAtSpace cuts s at every ch and the whitespace after it.
func splitAtSpace(s string, ch byte) []string {
	var parts []string
	for {
		i := strings.IndexByte(s, ch)
		if i < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s = py.LStrip(s[i+1:])
	}
}

// isFieldName is email.header.fcre.
func isFieldName(s string) bool {
	if len(s) < 2 || s[len(s)-1] != ':' {
		return false
	}

	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}

	return true
}
