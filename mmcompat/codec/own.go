package codec

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// codec is a charset with exactly Python's rules.
type codec interface {
	encoder
	// next decodes the beginning of b: n bytes are the character r, or n bytes are bad for the reason why.
	next(b string) (r rune, n int, why string)
}

// encoder encodes characters of the charset.
type encoder interface {
	name() string   // the name in Python's messages
	reason() string // why a character cannot be encoded
	has(r rune) bool
	bytes(run string) string // for characters that the charset has
}

// decode is unicode(b, c, errors).
func decode(b string, c codec, errors string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(b); {
		r, n, why := c.next(b[i:])
		switch {
		case why == "" && isSurrogate(r):
			out.WriteString(b[i : i+n])
		case why == "":
			out.WriteRune(r)
		case errors == Replace:
			out.WriteRune(utf8.RuneError)
		case errors == Ignore:
		default:
			return "", py.DecodeError(c.name(), b, i, i+n, why)
		}

		i += n
	}

	return out.String(), nil
}

// encode is u.encode(c, errors).
func encode(u string, c encoder, errors string) (string, error) {
	var out, run strings.Builder
	flush := func() {
		out.WriteString(c.bytes(run.String()))
		run.Reset()
	}

	// Runs of characters that the charset has are converted at once; for the others the error handler decides.
	pos := 0
	for rest := u; rest != ""; pos++ {
		r, n := character(rest)
		if c.has(r) {
			run.WriteString(rest[:n])
			rest = rest[n:]
			continue
		}

		switch errors {
		case Replace:
			run.WriteByte('?')
		case Ignore:
		case XMLCharRefReplace:
			fmt.Fprintf(&run, "&#%d;", r)
		default:
			return "", lacking(c, u, rest, pos)
		}

		rest = rest[n:]
	}

	flush()
	return out.String(), nil
}

// lacking is the error about the first character of rest, which is at pos in u, and about those behind it that the
// charset lacks too.
func lacking(c encoder, u, rest string, pos int) error {
	end := pos
	for rest != "" {
		r, n := character(rest)
		if c.has(r) {
			break
		}
		rest = rest[n:]
		end++
	}

	if _, multibyte := c.(*wide); multibyte {
		end = pos + 1
	}

	return py.EncodeError(c.name(), u, pos, end, c.reason())
}

func isSurrogate(r rune) bool { return 0xd800 <= r && r < 0xe000 }

// character returns the first character of a unicode in UTF-8, which may be a lone surrogate.
func character(s string) (r rune, n int) {
	if r, n, why := (utf8Own{}).next(s); why == "" {
		return r, n
	}
	return utf8.DecodeRuneInString(s)
}

// codecs are the codecs that lookup names.
var codecs = map[string]codec{ascii: low{"ascii", 0x80}, latin1: low{"latin-1", 0x100}, utf8Codec: utf8Own{}}

// low is a charset that is the first part of Unicode.
type low struct {
	called string
	size   rune
}

func (c low) name() string    { return c.called }
func (c low) reason() string  { return fmt.Sprintf("ordinal not in range(%d)", c.size) }
func (c low) has(r rune) bool { return r < c.size }
func (c low) next(b string) (rune, int, string) {
	if rune(b[0]) < c.size {
		return rune(b[0]), 1, ""
	}
	return 0, 1, c.reason()
}
func (c low) bytes(run string) string {
	out := make([]byte, 0, len(run))
	for _, r := range run {
		out = append(out, byte(r))
	}
	return string(out)
}

// pages are the single-byte charsets.
var pages = func() map[encoding.Encoding]codec {
	made := map[encoding.Encoding]codec{}
	for _, enc := range charmap.All {
		cm, ok := enc.(*charmap.Charmap)
		if !ok {
			continue
		}
		p := &page{back: map[rune]byte{}}
		// Python has the control characters of ISO 6429 in all of these charsets, and x/text does not.
		iso := strings.HasPrefix(cm.String(), "ISO 8859-")
		for i := range 256 {
			r := cm.DecodeByte(byte(i))
			if iso && 0x80 <= i && i < 0xa0 {
				r = rune(i)
			}
			p.runes[i] = r
			if r != utf8.RuneError {
				p.back[r] = byte(i)
			}
		}
		made[enc] = p
	}

	// Python leaves bytes undefined that the vendor has not defined; browsers define them.
	made[charmap.Windows1255].(*page).undefine(0xca)
	// Python has RFC 2319's KOI8-U; x/text has a variant with a letter of Belarus.
	made[charmap.KOI8U].(*page).define(0xae, '\u255d')
	made[charmap.KOI8U].(*page).define(0xbe, '\u256c')
	return made
}()

// page is a table of characters; utf8.RuneError stands for a byte without a character.
type page struct {
	runes [256]rune
	back  map[rune]byte
}

func (p *page) undefine(b byte) {
	delete(p.back, p.runes[b])
	p.runes[b] = utf8.RuneError
}

func (p *page) define(b byte, r rune) {
	delete(p.back, p.runes[b])
	p.runes[b], p.back[r] = r, b
}

func (p *page) name() string   { return "charmap" }
func (p *page) reason() string { return "character maps to <undefined>" }
func (p *page) has(r rune) bool {
	_, ok := p.back[r]
	return ok
}
func (p *page) next(b string) (rune, int, string) {
	if r := p.runes[b[0]]; r != utf8.RuneError {
		return r, 1, ""
	}
	return 0, 1, p.reason()
}
func (p *page) bytes(run string) string {
	out := make([]byte, 0, len(run))
	for _, r := range run {
		out = append(out, p.back[r])
	}
	return string(out)
}

// utf8Own is UTF-8 as Python 2.7 reads it: surrogates are accepted, and PyUnicode_DecodeUTF8Stateful decides which
// bytes one error covers.
type utf8Own struct{}

func (utf8Own) name() string            { return "utf8" }
func (utf8Own) reason() string          { return "surrogates not allowed" }
func (utf8Own) has(rune) bool           { return true }
func (utf8Own) bytes(run string) string { return run }

const (
	badStart = "invalid start byte"
	badNext  = "invalid continuation byte"
	badEnd   = "unexpected end of data"
)

// next decodes the next character of b as PyUnicode_DecodeUTF8Stateful does, errors included: their extent
// decides how many replacement characters a broken header gets.
func (utf8Own) next(b string) (r rune, n int, why string) {
	c := b[0]
	more := func(i int) bool { return b[i]&0xc0 == 0x80 }

	// The first byte says how many there are. C0 and C1 would be overlong forms, F5 and up lie beyond Unicode.
	switch {
	case c < 0x80:
		return rune(c), 1, ""
	case c < 0xc2 || c > 0xf4:
		return 0, 1, badStart
	case c < 0xe0:
		n = 2
	case c < 0xf0:
		n = 3
	default:
		n = 4
	}

	// The text ends inside the character.
	if len(b) < n {
		end := 1
		// Each continuation byte is counted together with all bytes before it.
		for k := 1; k < len(b) && more(k); k++ {
			end += k
		}
		return 0, min(end, len(b)), badEnd
	}

	// The error reaches up to the first byte that is not a continuation byte, and never beyond the last but one.
	good := 1
	for good < n && more(good) {
		good++
	}
	outside := c == 0xe0 && b[1] < 0xa0 || c == 0xf0 && b[1] < 0x90 || c == 0xf4 && b[1] > 0x8f
	if good < n || outside {
		return 0, min(good, n-1), badNext
	}

	// The first byte gives its low bits, and each later byte six more.
	r = rune(c) & (0x7f >> n)
	for i := 1; i < n; i++ {
		r = r<<6 | rune(b[i]&0x3f)
	}
	return r, n, ""
}
