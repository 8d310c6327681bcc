package message

// HeaderValue is email.header.Header.
type HeaderValue struct {
	Chunks         []Chunk
	Charset        *Charset
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

// NewHeader is Header(s, charset, ...); s may be nil (none), charset nil is us-ascii.
func NewHeader(s Text, charset *Charset, o HeaderOptions) (*HeaderValue, error) { panic("not yet") }

// Append is append(s, charset, errors); charset nil is the header's own.
func (h *HeaderValue) Append(s Text, charset *Charset, errors string) error { panic("not yet") }

// Encode is encode(): folded and encoded as RFC 2047 has it.
func (h *HeaderValue) Encode() (string, error) { panic("not yet") }

// String is str(h); "" where Python raises.
func (h *HeaderValue) String() string { panic("not yet") }

// Unicode is unicode(h), as UTF-8.
func (h *HeaderValue) Unicode() (string, error) { panic("not yet") }

// DecodedChunk is a piece of a header as decode_header gives it; Charset is ""
// for None.
type DecodedChunk struct{ S, Charset string }

// DecodeHeader is email.header.decode_header.
func DecodeHeader(header string) ([]DecodedChunk, error) { panic("not yet") }

// MakeHeader is email.header.make_header.
func MakeHeader(r *Charsets, seq []DecodedChunk, o HeaderOptions) (*HeaderValue, error) {
	panic("not yet")
}
