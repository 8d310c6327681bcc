package membership

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/requests"
	"github.com/mmrunner/mmrunner/pickle"
)

// Confirmed tells what a confirmation has changed.
type Confirmed struct {
	Op     string // a kind of pending record
	Action int    // what became of a held message, for pending.HeldMessage
}

// ProcessConfirmation is MailList.ProcessConfirmation: it carries out the request that waits under cookie. context is
// the confirming message. The errors are ErrBadConfirmation, ErrBadPassword, ErrHostileSubscription,
// ErrNeedApproval, ErrBanned and those of maillist; any other error is an exception for the runner to log.
func (m *Manager) ProcessConfirmation(cookie string, context *message.Message) (Confirmed, error) {
	pend, err := m.b.Pending()
	if err != nil {
		return Confirmed{}, err
	}

	// The keys evictions and version of pending.pck are no cookies. Mailman fails on both with a KeyError.
	if cookie == "evictions" || cookie == "version" {
		if _, ok := pend.Peek(cookie); ok {
			return Confirmed{}, py.KeyError(cookie)
		}
	}

	// Confirming takes the record out, so that a cookie works once.
	v, ok, err := pend.Confirm(cookie)
	if err != nil {
		return Confirmed{}, err
	}
	if !ok {
		return Confirmed{}, fmt.Errorf("%w: no record of %q", ErrBadConfirmation, cookie)
	}

	// A record is a tuple: the operation, and then its data.
	record, ok := py.Items(v)
	if !ok || len(record) == 0 {
		return Confirmed{}, fmt.Errorf("pending record of %s: got %T, need a tuple", cookie, v)
	}
	done := Confirmed{Op: str(record[0])}
	data := record[1:]

	// Too few items make the unpacking in ProcessConfirmation raise.
	wanted, known := map[string]int{
		pending.Subscription: 1, pending.Unsubscription: 1, pending.ChangeOfAddress: 3,
		pending.HeldMessage: 1, pending.ReEnable: 2,
	}[done.Op]

	if !known {
		return done, &py.Error{Class: "AssertionError", Text: "Bad op: " + done.Op}
	}
	if len(data) < wanted {
		return done, py.Errorf("ValueError", "the pending record %q of %s has %d items and needs %d", done.Op, cookie, len(data), wanted)
	}

	// From here on the request is as good as one from the web page.
	switch done.Op {
	case pending.Subscription:
		err = m.confirmSubscription(data[0])
	case pending.Unsubscription:
		err = m.ApprovedDeleteMember(str(data[0]), DeleteOptions{Whence: m.emailConfirmation()})
	case pending.ChangeOfAddress:
		err = m.ApprovedChangeMemberAddress(str(data[0]), str(data[1]), py.Truth(data[2]))
	case pending.HeldMessage:
		done.Action, err = m.confirmHeld(pend, cookie, v, data[0], context)
	case pending.ReEnable:
		err = m.l.SetDeliveryStatus(str(data[1]), maillist.Enabled)
	}

	return done, err
}

// confirmSubscription goes on with a subscription that its owner has confirmed, or with an invitation that was
// accepted: the branch Pending.SUBSCRIPTION of ProcessConfirmation.
func (m *Manager) confirmSubscription(v pickle.Value) error {
	u, ok := pending.ParseUserDesc(v)
	if !ok {
		return py.NoAttribute(v, "address")
	}

	// Python takes the attributes one by one, and stops at the first that the record lacks.
	for _, a := range []struct {
		name  string
		value pickle.Value
	}{{"address", u.Address}, {"fullname", u.FullName}, {"password", u.Password}, {"digest", u.Digest}, {"language", u.Language}} {
		if a.value == nil {
			return py.Errorf("AttributeError", "UserDesc instance has no attribute '%s'", a.name)
		}
	}

	addr := str(u.Address)
	if py.Truth(u.Invitation) {
		// An invitation holds for one list and needs no approval. An invitation to another list is taken for an attack,
		// and both lists' owners are told.
		if to := str(u.Invitation); to != m.l.Name() {
			if err := m.SendHostileSubscriptionNotice(to, addr); err != nil {
				return err
			}
			return ErrHostileSubscription
		}
		return m.ApprovedAddMember(u, m.viaEmail())
	}

	// Policies 2 and 3 need a moderator's approval, unless subscribe_auto_approval names the address.
	if policy := m.l.Int("subscribe_policy"); policy == 2 || policy == policyConfirmApprove {
		approved := false
		if m.since(autoApproval) {
			var err error
			if approved, err = m.l.HasAutoApprovedSender(addr); err != nil {
				return err
			}
		}

		if !approved {
			err := m.HoldSubscription(addr, u.FullName, u.Password, u.Digest, str(u.Language))
			if err != nil {
				return err
			}
			return ErrNeedApproval
		}
	}

	// Confirmed, and nothing else is needed.
	return m.ApprovedAddMember(u, m.viaEmail())
}

// confirmHeld approves a held message if context has the right password and discards it if context has no password. With a
// wrong password it puts the record back.
func (m *Manager) confirmHeld(pend *pending.DB, cookie string, record, id pickle.Value, context *message.Message) (action int, err error) {
	action = requests.Discard
	password, given, err := m.approval(context)
	if err != nil {
		return action, err
	}

	// A wrong password is answered, and the moderator may try again.
	if given {
		role, err := m.Authenticate(password, "", ListAdmin, ListModerator)
		if err != nil {
			return action, err
		}

		if role == Unauthorized {
			if err := pend.Repend(cookie, record); err != nil {
				return action, err
			}
			return action, ErrBadPassword
		}

		action = requests.Approve
	}

	err = m.HandleRequest(id, action)
	if errors.Is(err, requests.ErrNoRequest) {
		// A moderator was quicker.
		m.Log("error", "Could not process HELD_MESSAGE: %s", display(id))
		err = nil
	}

	return action, err
}

// approval finds the password that approves a held message: in the confirming message's Approved or Approve field,
// or in the first line with text of its first text/plain part.
func (m *Manager) approval(msg *message.Message) (password string, given bool, err error) {
	password, given = msg.Get("Approved")
	if !given {
		password, given = msg.Get("Approve")
	}

	// An empty field is as good as none.
	if password != "" {
		return password, true, nil
	}

	for part := range msg.TypedSubpartIterator("text", "plain") {
		// A part without headers counts as false in Python.
		if part.HeaderCount() == 0 {
			break
		}
		body, ok := "", false

		// Since 2.1.15 the body is decoded first, as Approve.py does with a post.
		if m.since(approvedInBody) {
			if body, ok, err = part.GetPayloadDecoded(); err != nil {
				return "", false, err
			}
		} else {
			body, ok = part.GetPayloadString()
		}

		if !ok {
			return "", false, &py.Error{Class: "TypeError", Text: "expected read buffer, NoneType found"}
		}

		// Only the first line with text counts.
		for line := range strings.SplitSeq(body, "\n") {
			if strings.Trim(line, whitespace) == "" {
				continue
			}
			name, value, ok := strings.Cut(line, ":")

			if m.since(approvedInBody) {
				name = strings.Trim(name, whitespace)
			}

			if name = py.Lower(name); ok && (name == "approve" || name == "approved") {
				return strings.Trim(value, whitespace), true, nil
			}
			break
		}

		break
	}

	return password, given, nil
}

// whitespace has the characters that Python 2's str.strip() removes.
const whitespace = " \t\n\r\v\f"

// shown formats a value as Python's %s does: a unicode value makes the whole text a unicode.
func shown(v pickle.Value) i18n.Text {
	if u, ok := v.(pickle.Unicode); ok {
		return u
	}
	return display(v)
}

// display is Python's str(v).
func display(v pickle.Value) string {
	switch v.(type) {
	case pickle.Str, pickle.Unicode:
		return str(v)
	}
	return pickle.Repr(v, 200)
}
