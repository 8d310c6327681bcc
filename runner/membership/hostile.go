package membership

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
)

// SendHostileSubscriptionNotice tells the owners of both lists that an address that was invited to listname tried to
// use the invitation here.
func (m *Manager) SendHostileSubscriptionNotice(listname, address string) error {
	m.Log("mischief", "%s was invited to %s but confirmed to %s", address, listname, m.l.Name())
	if err := m.hostileNotice(textHostileHere, address); err != nil {
		return err
	}

	l, err := m.b.Peek(listname)
	switch {
	case errors.Is(err, maillist.ErrUnknownList), errors.Is(err, maillist.ErrCorruptList):
		return nil
	case err != nil:
		return err
	}

	there := *m
	there.l = l
	before := m.language.Set(l.Str("preferred_language"))
	defer m.language.Set(before)
	return there.hostileNotice(textHostileThere, address)
}

func (m *Manager) hostileNotice(k TextKey, address string) error {
	return m.notifyOwner(m.Say(textHostile, nil), wrap(m.Say(k, i18n.Vars{"address": address})))
}
