package outgoing

import (
	"encoding/base64"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// personalCopy is verpdeliver: a copy of the message for one recipient, and the
// envelope's sender for that copy. It is nil for an address that cannot be VERPed.
func (d *delivery) personalCopy(recip string) (*message.Message, string, error) {
	msg, sender := d.msg.Copy(), py.Raw(d.sender)
	whole, _ := d.data.Get("recips")
	d.data.Set("recips", pickle.NewList(d.valueOf(recip)))
	err := d.decorate(msg)
	d.data.Set("recips", whole)
	if err != nil {
		return nil, "", err
	}

	if d.data.True("verp") {
		mailbox, domain := maillist.ParseEmail(sender)
		who, host := maillist.ParseEmail(recip)
		if host == nil {
			d.logs = append(d.logs, line("smtp", "Skipping VERP delivery to unqual recip: %s", recip))
			return nil, "", nil
		}
		if domain == nil {
			return nil, "", &py.Error{Class: "TypeError", Text: "can only join an iterable"}
		}

		verped, err := i18n.SafeInterp(d.b.Site().Str("VERP_FORMAT"), i18n.Vars{"bounces": mailbox, "mailbox": who, "host": strings.Join(host, ".")})
		if err != nil {
			return nil, "", err
		}
		sender = py.Raw(verped) + "@" + strings.Join(domain, ".")
	}

	if d.l.Int("personalize") == fully {
		if err := d.addressTo(msg, recip); err != nil {
			return nil, "", err
		}
	}

	msg.Del("x-mailman-copy")
	if v, ok := d.data.Get("add-dup-header"); ok {
		if again, ok := v.(*pickle.Dict); ok {
			if _, had := again.GetStr(recip); had {
				msg.Set("X-Mailman-Copy", "yes")
			}
		}
	}

	if name := d.b.Site().Str("RCPT_BASE64_HEADER_NAME"); name != "" && d.since(recipientHeader) {
		msg.Del(name)
		msg.Set(name, base64.StdEncoding.EncodeToString([]byte(recip)))
	}

	return msg, sender, nil
}

// fully is the personalize of a list whose posts are addressed to each member.
const fully = 2

// addressTo makes the To field the recipient's address and name.
func (d *delivery) addressTo(msg *message.Message, recip string) error {
	msg.Del("to")
	var name pickle.Value

	if d.l.IsMember(recip) {
		var err error
		if name, err = d.l.GetMemberName(recip); err != nil {
			return err
		}
	}

	if !py.Truth(name) {
		msg.Set("To", recip)
		return nil
	}
	charset := d.b.Texts().Charset(d.l.GetMemberLanguage(recip))
	if charset == "us-ascii" {
		charset = "iso-8859-1"
	}

	cs, err := d.b.Charsets().New(charset)
	if err != nil {
		return err
	}
	u, ok := name.(pickle.Unicode)
	if !ok {
		charset := cs.InputCodec
		if charset == "" {
			charset = "ascii"
		}

		if err := d.readable(py.Raw(name), charset); err != nil {
			return err
		}
		decoded, err := codec.Decode(py.Raw(name), charset, codec.Replace)
		if err != nil {
			return err
		}

		u = pickle.Unicode(decoded)
	}

	h, err := message.NewHeader(u, cs, message.HeaderOptions{})
	if err != nil {
		return err
	}
	encoded, err := h.Encode()
	if err != nil {
		return err
	}

	msg.Set("To", message.FormatAddr(message.Address{Name: encoded, Addr: recip}))
	return nil
}
