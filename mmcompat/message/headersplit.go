package message

import (
	"strings"
	"unicode/utf8"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// splittable is the result of Charset.to_splittable: characters where the codec is known, or else bytes.
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

// cut is sp[:n] and sp[n:]. A negative n counts from the end.
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

// split is Header._split: it cuts s into pieces that fit on a line each. Python recurses for the rest; this loops.
func (h *HeaderValue) split(s string, c *Charset, room int, splitchars string) ([]Chunk, error) {
	var chunks []Chunk
	for range maxSplits {
		// The piece fits when its encoded form does.
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

		// Not all charsets can be cut anywhere: 8bit is never cut, and us-ascii is cut at words.
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
		// The encoded form is as long as the text, so the room is also the number of characters.
		case width == len(s):
			first, last = sp.cut(room)
		// Else Python searches for the longest beginning that fits.
		default:
			if first, last, err = c.cutToFit(sp, room); err != nil {
				return nil, err
			}
		}

		// The beginning is encoded and kept; the loop goes on with what is left, in the room of a whole line.
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

// cutToFit is email.header._binsplit: it cuts off the longest beginning that fits.
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

// splitASCII is email.header._split_ascii: it breaks lines at the highest syntactic level there is, which is the
// first of splitchars that the line has.
func splitASCII(s string, firstLen, restLen int, ws, splitchars string) ([]string, error) {
	var lines []string
	limit := firstLen
	for _, line := range py.SplitLines(s, false) {
		line = py.LStrip(line)
		// A short line needs no break.
		ch := byte(0)

		if len(line) >= limit {
			for i := range len(splitchars) {
				if strings.IndexByte(line, splitchars[i]) >= 0 {
					ch = splitchars[i]
					break
				}
			}
		}

		// Nothing to break at: the line stays long (RFC 5322, 2.1.1 allows up to 998).
		if ch == 0 {
			lines = append(lines, line)
			limit = restLen
			continue
		}

		// The character stays at the end of the line, except a blank, which folding replaces (RFC 5322, 2.2.3).
		eol := ""
		if ch != ' ' {
			eol = string(ch)
		}

		joiner := eol + " "
		var this []string
		width := 0
		// Parts are gathered as long as they fit.
		for _, part := range splitAtSpace(line, ch) {
			used := width + max(0, len(this)-1)*len(joiner)
			switch {
			// The field's name must not stand alone on the first line.
			case ch == ' ' && len(lines) == 0 && len(this) == 1 && isFieldName(this[0]):
				this = append(this, part)
				width += len(part)
			case used+len(part) > limit:
				if len(this) > 0 {
					lines = append(lines, strings.Join(this, joiner)+eol)
				}

				// The part alone is too long: break it at blanks, and go on with its last line.
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

				// The part begins a new line, behind the white space that continues a field.
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
