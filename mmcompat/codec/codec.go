// Package codec is Python 2.7's codecs and their names: the results of unicode(b, charset) and u.encode(charset) for
// mail, texts and names. golang.org/x/text has the tables. Where Python's rules or tables differ, Python's count,
// since mail is compared byte for byte; Beyond reports text that only Python can decode exactly.
package codec

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Error handling of Decode and Encode, as Python 2's codecs name it.
const (
	Strict            = "strict"
	Replace           = "replace"
	Ignore            = "ignore"
	XMLCharRefReplace = "xmlcharrefreplace"
)

// ascii, latin1 and utf8Codec are written here, with exactly Python's rules.
const (
	ascii     = "ascii"
	latin1    = "latin-1"
	utf8Codec = "utf8"
)

// charmaps has the single-byte charsets, by Python's modules.
var charmaps = map[string]*charmap.Charmap{
	"cp037": charmap.CodePage037, "cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852,
	"cp855": charmap.CodePage855, "cp858": charmap.CodePage858, "cp860": charmap.CodePage860, "cp862": charmap.CodePage862,
	"cp863": charmap.CodePage863, "cp865": charmap.CodePage865, "cp866": charmap.CodePage866, "cp874": charmap.Windows874,
	"cp1140": charmap.CodePage1140, "cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251, "cp1252": charmap.Windows1252,
	"cp1253": charmap.Windows1253, "cp1254": charmap.Windows1254, "cp1255": charmap.Windows1255, "cp1256": charmap.Windows1256,
	"cp1257": charmap.Windows1257, "cp1258": charmap.Windows1258, "koi8_r": charmap.KOI8R, "koi8_u": charmap.KOI8U,
	"mac_roman": charmap.Macintosh, "mac_cyrillic": charmap.MacintoshCyrillic,
	"iso8859_2": charmap.ISO8859_2, "iso8859_3": charmap.ISO8859_3, "iso8859_4": charmap.ISO8859_4, "iso8859_5": charmap.ISO8859_5,
	"iso8859_6": charmap.ISO8859_6, "iso8859_7": charmap.ISO8859_7, "iso8859_8": charmap.ISO8859_8, "iso8859_9": charmap.ISO8859_9,
	"iso8859_10": charmap.ISO8859_10, "iso8859_13": charmap.ISO8859_13, "iso8859_14": charmap.ISO8859_14, "iso8859_15": charmap.ISO8859_15,
	"iso8859_16": charmap.ISO8859_16,
}

// lookup finds a codec by any of its names: one of the three above, a single-byte charset, or a wide one.
func lookup(charset string) (own string, page codec, w *wide, err error) {
	module, ok := codecModule(charset)
	switch {
	case !ok:
	case module == "ascii":
		return ascii, nil, nil, nil
	case module == "latin_1":
		return latin1, nil, nil, nil
	case module == "utf_8":
		return utf8Codec, nil, nil, nil
	case charmaps[module] != nil:
		return "", pages[charmaps[module]], nil, nil
	case wides[module] != nil:
		return "", nil, wides[module], nil
	}

	return "", nil, nil, py.Errorf("LookupError", "unknown encoding: %s", charset)
}

// Beyond tells whether only Python can decode b exactly: its codec is not here, or b has bytes that Python and Go
// decode differently, or that the tables of a charset's vendors map differently.
func Beyond(b, charset string) bool {
	if b == "" {
		return false
	}
	_, _, w, err := lookup(charset)
	return err != nil && BeyondCodec(charset) || w != nil && !w.agreed(b)
}

// BeyondCodec tells whether Python has the codec and this package has not.
func BeyondCodec(charset string) bool {
	_, known := codecModule(charset)
	return known && !knownCharset(charset)
}

// knownCharset tells whether there is a codec of that name.
func knownCharset(charset string) bool {
	_, _, _, err := lookup(charset)
	return err == nil
}

// Decode is unicode(b, charset, errors), as UTF-8. A lone surrogate, which Python 2 accepts, keeps its three bytes.
// The error is a *py.Error: a LookupError, which Python does not raise for an empty string, or a UnicodeDecodeError.
func Decode(b, charset, errors string) (u string, err error) {
	if b == "" {
		return "", nil
	}
	own, page, w, err := lookup(charset)
	// Three kinds of codecs: those that are written here, single-byte tables, and Go's where both agree.
	switch {
	case err != nil:
		return "", err
	case own != "":
		return decode(b, codecs[own], errors)
	case page != nil:
		return decode(b, page, errors)
	}

	s, _, err := transform.String(w.enc.NewDecoder(), b)
	if err != nil {
		return "", undecodable("'%s' codec can't decode: %v", charset, err)
	}

	if w.decoded != nil {
		s = w.decoded.Replace(s)
	}

	// Go's decoders put U+FFFD where Python would have called the error handler.
	if !strings.ContainsRune(s, utf8.RuneError) {
		return s, nil
	}

	switch errors {
	case Replace:
		return s, nil
	case Ignore:
		return strings.ReplaceAll(s, string(utf8.RuneError), ""), nil
	}

	return "", undecodable("'%s' codec can't decode bytes", charset)
}

// Encode is u.encode(charset, errors) for a unicode in UTF-8. Errors are those of Decode.
func Encode(u, charset, errors string) (b string, err error) {
	own, page, w, err := lookup(charset)
	switch {
	case err != nil:
		return "", err
	case own == utf8Codec:
		return u, nil
	case own != "":
		return encode(u, codecs[own], errors)
	case page != nil:
		return encode(u, page, errors)
	}

	return encode(u, w, errors)
}

// undecodable is the error of a codec for which Python has other words.
func undecodable(format string, a ...any) error {
	return &py.Error{Class: "UnicodeDecodeError", Text: fmt.Sprintf(format, a...), Base: py.ErrUnicode}
}
