package message

import "time"

// Notification is Mailman.Message.UserNotification or OwnerNotification.
type Notification struct {
	*Message
	Recips []Text
	Sender string // OwnerNotification's envelope sender; "" for others
}

// NewUserNotification is UserNotification(recip, sender, subject, text, lang).
// charset is the charset of lang, nil if no lang is given; subject and text may
// be nil. With one recip that was not a list in Python, To is the same.
func NewUserNotification(recips []Text, sender string, subject, text Text, charset *Charset) (*Notification, error) {
	panic("not yet")
}

// OwnerFacts are what OwnerNotification takes from the list.
type OwnerFacts struct {
	Owner, Moderator []Text
	SiteBounces      string // Utils.get_site_email(mlist.host_name, 'bounces')
	OwnerEmail       string // mlist.GetOwnerEmail()
	ListPrecedence   bool   // Precedence: list, as releases from 2.1.19 on add
}

// NewOwnerNotification is OwnerNotification(mlist, subject, text, tomoderators).
func NewOwnerNotification(f OwnerFacts, subject, text Text, charset *Charset, toModerators bool) (*Notification, error) {
	panic("not yet")
}

// SendFacts are what send() takes from the list and the clock.
type SendFacts struct {
	ListName     string        // mlist.internal_name()
	OwnerEmail   string        // mlist.GetOwnerEmail()
	MessageID    func() string // Utils.unique_message_id(mlist); called only if there is none
	Now          time.Time     // in the site's zone
	NoPrecedence bool          // send(noprecedence=True)
	OwnerIsList  bool          // Precedence: list for what goes to the owner, as releases from 2.1.19 on do
}

// Send completes the headers as send() does and gives the metadata that
// _enqueue would put into the virgin queue, in the order of its arguments;
// values are pickle.Value.
func (n *Notification) Send(f SendFacts, extra ...Attr) []Attr { panic("not yet") }

// NewMIMEText is email.MIMEText.MIMEText(text, subtype, charset).
func NewMIMEText(r *Charsets, text Text, subtype, charset string) (*Message, error) {
	panic("not yet")
}

// NewMIMEMessage is email.MIMEMessage.MIMEMessage(msg).
func NewMIMEMessage(m *Message) *Message { panic("not yet") }

// NewMIMEMultipart is email.MIMEMultipart.MIMEMultipart(subtype).
func NewMIMEMultipart(subtype string) *Message { panic("not yet") }
