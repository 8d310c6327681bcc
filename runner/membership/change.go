package membership

import (
	"errors"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
)

// ApprovedChangeMemberAddress is MailList.ApprovedChangeMemberAddress: it moves a membership to another address, and where
// globally is set on all lists of the same host. The errors are ErrBanned, maillist.ErrNotAMember and ErrAlreadyAMember.
func (m *Manager) ApprovedChangeMemberAddress(oldaddr, newaddr string, globally bool) error {
	// The new address may be banned, although the old one is a member.
	pattern, banned, err := m.l.GetBannedPattern(newaddr)
	if err != nil {
		return err
	}

	if banned {
		if m.since(bannedEverywhere) {
			m.Log("vette", "%s banned address change: %s -> %s (matched: %s)",
				m.attr("real_name"), oldaddr, newaddr, pattern)
		}
		return fmt.Errorf("%w: %s", ErrBanned, pattern)
	}

	if err := m.changeAddress(oldaddr, newaddr); err != nil {
		return err
	}
	if !globally {
		return nil
	}

	// The other lists take part in the transaction as they turn out to have the member.
	names, err := m.b.ListNames()
	if err != nil {
		return err
	}

	for _, name := range names {
		if name == m.l.Name() {
			continue
		}
		if err := m.changeElsewhere(name, oldaddr, newaddr); err != nil {
			return err
		}
	}

	return nil
}

// changeElsewhere is ApprovedChangeMemberAddress for one other list.
func (m *Manager) changeElsewhere(name, oldaddr, newaddr string) error {
	l, err := m.b.Peek(name)
	if err != nil {
		return err
	}

	// Peek reads without the lock: only a list with the member is locked.
	if l.HostName() != m.l.HostName() || !l.IsMember(oldaddr) {
		return nil
	}

	// A list that bans the new address keeps the old one.
	if _, banned, err := l.GetBannedPattern(newaddr); err != nil || banned {
		return err
	}

	there, err := m.On(name)
	if err != nil {
		return err
	}

	if err := there.changeAddress(oldaddr, newaddr); err != nil {
		// That list is not saved, although the entry goes on.
		there.b.Undo()
		return err
	}

	there.b.Save()
	return nil
}

// changeAddress moves a membership on this list. Where the new address is a member already, in the same case, the old one
// is only removed.
func (m *Manager) changeAddress(oldaddr, newaddr string) error {
	cpold, err := m.l.GetMemberCPAddress(oldaddr)
	if err != nil {
		return err
	}

	// The two may differ only in case, which is one member.
	cpnew, err := m.l.GetMemberCPAddress(newaddr)
	switch {
	case err == nil && cpnew == newaddr:
		if cpold == newaddr {
			return nil
		}
		if err := m.l.RemoveMember(oldaddr); err != nil {
			return err
		}
		m.moved(oldaddr, false)
		return nil
	case err != nil && !errors.Is(err, maillist.ErrNotAMember):
		return err
	}

	// Where the new address belongs to another member, the old one is gone all the same: Mailman removes it first.
	err = m.l.ChangeMemberAddress(oldaddr, newaddr, false)
	m.moved(oldaddr, false)
	if err != nil {
		return err
	}

	m.moved(newaddr, true)
	if !m.since(autoApproval) {
		return nil
	}

	return m.logAndNotifyChange(cpold, newaddr)
}

// logAndNotifyChange is log_and_notify_admin.
func (m *Manager) logAndNotifyChange(oldaddr, newaddr string) error {
	m.Log("subscribe", "%s: changed member address from %s to %s", m.l.Name(), oldaddr, newaddr)
	if !m.l.Bool("admin_notify_mchanges") {
		return nil
	}

	// The subject is in the list's language; what follows is in the language set before.
	lang := m.l.Str("preferred_language")
	realname := m.attr("real_name")
	before := m.language.Set(lang)
	subject := m.Say(textChanged, i18n.Vars{"realname": realname})
	m.language.Set(before)
	v, err := m.l.GetMemberName(newaddr)
	if err != nil {
		return err
	}

	name, err := m.encode(value(v), lang)
	if err != nil {
		return err
	}

	body, err := m.maketext("adminaddrchgack.txt", i18n.Vars{
		"name":     name,
		"oldaddr":  oldaddr,
		"newaddr":  newaddr,
		"listname": realname,
	}, "")
	if err != nil {
		return err
	}

	return m.notifyOwner(subject, body)
}
