package outgoing

import (
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// addParts makes header and footer the first and last part of a multipart, the
// footer first, since the other may fail.
func (d *delivery) addParts(msg *message.Message, header, footer i18n.Text, listCharset string) error {
	if py.Raw(footer) != "" {
		part, err := d.part(footer, listCharset)
		if err != nil {
			return err
		}
		msg.Payload = append(slices.Clone(msg.Parts()), part)
	}

	if py.Raw(header) != "" {
		part, err := d.part(header, listCharset)
		if err != nil {
			return err
		}
		msg.Payload = slices.Insert(slices.Clone(msg.Parts()), 0, part)
	}

	return nil
}

// part is a header or footer as a part of a multipart.
func (d *delivery) part(t i18n.Text, charset string) (*message.Message, error) {
	part, err := message.NewMIMEText(d.b.Charsets(), t, "plain", charset)
	if err == nil {
		part.Set("Content-Disposition", "inline")
	}
	return part, err
}

// wrap makes the message a part beside header and footer.
func (d *delivery) wrap(msg *message.Message, header, footer i18n.Text, listCharset string) error {
	inner := msg.Inner(func(name string) bool { return strings.HasPrefix(py.Lower(name), "content-") })
	if inner.HeaderCount() == 0 {
		inner.Set("Content-Type", inner.GetContentType())
	}

	if !msg.Has("mime-version") {
		msg.Set("MIME-Version", "1.0")
	}

	parts := []*message.Message{inner}
	for i, t := range []i18n.Text{header, footer} {
		if py.Raw(t) == "" {
			continue
		}
		part, err := d.part(t, listCharset)
		if err != nil {
			return err
		}

		parts = slices.Insert(parts, i*len(parts), part)
	}

	msg.Payload = parts
	msg.Del("content-type")
	msg.Del("content-transfer-encoding")
	msg.Del("content-disposition")
	msg.Set("Content-Type", "multipart/mixed")

	return nil
}
