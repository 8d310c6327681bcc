package message

// Encoding is how a charset is encoded for transport.
type Encoding int

// The encodings of email.charset; None writes the bytes as they are.
const (
	None Encoding = iota
	QP
	Base64
	Shortest
)

// CharsetProps are one entry of email.charset.CHARSETS.
type CharsetProps struct {
	Header, Body Encoding
	Output       string // "": none
}

// Charsets is the registry of email.charset: CHARSETS, ALIASES and CODEC_MAP as
// they are once Mailman's own have been added.
type Charsets struct {
	Props   map[string]CharsetProps
	Aliases map[string]string
	Codecs  map[string]string // "" is None: no conversion
}

// DefaultCharsets is the registry that Python 2.7.18 starts with.
func DefaultCharsets() *Charsets { panic("not yet") }

// Charset is email.charset.Charset.
type Charset struct {
	InputCharset   string
	HeaderEncoding Encoding
	BodyEncoding   Encoding
	OutputCharset  string
	InputCodec     string // "": None
	OutputCodec    string // "": None
}

// New is Charset(name).
func (r *Charsets) New(name string) (*Charset, error) { panic("not yet") }

// String is str(charset).
func (c *Charset) String() string { panic("not yet") }
