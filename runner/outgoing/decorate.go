package outgoing

import (
	"errors"
	"regexp"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// decorate is Decorate.process: it puts the list's header and footer around a
// message, for the one recipient where the metadata says personalize.
func (d *delivery) decorate(msg *message.Message) error {
	if d.data.True("isdigest") || d.data.True("nodecorate") {
		return nil
	}
	extra := i18n.Vars{}

	if d.data.True("personalize") {
		if err := d.recipientVars(extra); err != nil {
			return err
		}
	}

	if v, ok := d.data.Get("decoration-data"); ok {
		for k, v := range v.(*pickle.Dict).All() {
			if name, ok := py.StringOf(k); ok {
				extra[name] = v
			}
		}
	}

	header, err := d.filled("msg_header", "non-digest header", extra)
	if err != nil {
		return err
	}
	footer, err := d.filled("msg_footer", "non-digest footer", extra)
	if err != nil {
		return err
	}
	if py.Raw(header) == "" && py.Raw(footer) == "" {
		return nil
	}

	listCharset := d.b.Texts().Charset(d.l.Str("preferred_language"))
	switch ctype := msg.GetContentType(); {
	case !msg.IsMultipart() && ctype == "text/plain":
		done, err := d.concatenate(msg, header, footer, listCharset)
		if done || err != nil {
			return err
		}
	case ctype == "multipart/mixed":
		return d.addParts(msg, header, footer, listCharset)
	}

	return d.wrap(msg, header, footer, listCharset)
}

// recipientVars adds what a header or footer may say of the recipient. Who is no member
// has only an address.
func (d *delivery) recipientVars(vars i18n.Vars) error {
	recips, _ := d.data.Get("recips")
	list, ok := recips.(*pickle.List)
	if !ok || len(list.Items) != 1 {
		return &py.Error{Class: "AssertionError"}
	}

	member := lowered(list.Items[0])
	address := py.Raw(member)
	vars["user_address"] = member
	delivered, err := d.l.GetMemberCPAddress(address)
	if err != nil {
		return unlessNotAMember(err)
	}

	vars["user_delivered_to"] = delivered
	if vars["user_password"], err = d.l.GetMemberPassword(address); err != nil {
		delete(vars, "user_password")
		return unlessNotAMember(err)
	}
	lang := d.l.GetMemberLanguage(address)
	vars["user_language"] = lang
	name, err := d.l.GetMemberName(address)
	if err != nil {
		return unlessNotAMember(err)
	}
	if vars["user_name"], err = d.encodedName(name, lang, member); err != nil {
		return err
	}

	vars["user_optionsurl"] = d.l.GetOptionsURL(address, false)
	return nil
}

// encodedName is a member's name in the charset of the member's language, or the address.
func (d *delivery) encodedName(name pickle.Value, lang string, address i18n.Text) (i18n.Text, error) {
	charset := d.b.Texts().Charset(lang)
	var encoded string
	var err error
	switch name := name.(type) {
	case pickle.Unicode:
		if name == "" {
			return address, nil
		}
		encoded, err = codec.Encode(string(name), charset, codec.Strict)
	case pickle.Str:
		if name == "" {
			return address, nil
		}
		var u string
		if u, err = codec.Decode(string(name), "us-ascii", codec.Strict); err == nil {
			encoded, err = codec.Encode(u, charset, codec.Strict)
		}
	default:
		return address, nil
	}

	if isUnicodeError(err) {
		return address, nil
	}

	return encoded, err
}

// unlessNotAMember returns the errors that Decorate does not catch.
func unlessNotAMember(err error) error {
	if errors.Is(err, maillist.ErrNotAMember) {
		return nil
	}
	return err
}

// The release that changed Decorate.
const endsWithNewline = 24 // a blank header is none, and a text ends with its line

// filled is decorate(mlist, template, what, extra): a header or footer with its
// names filled in.
func (d *delivery) filled(attr, what string, extra i18n.Vars) (i18n.Text, error) {
	template := membership.Attr(d.l, attr)
	if d.since(endsWithNewline) && strings.Trim(py.Raw(template), " \t\n\r\f\v") == "" {
		return "", nil
	}

	vars := i18n.Vars{"real_name": nil, "list_name": d.l.Name(), "_internal_name": d.l.Name(), "host_name": nil, "web_page_url": nil,
		"description": nil, "info": nil, "cgiext": d.b.Site().Str("CGIEXT")}
	for name, v := range vars {
		if v == nil {
			vars[name], _ = d.l.Get(name)
		}
	}

	for name, v := range extra {
		vars[name] = v
	}
	if d.l.Bool("use_dollar_strings") {
		if u, ok := template.(pickle.Unicode); ok {
			template = pickle.Unicode(i18n.ToPercent(string(u)))
		} else {
			template = i18n.ToPercent(py.Raw(template))
		}
	}

	filled, err := i18n.SafeInterp(template, vars)
	switch raised := py.AsError(err); {
	case raised != nil:
		d.logs = append(d.logs, line("error", "Exception while calculating %s:\n%s", what, raised.Text))
		filled = template
	case err != nil:
		return nil, err
	default:
		filled = same(filled, unpadded(strings.ReplaceAll(py.Raw(filled), "\r\n", "\n")))
	}

	if d.since(endsWithNewline) && !strings.HasSuffix(py.Raw(filled), "\n") {
		filled = same(filled, py.Raw(filled)+"\n")
	}

	return filled, nil
}

// same is s as a text of the kind of t.
func same(t i18n.Text, s string) i18n.Text {
	if _, ok := t.(pickle.Unicode); ok {
		return pickle.Unicode(s)
	}
	return s
}

// padding matches blanks at the end of a line.
var padding = regexp.MustCompile(`(?m)(^--)? +\n`)

// unpadded drops the spaces at the ends of lines, but for one after a signature's
// two dashes.
func unpadded(s string) string {
	return padding.ReplaceAllStringFunc(s, func(end string) string {
		if strings.HasPrefix(end, "--") {
			return "-- \n"
		}
		return "\n"
	})
}

// concatenate adds header and footer to a plain text. It tells whether that could
// be done; where it could not, the message is as it was.
func (d *delivery) concatenate(msg *message.Message, header, footer i18n.Text, listCharset string) (done bool, err error) {
	charset, ok := msg.GetContentCharset()
	if !ok || charset == "" {
		charset = "us-ascii"
	}

	top, err := d.unicode(header, listCharset)
	if err != nil {
		return false, err
	}
	bottom, err := d.unicode(footer, listCharset)
	if err != nil {
		return false, err
	}

	old, ok, err := msg.GetPayloadDecoded()
	if err != nil {
		return false, err
	}
	if !ok {
		return false, &py.Error{Class: "TypeError", Text: "coercing to Unicode: need string or buffer, NoneType found"}
	}
	if err := d.readable(old, charset); err != nil {
		return false, err
	}

	body, err := codec.Decode(old, charset, codec.Strict)
	if err != nil {
		return false, unlessCodec(err)
	}

	if h := py.Raw(header); h != "" && !strings.HasSuffix(h, "\n") {
		top += "\n"
	}

	if py.Raw(footer) != "" && !strings.HasSuffix(body, "\n") {
		bottom = "\n" + bottom
	}

	whole, used := top+body+bottom, listCharset
	payload, err := codec.Encode(whole, listCharset, codec.Strict)
	if isUnicodeError(err) && listCharset != charset {
		used = charset
		payload, err = codec.Encode(whole, charset, codec.Strict)
	} else if isUnicodeError(err) {
		msg.Del("content-transfer-encoding")
		msg.Del("content-type")
		return false, &py.Error{Class: "UnboundLocalError", Text: "local variable 'newcset' referenced before assignment"}
	}

	if err != nil {
		return false, unlessCodec(err)
	}
	format, hasFormat := msg.GetParam("format", "content-type")
	delsp, hasDelSp := msg.GetParam("delsp", "content-type")
	msg.Del("content-transfer-encoding")
	msg.Del("content-type")
	cs, err := d.b.Charsets().New(used)
	if err != nil {
		return false, err
	}
	if err := msg.SetPayload(payload, cs); err != nil {
		return false, unlessCodec(err) // what goes over the wire may be another charset yet
	}

	if hasFormat && format.Value != "" {
		msg.SetParam("Format", format.Value, "Content-Type")
	}

	if hasDelSp && delsp.Value != "" {
		msg.SetParam("DelSp", delsp.Value, "Content-Type")
	}

	return true, nil
}

// unicode is a header or footer as characters; bytes that are none are left out.
func (d *delivery) unicode(t i18n.Text, charset string) (string, error) {
	if u, ok := t.(pickle.Unicode); ok {
		return string(u), nil
	}
	if err := d.readable(py.Raw(t), charset); err != nil {
		return "", err
	}
	return codec.Decode(py.Raw(t), charset, codec.Ignore)
}

// readable gives the whole message to Python where only that can tell what bytes mean
// in a charset. Once a recipient has had the message that would be twice, and what is
// read here has to do.
func (d *delivery) readable(b, charset string) error {
	if d.began || !codec.Beyond(b, charset) {
		return nil
	}
	return &maillist.ErrNeedsPython{List: d.l.Name(), Reason: "a text in " + charset + " can be read by Python only"}
}

// unlessCodec returns the errors that concatenate does not catch: all but an unknown charset and
// characters that it does not have.
func unlessCodec(err error) error {
	if errors.Is(err, &py.Error{Class: "LookupError"}) || isUnicodeError(err) {
		return nil
	}
	return err
}

func isUnicodeError(err error) bool {
	return errors.Is(err, py.ErrUnicode)
}

// lowered is s.lower().
func lowered(v pickle.Value) i18n.Text {
	switch v := v.(type) {
	case pickle.Unicode:
		return pickle.Unicode(strings.ToLower(string(v)))
	case pickle.Str:
		return py.Lower(string(v))
	}
	return ""
}
