package membership

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// TextKey names one of the installation's texts: a message id of a module, by its first words.
type TextKey struct {
	Module string
	Begins string
	Since  int // the release, 2.1.Since, that introduced it; 0 for all
}

// Keys are all texts that this package uses.
var Keys []TextKey

func key(module, begins string) TextKey { return keySince(0, module, begins) }

func keySince(micro int, module, begins string) TextKey {
	k := TextKey{module, begins, micro}
	Keys = append(Keys, k)
	return k
}

var (
	textConfirmJoin  = key("MailList", "Your confirmation is required to join")
	textConfirmLeave = key("MailList", "Your confirmation is required to leave")
	textFromRemote   = key("MailList", " from %(remote)s")
	textSubscribed   = key("MailList", "%(realname)s subscription notification")
	textUnsubscribed = key("MailList", "%(realname)s unsubscribe notification")
	textChanged      = keySince(autoApproval, "MailList", "%(realname)s address change")
	textViaEmail     = keySince(whenceInNotices, "MailList", "via email confirmation")
	textEmailConfirm = keySince(whenceInNotices, "MailList", "email confirmation")
	textNoMoreToday  = key("MailList", "Last autoresponse notification")
	textUmbrella     = key("Deliverer", "Note: Since this is a list of mailing lists")
	textDigestMode   = key("Deliverer", " (Digest mode)")
	textWelcome      = key("Deliverer", "Welcome to the ")
	textGoodbye      = key("Deliverer", "You have been unsubscribed from")
	textHostile      = key("Deliverer", "Hostile subscription attempt")
	textHostileHere  = key("Deliverer", "%(address)s was invited to a different")
	textHostileThere = key("Deliverer", "You invited %(address)s")
	textNewRequest   = key("ListAdmin", "New subscription request to list")
	textLeaveRequest = key("ListAdmin", "New unsubscription request from")
)

// Say is Mailman's _(): a text in the present language.
func (m *Manager) Say(k TextKey, vars i18n.Vars) string {
	return m.t.Msg(m.language.Lang, k.Module, k.Begins, vars)
}

// msgid is a text that Mailman leaves untranslated, as D_() does. otherwise is the text in releases that translated
// it by mistake.
func (m *Manager) msgid(k TextKey, otherwise string) string {
	if s, ok := m.s.Profile.Msg(k.Module, k.Begins); ok {
		return s
	}
	return otherwise
}

// catalogCharset is the charset that the catalog of the present language names, which need not be the language's own;
// ok is false without a catalog.
func (m *Manager) catalogCharset() (name string, ok bool) {
	header := m.t.Translate(m.language.Lang, "")
	for line := range strings.Lines(header) {
		field, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(field), "content-type") {
			_, name, ok = strings.Cut(value, "charset=")
			return strings.TrimSpace(name), ok
		}
	}

	return "", false
}

// translateAny is _() of a string that may be one of Mailman's texts. Mailman would replace the names of its
// variables in it. Here the string stays as it is, so that no sender can have a password sent to an address of its
// choice.
func (m *Manager) translateAny(s string) string {
	if s == "" {
		return "" // a catalog has its header under the empty id
	}
	return m.t.Translate(m.language.Lang, s)
}

// maketext fills the template of that name, in lang or, with "", in the list's language.
func (m *Manager) maketext(name string, vars i18n.Vars, lang string) (i18n.Text, error) {
	t, _, err := m.t.Maketext(name, vars, lang, m.l.Info(), false)
	return t, err
}

// attr returns an attribute of the list that is str or unicode.
func (m *Manager) attr(name string) i18n.Text { return Attr(m.l, name) }

// Attr returns an attribute of a list that is str or unicode, or "".
func Attr(l interface {
	Get(name string) (pickle.Value, bool)
}, name string) i18n.Text {
	v, _ := l.Get(name)
	switch v := v.(type) {
	case pickle.Str:
		return string(v)
	case pickle.Unicode:
		return v
	}
	return ""
}

// encode makes a str of a text that may be unicode, in the charset of lang, with question marks for characters that
// the charset lacks.
func (m *Manager) encode(t i18n.Text, lang string) (string, error) {
	u, ok := t.(pickle.Unicode)
	if !ok {
		return plainText(t), nil
	}
	return codec.Encode(string(u), m.t.Charset(lang), codec.Replace)
}

// KnownLanguage returns an error for a language that the site does not have: Mailman fails where it looks up the
// language's charset.
func KnownLanguage(s *site.Site, lang string) error {
	if _, ok := s.Profile.Languages[lang]; !ok {
		return py.KeyError(lang)
	}
	return nil
}
