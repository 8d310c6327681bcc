package text

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Error handling of Decode and Encode, as Python 2's codecs name it.
const (
	Strict            = "strict"
	Replace           = "replace"
	Ignore            = "ignore"
	XMLCharRefReplace = "xmlcharrefreplace"
)

// CodecError is Python's UnicodeError or, if Unknown, LookupError.
type CodecError struct {
	Charset string
	Unknown bool
	Text    string // str(e)
}

func (e *CodecError) Error() string { return e.Text }

// named are charsets that Python knows under names that IANA does not list, or
// reads more widely than the name says.
var named = map[string]encoding.Encoding{
	"gb2312": simplifiedchinese.GBK, "euc_cn": simplifiedchinese.GBK, "gbk": simplifiedchinese.GBK, "cp936": simplifiedchinese.GBK,
	"gb18030": simplifiedchinese.GB18030, "big5": traditionalchinese.Big5, "cp950": traditionalchinese.Big5,
	"euc_kr": korean.EUCKR, "cp949": korean.EUCKR, "ks_c_5601_1987": korean.EUCKR,
	"euc_jp": japanese.EUCJP, "iso_2022_jp": japanese.ISO2022JP, "shift_jis": japanese.ShiftJIS, "cp932": japanese.ShiftJIS,
	"koi8_r": charmap.KOI8R, "koi8_u": charmap.KOI8U, "utf_16": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"iso_8859_8": charmap.ISO8859_8, "iso_8859_6": charmap.ISO8859_6,
}

// normal is Python's way to compare names of codecs.
func normal(charset string) string {
	return strings.NewReplacer("-", "_", " ", "_", ".", "_").Replace(strings.ToLower(strings.TrimSpace(charset)))
}

// ascii, latin1 and utf8Codec are done here: Python's rules for them are exact.
const (
	ascii     = "ascii"
	latin1    = "latin-1"
	utf8Codec = "utf8"
)

// lookup finds a codec: one of the three names above, or an encoding.
func lookup(charset string) (own string, enc encoding.Encoding, err error) {
	n := normal(charset)
	switch n {
	case "ascii", "us_ascii", "646", "ansi_x3_4_1968", "iso646_us":
		return ascii, nil, nil
	case "latin_1", "latin1", "iso_8859_1", "iso8859_1", "8859", "cp819", "l1", "iso_8859_1_1987":
		return latin1, nil, nil
	case "utf_8", "utf8", "u8", "utf":
		return utf8Codec, nil, nil
	}
	if e := named[n]; e != nil {
		return "", e, nil
	}
	for _, name := range []string{charset, strings.ReplaceAll(n, "_", "-"), strings.Replace(strings.ReplaceAll(n, "_", "-"), "iso8859", "iso-8859", 1),
		strings.Replace(n, "cp", "windows-", 1)} {
		if e, err := ianaindex.IANA.Encoding(name); err == nil && e != nil {
			return "", e, nil
		}
	}
	return "", nil, &CodecError{Charset: charset, Unknown: true, Text: "unknown encoding: " + charset}
}

// KnownCharset tells whether there is a codec of that name.
func KnownCharset(charset string) bool {
	_, _, err := lookup(charset)
	return err == nil
}

// Decode is unicode(b, charset, errors), as UTF-8; a lone surrogate, which
// Python 2 lets through, keeps its three bytes. The error is a *CodecError; its
// Unknown is true where Python raises LookupError, which it does not over an
// empty string.
func Decode(b, charset, errors string) (u string, err error) {
	if b == "" {
		return "", nil
	}
	own, enc, err := lookup(charset)
	if err != nil {
		return "", err
	}
	switch {
	case own != "":
		return decode(b, codecs[own], errors)
	case pages[enc] != nil:
		return decode(b, pages[enc], errors)
	}
	s, _, err := transform.String(enc.NewDecoder(), b)
	if err != nil {
		return "", &CodecError{Charset: charset, Text: fmt.Sprintf("'%s' codec can't decode: %v", charset, err)}
	}
	if !strings.ContainsRune(s, utf8.RuneError) {
		return s, nil
	}
	switch errors {
	case Replace:
		return s, nil
	case Ignore:
		return strings.ReplaceAll(s, string(utf8.RuneError), ""), nil
	}
	return "", &CodecError{Charset: charset, Text: fmt.Sprintf("'%s' codec can't decode bytes", charset)}
}

// Encode is u.encode(charset, errors) of a unicode given as UTF-8. Errors are
// Decode's.
func Encode(u, charset, errors string) (b string, err error) {
	own, enc, err := lookup(charset)
	switch {
	case err != nil:
		return "", err
	case own == utf8Codec:
		return u, nil
	case own != "":
		return encode(u, codecs[own], errors)
	case pages[enc] != nil:
		return encode(u, pages[enc], errors)
	}
	if s, _, err := transform.String(enc.NewEncoder(), u); err == nil {
		return s, nil
	}
	return encode(u, &shifting{charset, enc}, errors)
}

// shifting is a charset of more than one byte a character, perhaps with shifts
// between them: runs of what it has are encoded as a whole.
type shifting struct {
	charset string
	enc     encoding.Encoding
}

func (c *shifting) name() string   { return normal(c.charset) }
func (c *shifting) reason() string { return "illegal multibyte sequence" }
func (c *shifting) has(r rune) bool {
	_, _, err := transform.String(c.enc.NewEncoder(), string(r))
	return err == nil
}
func (c *shifting) bytes(run string) string {
	s, _, err := transform.String(c.enc.NewEncoder(), run)
	if err != nil {
		// Each of its characters was asked for.
		panic(err)
	}
	return s
}
