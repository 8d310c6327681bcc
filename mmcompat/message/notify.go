package message

import (
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Classes of Mailman's own messages.
var (
	userNotification  = Class{"Mailman.Message", "UserNotification"}
	ownerNotification = Class{"Mailman.Message", "OwnerNotification"}
)

// Notification is Mailman.Message.UserNotification or OwnerNotification.
type Notification struct {
	*Message
	Recips []Text
	Sender string // OwnerNotification's envelope sender; "" for a UserNotification
}

// NewUserNotification is UserNotification(recip, sender, subject, text, lang). charset is the charset of lang, nil
// without a language; subject and text may be nil. A recip that is not a list in Python is a slice of one element
// here, with the same result.
func NewUserNotification(recips []Text, sender string, subject, text Text, charset *Charset) (*Notification, error) {
	// Message.UserNotification's constructor, in its order.
	n := &Notification{Message: New(), Recips: recips}
	n.ownAttrs().class = userNotification

	if text != nil {
		if err := n.SetPayload(text, charset); err != nil {
			return nil, err
		}
	}

	if subject == nil {
		subject = "(no subject)"
	}

	h, err := NewHeader(subject, charset, HeaderOptions{HeaderName: "Subject", Errors: "replace"})
	if err != nil {
		return nil, err
	}
	n.Set("Subject", h)
	n.Set("From", sender)
	to, err := joinTexts(recips, ", ")
	if err != nil {
		return nil, err
	}

	n.Set("To", to)
	n.keepAttrs()
	return n, nil
}

// keepAttrs adds the recipients and the sender to the pickled attributes.
func (n *Notification) keepAttrs() {
	extra := []Attr{{"recips", n.recipList()}}
	if n.Sender != "" {
		extra = append(extra, Attr{"_sender", pickle.Str(n.Sender)})
	}
	n.ownAttrs().extra = extra
}

func (n *Notification) recipList() *pickle.List {
	list := pickle.NewList()
	for _, r := range n.Recips {
		if s, ok := r.(string); ok {
			r = pickle.Str(s)
		}
		list.Items = append(list.Items, r)
	}
	return list
}

// joinTexts is sep.join(texts): the result is a unicode if one of the texts is.
func joinTexts(texts []Text, sep string) (Text, error) {
	parts := make([]string, len(texts))
	unicode := false
	for i, t := range texts {
		switch t := t.(type) {
		case string:
			parts[i] = t
		case pickle.Unicode:
			parts[i] = string(t)
			unicode = true
		default:
			return nil, &py.Error{Class: "TypeError", Text: "sequence item: expected string"}
		}
	}

	// str.join makes a unicode when one part is, and decodes the others as ASCII.
	if !unicode {
		return strings.Join(parts, sep), nil
	}

	for i, t := range texts {
		if s, ok := t.(string); ok {
			if _, err := decode(parts[i], "us-ascii", "strict"); err != nil {
				return nil, &py.Error{Class: "UnicodeDecodeError", Text: s}
			}
		}
	}

	return pickle.Unicode(strings.Join(parts, sep)), nil
}

// OwnerFacts are the list's values for OwnerNotification.
type OwnerFacts struct {
	Owner, Moderator []Text
	SiteBounces      string // Utils.get_site_email(mlist.host_name, 'bounces')
	OwnerEmail       string // mlist.GetOwnerEmail()
	ListPrecedence   bool   // Precedence: list, as releases from 2.1.18 on add
}

// NewOwnerNotification is OwnerNotification(mlist, subject, text, tomoderators);
// charset is that of the list's preferred language.
func NewOwnerNotification(f OwnerFacts, subject, text Text, charset *Charset, toModerators bool) (*Notification, error) {
	recips := append([]Text(nil), f.Owner...)
	if toModerators {
		recips = append(recips, f.Moderator...)
	}

	n, err := NewUserNotification(recips, f.SiteBounces, subject, text, charset)
	if err != nil {
		return nil, err
	}
	n.ownAttrs().class = ownerNotification
	n.Sender = f.SiteBounces
	n.Del("To")
	n.Set("To", f.OwnerEmail)

	if f.ListPrecedence {
		n.Set("Precedence", "list")
	}

	n.keepAttrs()
	return n, nil
}

// SendFacts are the list's and the clock's values for send().
type SendFacts struct {
	ListName     string        // mlist.internal_name()
	OwnerEmail   string        // mlist.GetOwnerEmail()
	MessageID    func() string // Utils.unique_message_id(mlist); called for a message without an id
	Now          time.Time     // in the site's zone
	NoPrecedence bool          // send(noprecedence=True)
	OwnerIsList  bool          // Precedence: list for mail to the owner, as in releases from 2.1.18 on
}

// Send completes the headers as send() does, and returns the metadata that _enqueue passes to the virgin queue;
// values are pickle.Value. The attributes of extra come last.
func (n *Notification) Send(f SendFacts, extra ...Attr) []Attr {
	// What send() sets unless it is there: an id, a date, and Precedence for mail that machines made.
	if !n.Has("message-id") {
		n.Set("Message-ID", f.MessageID())
	}

	if !n.Has("date") {
		n.Set("Date", FormatDate(f.Now, true))
	}

	if !n.Has("precedence") && !f.NoPrecedence {
		precedence := "bulk"
		if to, _ := n.Get("to"); f.OwnerIsList && to == f.OwnerEmail {
			precedence = "list"
		}
		n.Set("Precedence", precedence)
	}

	// The pipeline of the virgin queue must neither decorate the text nor add all list headers.
	data := []Attr{
		{"listname", pickle.Str(f.ListName)},
		{"recips", n.recipList()},
		{"nodecorate", pickle.Int(1)},
		{"reduced_list_headers", pickle.Int(1)},
	}

	if n.Sender != "" {
		data = append(data, Attr{"envsender", pickle.Str(n.Sender)})
	}

	return append(data, extra...)
}
