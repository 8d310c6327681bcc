package membership

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// welcome calls SendSubscribeAck as ApprovedAddMember does.
func (m *Manager) welcome(email string, digest bool) error {
	if m.since(welcomeRestoresLanguage) {
		before := m.language.Set(m.l.Str("preferred_language"))
		defer m.language.Set(before)
	}

	password, err := m.l.GetMemberPassword(email)
	if err != nil {
		return err
	}
	return m.SendSubscribeAck(email, value(password), digest)
}

// notifySubscribed tells the owners of a new member.
func (m *Manager) notifySubscribed(r request, whence Whence) error {
	// "whence" and subject are in the list's language; what follows is in the language set before.
	lang := m.l.Str("preferred_language")
	before := m.language.Set(lang)
	how := "(" + m.translateAny(string(whence)) + ")"
	realname := m.attr("real_name")
	subject := m.Say(textSubscribed, i18n.Vars{"realname": realname})
	m.language.Set(before)
	name, err := m.encode(r.name, lang)
	if err != nil {
		return err
	}

	member, err := formatAddr(name, r.email)
	if err != nil {
		return err
	}
	vars := i18n.Vars{"listname": realname, "member": member}

	// Since 2.1.27 the notice says where the subscription came from.
	if m.since(whenceInNotices) {
		vars["whence"] = how
	}

	body, err := m.maketext("adminsubscribeack.txt", vars, "")
	if err != nil {
		return err
	}

	return m.notifyOwner(subject, body)
}

// SendSubscribeAck is Deliverer.SendSubscribeAck: it welcomes a member.
func (m *Manager) SendSubscribeAck(name string, password i18n.Text, digest bool) error {
	// The texts below are translated into the language set last. Since 2.1.19 that is the member's.
	lang := m.l.GetMemberLanguage(name)
	if m.since(welcomeInUserLanguage) {
		m.language.Set(lang)
	}

	// A list's own welcome message stands before the rest.
	var welcome i18n.Text = ""
	if w := m.attr("welcome_msg"); plainText(w) != "" {
		var err error
		if welcome, err = py.Concat(wrap(w), "\n"); err != nil {
			return err
		}
	}

	// An umbrella list's members are lists: administrative mail goes to their owners.
	var umbrella i18n.Text = ""
	if m.l.Bool("umbrella_list") {
		umbrella = wrap(m.Say(textUmbrella, i18n.Vars{"addr": m.l.GetMemberAdminEmail(name)}))
	}

	// The address in the case in which it was given; the template shows it.
	user, err := m.l.GetMemberCPAddress(name)
	if err != nil {
		return err
	}
	realname := m.attr("real_name")
	body, err := m.maketext("subscribeack.txt", i18n.Vars{
		"real_name":    realname,
		"host_name":    m.attr("host_name"),
		"welcome":      welcome,
		"umbrella":     umbrella,
		"emailaddr":    m.l.GetListEmail(),
		"listinfo_url": m.l.GetScriptURL("listinfo"),
		"optionsurl":   m.l.GetOptionsURL(name, false),
		"password":     password,
		"user":         user,
	}, lang)
	if err != nil {
		return err
	}
	digmode := ""

	if digest {
		digmode = m.Say(textDigestMode, nil)
	}

	// The subject says so when the member gets digests.
	subject := m.Say(textWelcome, i18n.Vars{"realname": realname, "digmode": digmode})
	n, err := m.UserNotification(m.l.GetMemberAdminEmail(name), m.l.GetRequestEmail(""), subject, body, lang)
	if err != nil {
		return err
	}

	// The welcome has a password in it, and the member may be a list with an archive.
	n.Set("X-No-Archive", "yes")
	return m.Send(n, m.verp())
}

// wrap is Utils.wrap.
func wrap(t i18n.Text) i18n.Text { return i18n.WrapText(t, 70, true) }
