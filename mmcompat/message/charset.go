package message

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Encoding is how a charset is encoded for transport, as email.charset numbers
// it.
type Encoding int

// The encodings of email.charset; None writes the bytes as they are.
const (
	None Encoding = iota
	QP
	Base64
	Shortest // the shorter of the two; for headers only
)

// CharsetProps are one entry of email.charset.CHARSETS.
type CharsetProps struct {
	Header, Body Encoding
	Output       string // "": none
}

// Charsets is the registry of email.charset: CHARSETS, ALIASES and CODEC_MAP.
type Charsets struct {
	Props   map[string]CharsetProps
	Aliases map[string]string
	Codecs  map[string]string // "" is None: no conversion
}

// SiteCharsets is the registry of an installation, with the additions of Mailman and its mm_cfg.
func SiteCharsets(c site.Charsets) *Charsets {
	if len(c.Charsets) == 0 {
		return DefaultCharsets()
	}

	r := &Charsets{
		Props:   make(map[string]CharsetProps, len(c.Charsets)),
		Aliases: c.Aliases,
		Codecs:  c.Codecs,
	}

	for name, e := range c.Charsets {
		r.Props[name] = CharsetProps{Encoding(e.Header), Encoding(e.Body), valueOr(e.Output, "")}
	}
	return r
}

// Charset is email.charset.Charset.
type Charset struct {
	InputCharset   string
	HeaderEncoding Encoding
	BodyEncoding   Encoding
	OutputCharset  string
	InputCodec     string // "": None
	OutputCodec    string // "": None
}

// New is Charset(name). It returns a *py.Error of kind CharsetError if name is not ASCII.
func (r *Charsets) New(name string) (*Charset, error) {
	if !py.IsASCII(name) {
		return nil, &py.Error{Class: "CharsetError", Text: name}
	}

	// An unknown name may be another spelling of a codec's: Charset asks Python's codecs for the canonical name.
	name = py.Lower(name)
	if _, ok := r.Aliases[name]; !ok {
		if _, ok := r.Props[name]; !ok {
			if strings.IndexByte(name, 0) >= 0 {
				return nil, &py.Error{Class: "TypeError", Text: "lookup() argument 1 must be string without null bytes, not str"}
			}
			if own, ok := codec.Name(name); ok {
				name = own
			}
		}
	}

	// Headers and bodies of an unknown charset are base64, or whatever is shorter in a header.
	c := &Charset{InputCharset: r.alias(name)}
	props, ok := r.Props[c.InputCharset]
	if !ok {
		props = CharsetProps{Shortest, Base64, ""}
	}

	if props.Output == "" {
		props.Output = c.InputCharset
	}

	c.HeaderEncoding, c.BodyEncoding = props.Header, props.Body
	c.OutputCharset = r.alias(props.Output)
	c.InputCodec = r.codec(c.InputCharset)
	c.OutputCodec = r.codec(c.OutputCharset)
	return c, nil
}

func (r *Charsets) alias(name string) string {
	if a, ok := r.Aliases[name]; ok {
		return a
	}
	return name
}

func (r *Charsets) codec(name string) string {
	if c, ok := r.Codecs[name]; ok {
		return c
	}
	return name
}

// String is str(charset).
func (c *Charset) String() string { return py.Lower(c.InputCharset) }

// Output is get_output_charset().
func (c *Charset) Output() string {
	if c.OutputCharset != "" {
		return c.OutputCharset
	}
	return c.InputCharset
}

// convert is convert(s): from the input codec to the output codec.
func (c *Charset) convert(s string) (string, error) {
	if c.InputCodec == c.OutputCodec {
		return s, nil
	}
	if c.InputCodec == "" || c.OutputCodec == "" {
		return "", &py.Error{Class: "TypeError", Text: "unicode() argument 2 must be string, not None"}
	}

	u, err := decode(s, c.InputCodec, "strict")
	if err != nil {
		return "", err
	}
	return encode(u, c.OutputCodec, "strict")
}

// encodedHeaderLen is encoded_header_len(s), computed from the length of s and of its "Q" encoding.
func (c *Charset) encodedHeaderLen(s string) int {
	const chrome = 7 // =??q??=
	switch c.HeaderEncoding {
	case Base64:
		return base64Len(s) + len(c.Output()) + chrome
	case QP:
		return headerQPLen(s) + len(c.Output()) + chrome
	case Shortest:
		return min(base64Len(s), headerQPLen(s)) + len(c.Output()) + chrome
	}

	return len(s)
}

// headerEncode is header_encode(s).
func (c *Charset) headerEncode(s string) (string, error) {
	e := c.HeaderEncoding
	if e == Shortest {
		e = QP
		if base64Len(s) < headerQPLen(s) {
			e = Base64
		}
	}

	switch e {
	case Base64:
		return headerBase64(s, c.Output())
	case QP:
		return headerQP(s, c.Output()), nil
	}

	return s, nil
}

// bodyEncode is body_encode(s).
func (c *Charset) bodyEncode(s string) (string, error) {
	s, err := c.convert(s)
	if err != nil {
		return "", err
	}

	switch c.BodyEncoding {
	case Base64:
		return bodyBase64(s), nil
	case QP:
		return bodyQP(s), nil
	}

	return s, nil
}

// The charsets that email.header makes when it is imported, before a site adds its own.
var (
	asciiCharset = &Charset{"us-ascii", None, None, "us-ascii", "", ""}
	utf8Charset  = &Charset{"utf-8", Shortest, Base64, "utf-8", "utf-8", "utf-8"}
)

// DefaultCharsets is the registry that Python 2.7.18 starts with (CHARSETS, ALIASES and CODEC_MAP of
// email/charset.py).
func DefaultCharsets() *Charsets {
	// Each charset's encoding for headers and bodies, and the charset that mail is converted to.
	r := &Charsets{
		Props: map[string]CharsetProps{
			"us-ascii":    {None, None, ""},
			"big5":        {Base64, Base64, ""},
			"gb2312":      {Base64, Base64, ""},
			"euc-jp":      {Base64, None, "iso-2022-jp"},
			"shift_jis":   {Base64, None, "iso-2022-jp"},
			"iso-2022-jp": {Base64, None, ""},
			"koi8-r":      {Base64, Base64, ""},
			"utf-8":       {Shortest, Base64, "utf-8"},
			"8bit":        {None, Base64, "utf-8"},
		},
		Aliases: map[string]string{
			"cp949":  "ks_c_5601-1987",
			"euc_jp": "euc-jp",
			"euc_kr": "euc-kr",
			"ascii":  "us-ascii",
		},
		Codecs: map[string]string{
			"gb2312":   "eucgb2312_cn",
			"big5":     "big5_tw",
			"us-ascii": "",
		},
	}

	// The European charsets are all written as quoted-printable.
	for _, name := range strings.Fields("iso-8859-1 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-9 iso-8859-10" +
		" iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 windows-1252 viscii") {
		r.Props[name] = CharsetProps{QP, QP, ""}
	}

	// latin_1 to latin_10: ISO 8859 skips 5 to 8, which are not Latin.
	for i, part := range []string{"1", "2", "3", "4", "9", "10", "13", "14", "15", "16"} {
		n := string(rune('1' + i))
		if i == 9 {
			n = "10"
		}
		r.Aliases["latin_"+n] = "iso-8859-" + part
		r.Aliases["latin-"+n] = "iso-8859-" + part
	}

	return r
}
