package outgoing

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// modules are those whose work is done here.
var modules = []string{"Queue/OutgoingRunner", "Handlers/SMTPDirect", "Handlers/Decorate"}

// changed says what of the site's ways of delivering is not known here.
func changed(s *site.Site) string {
	if name := s.Changed(modules); name != "" {
		return "the site has changed " + name + ".py"
	}

	if module := s.Str("DELIVERY_MODULE"); module != "SMTPDirect" && module != "" {
		return "DELIVERY_MODULE is " + module
	}
	if s.Int("SMTPLIB_DEBUG_LEVEL") > 0 {
		return "SMTPLIB_DEBUG_LEVEL is set"
	}
	return ""
}

// senderIsEncoded is the release from which on get_sender() decodes nothing.
const senderIsEncoded = 15

// beyond says why only Python can tell what becomes of an entry: values of kinds
// that Mailman itself does not make.
func (d *delivery) beyond() string {
	v, _ := d.data.Get("recips")
	if !py.Truth(v) {
		return ""
	}
	if !isRecipients(v) {
		return "an entry has recipients that are no ASCII strings"
	}

	if v, ok := d.data.Get("undelivered"); ok {
		chunks, ok := v.(*pickle.List)
		if !ok {
			return "an entry has an odd undelivered"
		}

		for _, chunk := range chunks.Items {
			if !isRecipients(chunk) {
				return "an entry has an odd undelivered"
			}
		}
	}

	for _, key := range []string{"envsender", "original_sender"} {
		if v, _ := d.data.Get(key); v != nil && !isASCII(v) {
			return "an entry has a " + key + " that is no ASCII string"
		}
	}

	for _, key := range []string{"decoration-data", "add-dup-header"} {
		if v, ok := d.data.Get(key); ok {
			if _, ok := v.(*pickle.Dict); !ok {
				return "an entry has a " + key + " that is no dict"
			}
		}
	}

	for _, name := range []string{"from", "sender"} {
		v, has := d.msg.GetValue(name)
		field, plain := v.(string)
		if has && !plain {
			return "a message has a " + name + " field that is no plain string"
		}
		if strings.Contains(field, "=?") && !d.since(senderIsEncoded) {
			return "its release decodes a " + name + " field before it looks for addresses"
		}
	}

	if !d.msg.IsMultipart() && d.msg.GetContentType() == "multipart/mixed" {
		return "a multipart message has no parts"
	}

	for _, name := range []string{"host_name", "real_name", "preferred_language"} {
		if v, _ := d.l.Get(name); !isASCII(v) {
			return "its " + name + " is no ASCII string"
		}
	}

	for _, name := range []string{"msg_header", "msg_footer"} {
		v, _ := d.l.Get(name)
		if _, ok := py.StringOf(v); !ok {
			return "its " + name + " is no string"
		}
	}

	for _, name := range []string{"web_page_url", "description", "info", "personalize", "include_sender_header"} {
		if !d.l.Has(name) {
			return "it has no " + name
		}
	}

	if membership.KnownLanguage(d.b.Site(), d.l.Str("preferred_language")) != nil {
		return "its language is none of the site's"
	}
	if d.l.Int("personalize") == fully {
		return d.beyondNames(v.(*pickle.List))
	}

	return ""
}

// beyondNames says which recipient's name only Python can read.
func (d *delivery) beyondNames(recips *pickle.List) string {
	for _, r := range recips.Items {
		recip := py.Raw(r)
		name, err := d.l.GetMemberName(recip)
		if err != nil {
			continue
		}
		if s, ok := name.(pickle.Str); ok && codec.Beyond(string(s), d.b.Texts().Charset(d.l.GetMemberLanguage(recip))) {
			return "a member's name can be read by Python only"
		}
	}

	return ""
}

// isRecipients tells whether a value is a list of addresses.
func isRecipients(v pickle.Value) bool {
	list, ok := v.(*pickle.List)
	if !ok {
		return false
	}

	for _, item := range list.Items {
		if !isASCII(item) {
			return false
		}
	}

	return true
}

// isASCII tells whether a value is a str or unicode of nothing but ASCII.
func isASCII(v pickle.Value) bool {
	s, ok := py.StringOf(v)
	return ok && strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
