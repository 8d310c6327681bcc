package membership

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
)

// UserNotification is Message.UserNotification(recip, sender, subject, text, lang); a nil subject is None.
func (m *Manager) UserNotification(recip, sender string, subject, body i18n.Text, lang string) (*message.Notification, error) {
	charset, err := m.charset(lang)
	if err != nil {
		return nil, err
	}
	return message.NewUserNotification([]i18n.Text{recip}, sender, subject, body, charset)
}

// ownerNotification is Message.OwnerNotification(mlist, subject, text, tomoderators).
func (m *Manager) ownerNotification(subject, body i18n.Text, toModerators bool) (*message.Notification, error) {
	charset, err := m.charset(m.l.Str("preferred_language"))
	if err != nil {
		return nil, err
	}
	return message.NewOwnerNotification(message.OwnerFacts{
		Owner:          m.texts("owner"),
		Moderator:      m.texts("moderator"),
		SiteBounces:    m.l.GetSiteEmail("bounces"),
		OwnerEmail:     m.l.GetOwnerEmail(),
		ListPrecedence: m.since(ownerPrecedence),
	}, subject, body, charset, toModerators)
}

// texts are the items of an attribute that is a list of strings.
func (m *Manager) texts(name string) (all []i18n.Text) {
	v, _ := m.l.Get(name)
	list, ok := v.(*pickle.List)
	if !ok {
		return nil
	}

	for _, item := range list.Items {
		switch item := item.(type) {
		case pickle.Str:
			all = append(all, string(item))
		case pickle.Unicode:
			all = append(all, item)
		}
	}

	return all
}

// charset is Charset(Utils.GetCharSet(lang)).
func (m *Manager) charset(lang string) (*message.Charset, error) {
	if err := KnownLanguage(m.s, lang); err != nil {
		return nil, err
	}
	return m.b.Charsets().New(m.t.Charset(lang))
}

// notifyOwner sends an OwnerNotification.
func (m *Manager) notifyOwner(subject, body i18n.Text) error {
	n, err := m.ownerNotification(subject, body, true)
	if err != nil {
		return err
	}
	return m.Send(n)
}

// verp returns the metadata of mail that goes to one member.
func (m *Manager) verp() message.Attr {
	v, _ := m.s.Value("VERP_PERSONALIZED_DELIVERIES")
	return message.Attr{Name: "verp", Value: v}
}

// replaceSubject sets a Subject that UserNotification has not encoded, so that the plain words of an answer can be
// read.
func replaceSubject(n *message.Notification, subject any) {
	n.Del("subject")
	n.Set("Subject", subject)
}

// Send completes a message and queues it as its send() does.
func (m *Manager) Send(n *message.Notification, extra ...message.Attr) error {
	return m.send(n, false, extra...)
}

// SendWithoutPrecedence is send(noprecedence=True), for mail that the reader's filters must not take for bulk mail.
func (m *Manager) SendWithoutPrecedence(n *message.Notification) error { return m.send(n, true) }

func (m *Manager) send(n *message.Notification, noPrecedence bool, extra ...message.Attr) error {
	data := qfile.NewData()
	for _, a := range n.Send(message.SendFacts{
		ListName:     m.l.Name(),
		OwnerEmail:   m.l.GetOwnerEmail(),
		MessageID:    func() string { return m.services.MessageID(m.b.Now(), m.l) },
		Now:          m.b.Now(),
		OwnerIsList:  m.since(ownerPrecedence),
		NoPrecedence: noPrecedence,
	}, extra...) {
		data.Set(a.Name, a.Value)
	}

	m.b.Enqueue("virgin", n.Message, data)
	return nil
}

// messageIDs makes message ids as Utils.unique_message_id does, for one process.
func messageIDs(pid int) func(now time.Time, l *maillist.List) string {
	var serial atomic.Int64
	return func(now time.Time, l *maillist.List) string {
		return fmt.Sprintf("<mailman.%d.%d.%d.%s@%s>", serial.Add(1)-1, now.Unix(), pid, l.Name(), l.HostName())
	}
}
