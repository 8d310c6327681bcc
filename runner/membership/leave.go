package membership

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/pickle"
)

// DeleteOptions are the arguments of ApprovedDeleteMember.
type DeleteOptions struct {
	Whence     Whence // "" is None
	AdminNotif *bool  // whether to tell the owners; nil means admin_notify_mchanges
	UserAck    *bool  // whether to tell the member; nil means send_goodbye_msg
}

// DeleteMember removes a member if unsubscribe_policy allows it. Otherwise the request is held, and the error is
// ErrNeedApproval.
func (m *Manager) DeleteMember(name string, o DeleteOptions) error {
	if o.UserAck == nil {
		yes := true
		o.UserAck = &yes
	}

	if m.l.Int("unsubscribe_policy") == 0 {
		return m.ApprovedDeleteMember(name, o)
	}
	who, err := message.ParseAddr(name)
	if err != nil {
		return err
	}
	if err := m.HoldUnsubscription(who.Addr); err != nil {
		return err
	}

	return ErrNeedApproval
}

// ApprovedDeleteMember is MailList.ApprovedDeleteMember: it removes a member, says goodbye and tells the owners. The
// error is maillist.ErrNotAMember where the address is no member's. Afterwards Mailman speaks the list's language.
func (m *Manager) ApprovedDeleteMember(name string, o DeleteOptions) error {
	// The list's settings count where the caller leaves it open.
	userAck, adminNotif := m.l.Bool("send_goodbye_msg"), m.l.Bool("admin_notify_mchanges")
	if o.UserAck != nil {
		userAck = *o.UserAck
	}

	if o.AdminNotif != nil {
		adminNotif = *o.AdminNotif
	}

	// The language must be read first: removing the member deletes it.
	who, err := message.ParseAddr(name)
	if err != nil {
		return err
	}
	email := who.Addr
	lang := m.l.GetMemberLanguage(email)
	if err := m.l.RemoveMember(email); err != nil {
		return err
	}

	// Other parts hold a roster in memory, which must know of the change.
	m.moved(email, false)
	if userAck {
		if err := m.SendUnsubscribeAck(email, lang); err != nil {
			return err
		}
	}

	// Since 2.1.18 the owners are told in the list's language; before, in the language set last.
	if m.since(deleteInListLanguage) {
		m.language.Set(m.l.Str("preferred_language"))
	}

	if adminNotif {
		if err := m.notifyUnsubscribed(name, o.Whence); err != nil {
			return err
		}
	}

	// The subscribe log says from where the removal came.
	tail := ""
	if o.Whence != "" {
		tail = "; " + string(o.Whence)
	}

	m.Log("subscribe", "%s: deleted %s%s", m.l.Name(), name, tail)
	return nil
}

// notifyUnsubscribed tells the owners about a removed member.
func (m *Manager) notifyUnsubscribed(name string, whence Whence) error {
	realname := m.attr("real_name")
	subject := m.Say(textUnsubscribed, i18n.Vars{"realname": realname})
	vars := i18n.Vars{"member": name, "listname": realname}

	if m.since(whenceInNotices) {
		vars["whence"] = ""
		if whence != "" {
			vars["whence"] = "(" + m.translateAny(string(whence)) + ")"
		}
	}

	body, err := m.maketext("adminunsubscribeack.txt", vars, "")
	if err != nil {
		return err
	}

	return m.notifyOwner(subject, body)
}

// SendUnsubscribeAck says goodbye to a removed member.
func (m *Manager) SendUnsubscribeAck(addr, lang string) error {
	if m.since(noticeInMemberLanguage) {
		m.language.Set(lang)
	}

	subject := m.Say(textGoodbye, i18n.Vars{"realname": m.attr("real_name")})
	n, err := m.UserNotification(m.l.GetMemberAdminEmail(addr), m.l.GetBouncesEmail(),
		subject, wrap(m.attr("goodbye_msg")), lang)
	if err != nil {
		return err
	}
	return m.Send(n, m.verp())
}

// ConfirmUnsubscription is MailList.ConfirmUnsubscription: it asks a member by mail to confirm the unsubscription. The
// error is ErrAlreadyPending where the site refuses a second request.
func (m *Manager) ConfirmUnsubscription(addr string) error {
	if err := m.refuseSecond(secondPendingLeave, addr, true); err != nil {
		return err
	}
	lang := m.l.GetMemberLanguage(addr)
	pend, err := m.b.Pending()
	if err != nil {
		return err
	}

	// The cookie makes the record findable, and the request carries it in subject, text and Reply-To.
	cookie, err := pend.New(pending.Unsubscription, pickle.Str(addr))
	if err != nil {
		return err
	}
	body, err := m.maketext("unsub.txt", m.confirmVars(addr, cookie, ""), lang)
	if err != nil {
		return err
	}

	n, err := m.UserNotification(addr, m.l.GetRequestEmail(cookie), nil, body, lang)
	if err != nil {
		return err
	}
	subject, err := m.confirmSubject(textConfirmLeave, cookie)
	if err != nil {
		return err
	}

	replaceSubject(n, subject)
	n.Set("Reply-To", m.l.GetRequestEmail(cookie))
	// RFC 3834, 5: the request is no reply to the member.
	if m.since(autoSubmitted) {
		n.Del("auto-submitted")
		n.Set("Auto-Submitted", "auto-generated")
	}

	return m.Send(n)
}

// confirmSubject is the Subject of a confirmation request (GetConfirmJoinSubject, GetConfirmLeaveSubject): the text
// that an answer must have, unless the address of the answer has it already.
func (m *Manager) confirmSubject(k TextKey, cookie string) (any, error) {
	if !m.s.Bool("VERP_CONFIRMATIONS") {
		return "confirm " + cookie, nil
	}
	name, ok := m.catalogCharset()
	if !ok {
		name = m.t.Charset(m.l.Str("preferred_language"))
	}

	charset, err := m.b.Charsets().New(name)
	if err != nil {
		return nil, err
	}

	return message.NewHeader(m.Say(k, i18n.Vars{"listname": m.attr("real_name")}), charset,
		message.HeaderOptions{HeaderName: "subject"})
}
