package codec

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// wide is a charset of several bytes for a character, as in x/text, with Python's differences.
type wide struct {
	module string
	enc    encoding.Encoding
	// agreed tells whether enc reads these bytes as Python does; nil means always.
	agreed func(b string) bool
	// decoded turns enc's characters into Python's; nil if they are the same.
	decoded *strings.Replacer
	// encoded turns Python's characters into enc's, or -1 for a character that Python lacks.
	encoded map[rune]rune
	// encodes tells whether Python has the character with these bytes; nil means always.
	encodes func(b string) bool
	// composed encodes characters that has accepts; nil means enc's own way.
	composed func(u string) string
}

func (c *wide) name() string   { return c.module }
func (c *wide) reason() string { return "illegal multibyte sequence" }

func (c *wide) has(r rune) bool {
	if r < utf8.RuneSelf {
		return true
	}

	if to, ok := c.encoded[r]; ok {
		if to < 0 {
			return false
		}
		r = to
	}

	if c.composed != nil && r >= firstSyllable && r <= lastSyllable {
		return true
	}
	b, _, err := transform.String(c.enc.NewEncoder(), string(r))
	return err == nil && !isSurrogate(r) && (r < utf8.RuneSelf || c.encodes == nil || c.encodes(b))
}

func (c *wide) bytes(run string) string {
	if c.composed != nil {
		return c.composed(run)
	}

	run = strings.Map(func(r rune) rune {
		if to, ok := c.encoded[r]; ok {
			return to
		}
		return r
	}, run)

	s, _, _ := transform.String(c.enc.NewEncoder(), run)
	return s
}

// wides has UTF-16 and the charsets of East Asia, by Python's modules. In the rows of their standards Python and Go
// agree except for some characters. Outside of these rows each follows other vendors.
var wides = map[string]*wide{
	"euc_jp":     jis(japanese.EUCJP, eucJP),
	"shift_jis":  jis(japanese.ShiftJIS, shiftJIS),
	"iso2022_jp": jis(japanese.ISO2022JP, nil),
	"cp932":      pairs(japanese.ShiftJIS, func(a, b byte) bool { return a != 0xa0 && a < 0xf0 || a >= 0xfa && a <= 0xfc }),
	"euc_kr": {
		enc:      korean.EUCKR,
		agreed:   agreedPairs(korean.EUCKR, ksX1001, nil),
		encodes:  func(b string) bool { return ksX1001(b[0], b[1]) },
		composed: composeKorean,
	},
	"cp949":     pairs(korean.EUCKR, func(a, b byte) bool { return true }),
	"gb2312":    gb(simplifiedchinese.GBK, gb2312),
	"gbk":       pairs(simplifiedchinese.GBK, gbk),
	"gb18030":   pairs(simplifiedchinese.GB18030, func(a, b byte) bool { return b >= 0x40 && a != 0x80 && !(a == 0xa3 && b == 0xa0) }),
	"utf_16":    {enc: unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), agreed: wholeUTF16},
	"utf_16_le": {enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), agreed: wholeUTF16},
	"utf_16_be": {enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), agreed: wholeUTF16},
	"big5":      pairs(traditionalchinese.Big5, big5),
	"cp950":     pairs(traditionalchinese.Big5, big5),
}

func pairs(enc encoding.Encoding, has func(a, b byte) bool) *wide {
	return &wide{enc: enc, agreed: agreedPairs(enc, has, nil), encodes: func(b string) bool {
		return len(b) != 2 || has(b[0], b[1])
	}}
}

// agreedPairs returns a function that tells whether bytes are ASCII, single bytes that Go and Python share, and pairs
// that has accepts, and whether enc can read all of them.
func agreedPairs(enc encoding.Encoding, has func(a, b byte) bool, lone func(byte) bool) func(b string) bool {
	return func(b string) bool {
		for i := 0; i < len(b); i++ {
			switch {
			case b[i] < utf8.RuneSelf, lone != nil && lone(b[i]):
			case i+1 == len(b) || !has(b[i], b[i+1]):
				return false
			default:
				i++
			}
		}

		s, _, err := transform.String(enc.NewDecoder(), b)
		return err == nil && !strings.ContainsRune(s, utf8.RuneError)
	}
}

func within(c, low, high byte) bool { return low <= c && c <= high }

// jisRunes maps characters as Go reads them, which follows Microsoft, to characters as Python reads them, which
// follows JIS X 0208.
var jisRunes = map[rune]rune{
	'\uff5e': '\u301c', '\u2225': '\u2016', '\uff0d': '\u2212', '\uffe0': '\u00a2', '\uffe1': '\u00a3', '\uffe2': '\u00ac',
}

// jis makes a charset of JIS X 0208. has is nil for the one with shifts.
func jis(enc encoding.Encoding, has func(a, b byte) bool) *wide {
	// Go and Python map a few characters of JIS X 0208 differently: swap them after decoding, and back before encoding.
	var swap []string
	back := map[rune]rune{'\u00a5': '\\', '\u203e': '~'}
	for goes, python := range jisRunes {
		swap = append(swap, string(goes), string(python))
		back[python] = goes
		back[goes] = -1
	}

	c := &wide{enc: enc, decoded: strings.NewReplacer(swap...), encoded: back}
	switch {
	case has == nil:
		// Go's ISO-2022-JP has no yen sign and no overline.
		delete(back, '\u00a5')
		delete(back, '\u203e')
		c.agreed = agreedISO2022JP
		c.encodes = func(b string) bool { return len(b) < 5 || eucJP(b[3]|0x80, b[4]|0x80) }
	default:
		lone := func(byte) bool { return false }
		if enc == japanese.ShiftJIS {
			lone = func(b byte) bool { return within(b, 0xa1, 0xdf) }
		}
		c.agreed = agreedPairs(enc, has, lone)
		c.encodes = func(b string) bool { return len(b) != 2 || has(b[0], b[1]) }
	}

	return c
}

func eucJP(a, b byte) bool {
	return (within(a, 0xa1, 0xa8) || within(a, 0xb0, 0xf4)) && within(b, 0xa1, 0xfe) || a == 0x8e && within(b, 0xa1, 0xdf)
}

func shiftJIS(a, b byte) bool {
	return (within(a, 0x81, 0x84) || within(a, 0x88, 0x9f) || within(a, 0xe0, 0xea)) && within(b, 0x40, 0xfc) && b != 0x7f
}

// agreedISO2022JP tells whether a text only has ASCII and JIS X 0208, in their usual shifts.
func agreedISO2022JP(b string) bool {
	wide := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		// ISO-2022-JP shifts by escape sequences: ESC ( B is ASCII, ESC $ B and ESC $ @ are JIS X 0208.
		case c == 0x1b:
			if i+2 >= len(b) {
				return false
			}

			switch b[i+1 : i+3] {
			case "(B":
				wide = false
			case "$B", "$@":
				wide = true
			default:
				return false
			}

			i += 2
		case c >= utf8.RuneSelf:
			return false
		case wide:
			if c == '\n' || i+1 == len(b) || !eucJP(c|0x80, b[i+1]|0x80) || c < 0x21 {
				return false
			}
			i++
		}
	}

	// Go's decoder must agree that all of it is valid.
	s, _, err := transform.String(japanese.ISO2022JP.NewDecoder(), b)
	return err == nil && !strings.ContainsRune(s, utf8.RuneError)
}

// gb is GB 2312, which is a part of GBK.
func gb(enc encoding.Encoding, has func(a, b byte) bool) *wide {
	c := pairs(enc, has)
	c.decoded = strings.NewReplacer("\u00b7", "\u30fb", "\u2014", "\u2015")
	c.encoded = map[rune]rune{'\u30fb': '\u00b7', '\u2015': '\u2014', '\u00b7': -1, '\u2014': -1}
	return c
}

func gb2312(a, b byte) bool {
	if !within(a, 0xa1, 0xa9) && !within(a, 0xb0, 0xf7) || !within(b, 0xa1, 0xfe) {
		return false
	}

	switch a {
	case 0xa2:
		return b > 0xb0 && b != 0xe3
	case 0xa6:
		return b < 0xe0
	case 0xa8:
		return b < 0xbb || b > 0xc0
	}

	return true
}

func gbk(a, b byte) bool {
	switch a {
	case 0x80, 0xfe, 0xff:
		return a == 0xfe && b < 0x50
	case 0xa2:
		return b != 0xe3
	case 0xa3:
		return b != 0xa0
	case 0xa8:
		return b != 0xbf
	case 0xa9:
		return b < 0x89 || b > 0x95
	}

	return b >= 0x40
}

// big5 leaves out the symbols on which Big5's vendors differ.
func big5(a, b byte) bool {
	switch {
	case a == 0xa1:
		return strings.IndexByte("\x45\x4e\x5a\xc2\xc3\xc5\xe3\xf2\xf3\xfe", b) < 0
	case a == 0xa2:
		return strings.IndexByte("\x40\x41\x42\x44\x46\x47\xcc\xce", b) < 0
	case a == 0xa3:
		return b < 0xc0
	case a == 0xc6:
		return b < 0x80
	case a == 0xf9:
		return b < 0xd6
	}

	return within(a, 0xa4, 0xc5) || within(a, 0xc9, 0xf8)
}

func ksX1001(a, b byte) bool {
	return within(a, 0xa1, 0xfd) && within(b, 0xa1, 0xfe) && !(a == 0xa4 && b == 0xd4)
}

// The Hangul syllables of Unicode, and the sounds that they are made of in KS X
// 1001: Python's euc_kr spells a syllable that has no pair of its own.
const (
	firstSyllable = '\uac00'
	lastSyllable  = '\ud7a3'
	initials      = "\xa1\xa2\xa4\xa7\xa8\xa9\xb1\xb2\xb3\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe"
	vowels        = "\xbf\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf\xd0\xd1\xd2\xd3"
	finals        = "\xd4\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa9\xaa\xab\xac\xad\xae\xaf\xb0\xb1\xb2\xb4\xb5\xb6\xb7\xb8\xba\xbb\xbc\xbd\xbe"
)

func composeKorean(u string) string {
	var out strings.Builder
	for _, r := range u {
		b, _, _ := transform.String(korean.EUCKR.NewEncoder(), string(r))
		if len(b) == 2 && !ksX1001(b[0], b[1]) {
			i := int(r - firstSyllable)
			b = "\xa4\xd4\xa4" + initials[i/588:i/588+1] + "\xa4" + vowels[i%588/28:i%588/28+1] + "\xa4" + finals[i%28:i%28+1]
		}
		out.WriteString(b)
	}

	return out.String()
}

// wholeUTF16 tells whether UTF-16 has only whole characters, without an error for Python.
func wholeUTF16(b string) bool {
	if len(b)%2 != 0 {
		return false
	}

	for i := range len(b) / 2 {
		// Either half could be a surrogate.
		if b[2*i]&0xf8 == 0xd8 || b[2*i+1]&0xf8 == 0xd8 {
			return false
		}
	}

	return true
}

func init() {
	for module, c := range wides {
		c.module = module
	}
}
