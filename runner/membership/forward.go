package membership

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
)

// ForwardMessage is ListAdmin.ForwardMessage: it sends a message to the owners,
// and to the moderators if toModerators is set, attached to a text of Mailman's.
func (m *Manager) ForwardMessage(msg *message.Message, body, subject i18n.Text, toModerators bool) error {
	n, err := m.ownerNotification(subject, nil, toModerators)
	if err != nil {
		return err
	}
	if err := m.Enclose(n, wrap(body), m.l.Str("preferred_language"), msg); err != nil {
		return err
	}
	return m.Send(n)
}

// Enclose makes a notification multipart/mixed: a text in a language's charset,
// and a message.
func (m *Manager) Enclose(n *message.Notification, body i18n.Text, lang string, msg *message.Message) error {
	n.Del("mime-version")
	n.Set("MIME-Version", "1.0")
	n.Del("content-type")
	n.Set("Content-Type", "multipart/mixed")
	part, err := message.NewMIMEText(m.b.Charsets(), body, "plain", m.t.Charset(lang))
	if err != nil {
		return err
	}
	if err := n.Attach(part); err != nil {
		return err
	}
	return n.Attach(message.NewMIMEMessage(msg))
}

// Maketext is Utils.maketext(name, vars, lang=lang, mlist=mlist); lang "" is None.
func (m *Manager) Maketext(name string, vars i18n.Vars, lang string) (i18n.Text, error) {
	return m.maketext(name, vars, lang)
}

// Key names a text for Say.
func Key(module, begins string) TextKey { return TextKey{Module: module, Begins: begins} }
