package membership

import (
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/requests"
	"github.com/mmrunner/mmrunner/pickle"
)

// HoldSubscription is ListAdmin.HoldSubscription: it puts a subscription before the moderators. Afterwards Mailman speaks
// lang if it has told them.
func (m *Manager) HoldSubscription(addr string, fullname, password, digest pickle.Value, lang string) error {
	db, err := m.b.Requests()
	if err != nil {
		return err
	}

	// The request waits in request.pck.
	db.AddSubscription(addr, fullname, password, digest, lang)
	m.Log("vette", "%s: held subscription request from %s", m.l.Name(), addr)
	// Without immediate notices the moderators hear of it by cron/checkdbs.
	if !m.l.Bool("admin_immed_notify") {
		return nil
	}

	if m.since(heldInListLanguage) {
		m.language.Set(m.l.Str("preferred_language"))
	}

	subject := m.Say(textNewRequest, i18n.Vars{"realname": m.attr("real_name"), "addr": addr})
	if err := m.notifyModerators("subauth.txt", addr, subject); err != nil {
		return err
	}

	if m.since(heldInListLanguage) {
		m.language.Set(lang)
	}

	return nil
}

// HoldUnsubscription puts an unsubscription before the moderators.
func (m *Manager) HoldUnsubscription(addr string) error {
	db, err := m.b.Requests()
	if err != nil {
		return err
	}

	db.AddUnsubscription(addr)
	m.Log("vette", "%s: held unsubscription request from %s", m.l.Name(), addr)
	if !m.l.Bool("admin_immed_notify") {
		return nil
	}

	subject := m.Say(textLeaveRequest, i18n.Vars{"realname": m.attr("real_name"), "addr": addr})
	return m.notifyModerators("unsubauth.txt", addr, subject)
}

// notifyModerators tells owners and moderators about a held request.
func (m *Manager) notifyModerators(template, addr, subject string) error {
	body, err := m.maketext(template, i18n.Vars{
		"username":    addr,
		"listname":    m.l.Name(),
		"hostname":    m.attr("host_name"),
		"admindb_url": m.l.GetScriptURL("admindb"),
	}, "")
	if err != nil {
		return err
	}

	// The owners are the sender, so that a bounce of the notice does not count against a member.
	owner := m.l.GetOwnerEmail()
	n, err := m.UserNotification(owner, owner, subject, body, m.l.Str("preferred_language"))
	if err != nil {
		return err
	}

	return m.Send(n, message.Attr{Name: "tomoderators", Value: pickle.Int(1)})
}

// HandleRequest is ListAdmin.HandleRequest, as far as a confirmation can reach it: it approves or discards what waits for a
// moderator. action is requests.Approve or requests.Discard. The error is requests.ErrNoRequest where a moderator has
// done so before.
func (m *Manager) HandleRequest(id pickle.Value, action int) error {
	db, err := m.b.Requests()
	if err != nil {
		return err
	}

	// An id is an int; anything else is in no request.pck.
	number, ok := py.ExactInt(id)
	if !ok {
		return fmt.Errorf("%w: %s", requests.ErrNoRequest, display(id))
	}
	kind, record, err := db.Record(number)
	if err != nil {
		return err
	}

	switch {
	case kind == requests.HeldMsg:
		err = m.handlePost(db, record, action)
	case action != requests.Discard:
		// A confirmation can approve posts only. __handlesubscription asserts otherwise.
		err = &py.Error{Class: "AssertionError"}
	case kind == requests.Unsubscription:
		m.Log("vette", "%s: discarded unsubscription request from %s", m.l.Name(), shown(record))
	case kind == requests.Subscription:
		var addr pickle.Value
		if addr, err = requests.SubscriptionAddress(record); err != nil {
			return err
		}
		m.Log("vette", "%s: discarded subscription request from %s", m.l.Name(), shown(addr))
	default:
		err = &py.Error{Class: "AssertionError"}
	}

	if err != nil {
		return err
	}

	return db.Delete(number)
}

// handlePost is ListAdmin.__handlepost: it sends a held message on its way, or drops it.
func (m *Manager) handlePost(db *requests.DB, record pickle.Value, action int) error {
	held, err := requests.ParseHeld(record)
	if err != nil {
		return err
	}

	// An approved message goes back into the in queue. A message whose file is gone is done with.
	if action == requests.Approve {
		msg, missing, err := db.ReadMessage(held)
		if err != nil || missing {
			return err
		}

		kept, ok := held.Data.(*pickle.Dict)
		if !ok {
			return py.Errorf("TypeError", "'%s' object does not support item assignment", py.TypeName(held.Data))
		}

		// Both keys tell the pipeline's handlers to let it pass. Without filebase the entry gets a name of its own, so that
		// a later delivery error cannot make duplicates.
		data := qfile.NewData()
		for k, v := range kept.All() {
			data.Set(str(k), v)
		}
		data.Set("approved", pickle.Int(1))
		data.Set("adminapproved", pickle.Int(1))
		data.Delete("filebase")
		// __handlepost adds the field, and writes the vette line.
		msg.Set("X-Mailman-Approved-At", message.FormatDate(m.b.Now(), true))
		id, ok := msg.Get("message-id")
		if !ok {
			id = "n/a"
		}

		if m.since(approvedLogsList) {
			m.Log("vette", "%s: held message approved, message-id: %s", m.l.Name(), id)
		} else {
			m.Log("vette", "held message approved, message-id: %s", id)
		}

		m.b.Enqueue("in", msg, data)
	} else {
		// A discarded message leaves a vette line only.
		sender, err := byteString(held.Sender)
		if err != nil {
			return err
		}

		subject, err := byteString(held.Subject)
		if err != nil {
			return err
		}

		// Mailman doubles percent signs for a formatting that it then does not do.
		note, _ := py.Format("%s: Discarded posting:\n\tFrom: %s\n\tSubject: %s", m.l.Name(),
			strings.ReplaceAll(sender, "%", "%%"), strings.ReplaceAll(subject, "%", "%%"))
		m.b.Log("vette", "%s", Latin1(note))
	}

	// The file in data/ goes in either case.
	_, err = db.RemoveFile(held)
	return err
}

// byteString is Python's str(v) of a header.
func byteString(v pickle.Value) (string, error) {
	switch v := v.(type) {
	case pickle.Str:
		return string(v), nil
	case pickle.Unicode:
		return codec.Encode(string(v), "ascii", codec.Strict)
	case *pickle.Instance:
		h, err := message.HeaderFromPickle(v)
		if err != nil {
			return "", err
		}
		return h.Encode()
	}

	return display(v), nil
}
