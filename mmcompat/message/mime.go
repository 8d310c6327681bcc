package message

import (
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// The classes of the messages that the constructors here make.
var (
	mimeText    = Class{"email.mime.text", "MIMEText"}
	mimeMessage = Class{"email.mime.message", "MIMEMessage"}
)

// newMIME is email.MIMEBase.MIMEBase(maintype, subtype, **params).
func newMIME(class Class, ctype string, params ...Param) *Message {
	m := New()
	m.ownAttrs().class = class
	m.AddHeader("Content-Type", ctype, params...)
	m.Set("MIME-Version", "1.0")
	return m
}

// NewMIMEText is email.MIMEText.MIMEText(text, subtype, charset). The error is Python's: for a unicode that the
// charset cannot encode, or an unknown charset.
func NewMIMEText(r *Charsets, text Text, subtype, charset string) (*Message, error) {
	m := newMIME(mimeText, "text/"+subtype, Param{"charset", ParamValue{Value: charset}})
	c, err := r.New(charset)
	if err != nil {
		return nil, err
	}
	return m, m.SetPayload(text, c)
}

// NewMIMEMessage is email.MIMEMessage.MIMEMessage(msg): msg itself becomes the
// part.
func NewMIMEMessage(msg *Message) *Message {
	m := newMIME(mimeMessage, "message/rfc822")
	m.Payload = []*Message{msg}
	m.ownAttrs().defaultType = "message/rfc822"
	return m
}

// SetPayload is set_payload(payload, charset); charset may be nil. payload is
// nil, a string or a pickle.Unicode.
func (m *Message) SetPayload(payload Text, charset *Charset) error {
	m.Payload = payload
	if charset == nil {
		return nil
	}
	return m.SetCharset(charset)
}

// SetCharset is set_charset(charset): it converts and encodes the payload for transport, and adds the fields that
// describe that.
func (m *Message) SetCharset(c *Charset) error {
	// RFC 2045, 4: a message with MIME fields needs MIME-Version.
	m.ownAttrs().charset = c
	if !m.Has("MIME-Version") {
		m.Set("MIME-Version", "1.0")
	}

	// RFC 2045, 5.2: without a Content-Type the body is text/plain.
	if m.Has("Content-Type") {
		m.SetParam("charset", c.Output(), "Content-Type")
	} else {
		m.AddHeader("Content-Type", "text/plain", Param{"charset", ParamValue{Value: c.Output()}})
	}

	// A body is bytes; a unicode is written in the output charset.
	if u, ok := m.Payload.(pickle.Unicode); ok {
		b, err := encode(string(u), c.OutputCharset, "strict")
		if err != nil {
			return err
		}
		m.Payload = b
	}

	// A charset that mail is converted to (euc-jp to iso-2022-jp): encode the body in it.
	if c.String() != c.Output() {
		if err := m.encodeBody(c); err != nil {
			return err
		}
	}

	// An encoding that the message says it has is taken as done.
	if m.Has("Content-Transfer-Encoding") {
		return nil
	}

	// RFC 2045, 6: say how the body is encoded. encode_7or8bit of email.encoders looks for bytes above 127.
	switch c.BodyEncoding {
	case QP, Base64:
		if err := m.encodeBody(c); err != nil {
			return err
		}
		cte := "quoted-printable"
		if c.BodyEncoding == Base64 {
			cte = "base64"
		}
		m.Set("Content-Transfer-Encoding", cte)
	default:
		cte := "7bit"
		if s, ok := m.Payload.(string); ok && !py.IsASCII(s) {
			cte = "8bit"
		}
		m.Set("Content-Transfer-Encoding", cte)
	}

	return nil
}

func (m *Message) encodeBody(c *Charset) error {
	s, ok := m.Payload.(string)
	if !ok {
		return &py.Error{Class: "TypeError", Text: "a payload that is no string cannot be encoded"}
	}

	s, err := c.bodyEncode(s)
	if err != nil {
		return err
	}
	m.Payload = s
	return nil
}
