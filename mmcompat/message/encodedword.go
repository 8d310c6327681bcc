package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// decodedChunk is a piece of a header as decode_header returns it. Charset is the charset of an encoded word, in
// lower case; without Encoded it is None.
type decodedChunk struct {
	S       string
	Charset string
	Encoded bool
}

// DecodeHeader is email.header.decode_header: it returns the encoded words of RFC 2047 and the text between them. The
// error is a *py.Error of kind HeaderParseError for broken base64.
func DecodeHeader(header string) ([]decodedChunk, error) {
	// Most fields have no encoded word, and decode_header returns them whole.
	if _, ok := (&wordFinder{s: header}).next(0); !ok {
		return []decodedChunk{{S: header}}, nil
	}
	var decoded []decodedChunk
	// texts holds, for each chunk, the pieces that it is joined from: joining at the end keeps long fields linear.
	var texts [][]string
	add := func(s, charset string, encoded bool, joiner string) {
		if n := len(decoded) - 1; n >= 0 && decoded[n].Encoded == encoded && decoded[n].Charset == charset {
			texts[n] = append(texts[n], joiner, s)
			return
		}
		decoded = append(decoded, decodedChunk{Charset: charset, Encoded: encoded})
		texts = append(texts, []string{s})
	}

	// decode_header works line by line. A line without an encoded word becomes a chunk of its own, never joined.
	for _, line := range py.SplitLines(header, false) {
		f := &wordFinder{s: line}
		w, ok := f.next(0)
		if !ok {
			decoded = append(decoded, decodedChunk{})
			texts = append(texts, []string{line})
			continue
		}

		// Between encoded words lies plain text, stripped. Blanks alone vanish, as RFC 2047, 6.2 wants it.
		at := 0
		for ; ok; w, ok = f.next(at) {
			if plain := py.Strip(line[at:w.start]); plain != "" {
				add(plain, "", false, " ")
			}

			s, err := w.decode()
			if err != nil {
				return nil, err
			}
			add(s, py.Lower(w.charset), true, "")
			at = w.end
		}

		// The text after the last encoded word.
		if plain := py.Strip(line[at:]); plain != "" {
			add(plain, "", false, " ")
		}
	}

	for i := range decoded {
		decoded[i].S = strings.Join(texts[i], "")
	}
	return decoded, nil
}

// MakeHeader is email.header.make_header.
func MakeHeader(r *Charsets, seq []decodedChunk, o HeaderOptions) (*HeaderValue, error) {
	h, err := NewHeader(nil, nil, o)
	if err != nil {
		return nil, err
	}

	for _, d := range seq {
		var c *Charset
		if d.Encoded {
			if c, err = r.New(d.Charset); err != nil {
				return nil, err
			}
		}

		if err := h.Append(d.S, c, ""); err != nil {
			return nil, err
		}
	}

	return h, nil
}

// word is an encoded word: =?charset?encoding?encoded?=
type word struct {
	start, end       int
	charset, encoded string
	base64           bool
}

func (w word) decode() (string, error) {
	if !w.base64 {
		return decodeHeaderQP(w.encoded), nil
	}
	s := w.encoded
	if n := len(s) % 4; n > 0 {
		s += "==="[:4-n]
	}

	d, ok := DecodeBase64(s)
	if !ok {
		return "", &py.Error{Class: "HeaderParseError", Text: ""}
	}
	return d, nil
}

// decodeHeaderQP is email.quoprimime.header_decode.
func decodeHeaderQP(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			b = append(b, ' ')
		case s[i] == '=' && i+2 < len(s) && isHexDigit(s[i+1]) && isHexDigit(s[i+2]):
			b = append(b, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}

	return string(b)
}

// wordFinder is email.header.ecre on one string. It remembers where the next end of a word and the next line are, so
// that it goes through a long field once.
type wordFinder struct {
	s       string
	term    int // the first "?=" from termFrom on that can end a word
	newline int // the first "\n" from nlFrom on
	termOK  bool
	nlOK    bool
}

// next finds the first encoded word at or after from, as the pattern ecre of email.header does.
func (f *wordFinder) next(from int) (word, bool) {
	s := f.s
	// RFC 2047, 2: =?charset?encoding?text?=
	for {
		i := strings.Index(s[from:], "=?")
		if i < 0 {
			return word{}, false
		}

		start := from + i
		from = start + 1
		q := strings.IndexByte(s[start+2:], '?')
		if q < 0 {
			return word{}, false
		}

		q += start + 2
		// The encoding is one letter, Q or B.
		if q+2 >= len(s) || s[q+2] != '?' {
			continue
		}
		encoding := s[q+1] | 0x20
		if encoding != 'q' && encoding != 'b' {
			continue
		}

		// ecre's text goes to the first ?= that ends a word, and never over a line's end.
		text := q + 3
		end := f.terminator(text)
		if end < 0 {
			return word{}, false
		}
		if f.nextNewline(text) < end {
			continue
		}

		return word{start, end + 2, s[start+2 : q], s[text:end], encoding == 'b'}, true
	}
}

// terminator returns the first "?=" at or after pos that has a blank or the end of a line behind it, or -1.
func (f *wordFinder) terminator(pos int) int {
	if f.termOK && (f.term < 0 || f.term >= pos) {
		return f.term
	}
	f.termOK, f.term = true, -1

	for pos <= len(f.s) {
		i := strings.Index(f.s[pos:], "?=")
		if i < 0 {
			break
		}

		pos += i
		if pos+2 == len(f.s) || strings.IndexByte(" \t\n", f.s[pos+2]) >= 0 {
			f.term = pos
			break
		}
		pos++
	}

	return f.term
}

// nextNewline returns the first "\n" at or after pos, or the length of the text.
func (f *wordFinder) nextNewline(pos int) int {
	if f.nlOK && f.newline >= pos {
		return f.newline
	}
	f.nlOK, f.newline = true, len(f.s)

	if pos <= len(f.s) {
		if i := strings.IndexByte(f.s[pos:], '\n'); i >= 0 {
			f.newline = pos + i
		}
	}

	return f.newline
}
