package membership

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// The values of subscribe_policy except moderation alone.
const (
	policyOpen           = 0
	policyConfirm        = 1
	policyConfirmApprove = 3
)

// request has the values that AddMember and ApprovedAddMember take from a UserDesc, with
// its defaults filled in.
type request struct {
	email    string
	name     i18n.Text
	language string
	digest   pickle.Value
	password pickle.Value
}

// requestOf reads a UserDesc, and refuses a bad address or a member, as AddMember and ApprovedAddMember begin.
func (m *Manager) requestOf(u *pending.UserDesc) (r request, err error) {
	// Domains are compared without case, local parts keep theirs.
	r.email = maillist.LCDomain(str(u.Address))
	r.name = value(u.FullName)
	r.language = m.l.Str("preferred_language")

	if u.Language != nil {
		r.language = str(u.Language)
	}

	// What the request leaves open comes from the list, as in AddMember.
	r.digest = u.Digest
	if r.digest == nil {
		r.digest = pickle.Int(1)
		if m.l.Bool("nondigestable") {
			r.digest = pickle.Int(0)
		}
	}

	r.password = u.Password
	if r.password == nil {
		made, err := m.l.MakeRandomPassword()
		if err != nil {
			return r, err
		}
		r.password = pickle.Str(made)
	}

	// The address must be valid and no member's.
	if err := maillist.ValidateEmail(m.s, r.email); err != nil {
		return r, err
	}
	if m.l.IsMember(r.email) {
		return r, maillist.ErrAlreadyAMember.With(r.email)
	}

	return r, nil
}

// str returns the bytes of a str or unicode attribute.
func str(v pickle.Value) string { return plainText(value(v)) }

// value returns a str or unicode attribute, "" for a missing one.
func value(v pickle.Value) i18n.Text {
	switch v := v.(type) {
	case pickle.Str:
		return string(v)
	case pickle.Unicode:
		return v
	}
	return ""
}

// stored returns a text as a value to pickle.
func stored(t i18n.Text) pickle.Value {
	if s, ok := t.(string); ok {
		return pickle.Str(s)
	}
	return t
}

// AddMember is MailList.AddMember: it subscribes u as the list's policy says, at once, or by asking for confirmation
// (ErrNeedsConfirmation) or approval (ErrNeedApproval). remote tells where the request came from, for log lines.
// Other errors are maillist.ErrBadEmail, ErrHostileAddress and ErrAlreadyAMember, and ErrAlreadyPending, ErrBanned,
// ErrCantDigest and ErrMustDigest.
func (m *Manager) AddMember(u *pending.UserDesc, remote string) error {
	// The checks come in AddMember's order, since the first that fails decides about the answer.
	r, err := m.requestOf(u)
	if err != nil {
		return err
	}
	if err := m.refuseSecond(secondPending, r.email, false); err != nil {
		return err
	}

	// A list that is its own member would send every post to itself again.
	if py.Lower(r.email) == py.Lower(m.l.GetListEmail()) {
		return maillist.ErrBadEmail
	}
	if err := m.refuseBanned(bannedFrom, r.email, remote); err != nil {
		return err
	}
	if err := m.refuseSpamhaus(r.email, remote); err != nil {
		return err
	}

	// A list may offer only one of the two ways to get mail.
	switch digest := py.Truth(r.digest); {
	case digest && !m.l.Bool("digestable"):
		return ErrCantDigest
	case !digest && !m.l.Bool("nondigestable"):
		return ErrMustDigest
	}

	// From here on u is complete: a confirmation or a moderator will take it as it is.
	u.Address, u.FullName, u.Password = pickle.Str(r.email), stored(r.name), r.password
	u.Digest, u.Language = r.digest, pickle.Str(r.language)

	// subscribe_policy: 0 is open, 1 and 3 need confirmation, 2 and 3 approval.
	switch m.l.Int("subscribe_policy") {
	case policyOpen:
		return m.ApprovedAddMember(u, Whence(remote))
	case policyConfirm, policyConfirmApprove:
		return m.confirmJoin(u, r, remote)
	}

	// Approval is needed, unless subscribe_auto_approval names the address.
	if m.since(autoApproval) {
		approved, err := m.l.HasAutoApprovedSender(r.email)
		if err != nil {
			return err
		}
		if approved {
			return m.ApprovedAddMember(u, "")
		}
	}

	if err := m.HoldSubscription(r.email, stored(r.name), r.password, r.digest, r.language); err != nil {
		return err
	}

	return ErrNeedApproval
}

// ErrOverLimit says that a subscription was dropped. No notice of it leaves, since the owner of the address may not
// have asked for it.
var ErrOverLimit = errors.New("too many subscriptions are pending today")

// overLimit tells whether an address or its domain has as many pending subscriptions of today as the site allows.
func (m *Manager) overLimit(pend *pending.DB, addr string) bool {
	limit := m.services.Limit
	if limit.PerAddress == 0 && limit.PerDomain == 0 {
		return false
	}
	now := m.b.Now()
	ofAddr, ofDomain := pend.SubscriptionsSince(addr, maillist.DateOf(now).Midnight(now.Location()))
	return limit.PerAddress > 0 && ofAddr >= limit.PerAddress || limit.PerDomain > 0 && ofDomain >= limit.PerDomain
}

// confirmJoin sends the request to confirm a subscription: the branch for subscribe_policy 1 and 3 of
// MailList.AddMember.
func (m *Manager) confirmJoin(u *pending.UserDesc, r request, remote string) error {
	pend, err := m.b.Pending()
	if err != nil {
		return err
	}

	// A limit of mmrunner's own: subscriptions in the name of a victim must not fill its mailbox.
	if m.overLimit(pend, r.email) {
		m.Log("vette", "%s: subscription of %s dropped: too many are pending today (from %s)", m.l.Name(), r.email, remote)
		return ErrOverLimit
	}

	// The cookie makes the record findable, and the request carries it in subject, body and Reply-To.
	cookie, err := pend.New(pending.Subscription, u.Pickled())
	if err != nil {
		return err
	}
	from := m.Say(textFromRemote, i18n.Vars{"remote": remote})
	body, err := m.maketext("verify.txt", m.confirmVars(r.email, cookie, from), r.language)
	if err != nil {
		return err
	}

	n, err := m.UserNotification(m.l.GetMemberAdminEmail(r.email), m.l.GetRequestEmail(cookie), nil, body, r.language)
	if err != nil {
		return err
	}
	subject, err := m.confirmSubject(textConfirmJoin, cookie)
	if err != nil {
		return err
	}

	replaceSubject(n, subject)
	n.Set("Reply-To", m.l.GetRequestEmail(cookie))
	if m.since(autoSubmitted) {
		// Auto-Submitted depends on whether the request came from the address to which this goes.
		asked := remote
		if !m.since(remoteUntranslated) {
			asked = from
		}

		// RFC 3834, 5: a request to the address that asked for it is a reply, any other is generated.
		n.Del("auto-submitted")
		if strings.HasSuffix(py.Lower(asked), py.Lower(r.email)) {
			n.Set("Auto-Submitted", "auto-replied")
		} else {
			n.Set("Auto-Submitted", "auto-generated")
		}
	}

	// The log line comes last, when the request is on its way.
	if err := m.Send(n); err != nil {
		return err
	}
	who, err := formatAddr(r.name, r.email)
	if err != nil {
		return err
	}

	m.Log("subscribe", "%s: pending %s %s", m.l.Name(), who, " "+remote)
	return ErrNeedsConfirmation
}

// confirmVars returns the variables of the templates of confirmation requests.
func (m *Manager) confirmVars(email, cookie, remote string) i18n.Vars {
	return i18n.Vars{
		"email":       email,
		"listaddr":    m.l.GetListEmail(),
		"listname":    m.attr("real_name"),
		"cookie":      cookie,
		"requestaddr": m.l.GetListAddress("request"),
		"remote":      remote,
		"listadmin":   m.l.GetOwnerEmail(),
		"confirmurl":  m.l.GetScriptURL("confirm") + "/" + cookie,
	}
}

// ApprovedAddMember is MailList.ApprovedAddMember: it makes u a member, sends the welcome and tells the owners, as
// the list is set to. The errors are those of maillist's AddNewMember and ErrBanned.
func (m *Manager) ApprovedAddMember(u *pending.UserDesc, whence Whence) error {
	// The address may have been banned since it asked, so that is checked again.
	r, err := m.requestOf(u)
	if err != nil {
		return err
	}
	if err := m.refuseBanned(bannedEverywhere, r.email, string(whence)); err != nil {
		return err
	}

	digest := py.Truth(r.digest)
	err = m.l.AddNewMember(r.email, maillist.NewMember{
		Digest: digest, Password: r.password, Language: r.language, RealName: stored(r.name),
	})
	if err != nil {
		return err
	}

	// New members get the list's defaults for digests and moderation.
	m.moved(r.email, true)
	if err := m.l.SetMemberOption(r.email, maillist.DisableMime, m.l.Int("mime_is_default_digest") != 1); err != nil {
		return err
	}
	if err := m.l.SetMemberOption(r.email, maillist.Moderate, m.l.Bool("default_member_moderation")); err != nil {
		return err
	}

	// The subscribe log names the member, and what brought it in.
	who, err := formatAddr(r.name, r.email)
	if err != nil {
		return err
	}
	kind := ""

	if digest {
		kind = " (digest)"
	}

	m.Log("subscribe", "%s: new%s %s, %s", m.l.Name(), kind, who, string(whence))
	// Welcome and notice come after the log line, as in Mailman.
	if m.l.Bool("send_welcome_msg") {
		if err := m.welcome(r.email, digest); err != nil {
			return err
		}
	}

	if m.l.Bool("admin_notify_mchanges") {
		return m.notifySubscribed(r, whence)
	}

	return nil
}

// refuseSecond is CheckPending: it returns ErrAlreadyPending where the site refuses a second request while one waits
// for its confirmation.
func (m *Manager) refuseSecond(since int, email string, unsub bool) error {
	if !m.since(since) || !m.s.Bool("REFUSE_SECOND_PENDING") {
		return nil
	}
	pend, err := m.b.Pending()
	if e := py.AsError(err); e != nil && e.Class == "AttributeError" {
		// CheckPending asks another value than a dict for an item, and not for a method.
		return &py.Error{Class: "TypeError", Text: e.Text}
	}
	if err != nil {
		return err
	}

	has, err := pend.HasPending(email, unsub)
	if err != nil {
		return err
	}
	if has {
		return fmt.Errorf("%w: %s", ErrAlreadyPending, email)
	}

	return nil
}

// refuseBanned returns ErrBanned for a banned address. Releases from since on log where the request came from.
// Before, AddMember's log line did not have it, and ApprovedAddMember wrote no line.
func (m *Manager) refuseBanned(since int, email, from string) error {
	pattern, banned, err := m.l.GetBannedPattern(email)
	if err != nil || !banned {
		return err
	}

	if from != "" {
		from = " from " + from
	}

	switch {
	case m.since(since):
		m.Log("vette", "%s banned subscription: %s%s (matched: %s)", m.attr("real_name"), email, from, pattern)
	case since == bannedFrom:
		m.Log("vette", "%s banned subscription: %s (matched: %s)", m.attr("real_name"), email, pattern)
	}

	return fmt.Errorf("%w: %s", ErrBanned, pattern)
}
