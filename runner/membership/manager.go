// Package membership changes a list's membership as Mailman does, on top of its state: joining and leaving,
// confirmations and held requests, and the mail and log lines about them. It follows MailList.py, ListAdmin.py,
// Deliverer.py and SecurityManager.py of releases 2.1.14 to 2.1.39; release.go has their differences.
//
// All of it works on a list's batch (runner.Batch): nothing here reaches for a file, a clock or a lock. Texts are the
// installation's own, named in texts.go by their module and first words.
package membership

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
)

// Language is the language that Mailman speaks at the moment: i18n's _translation, which belongs to the whole
// process. Code that changes it often leaves it changed, and later texts of the same entry then come in that
// language.
type Language struct{ Lang string }

// Set is i18n.set_language. It returns the language before.
func (v *Language) Set(lang string) (before string) {
	before, v.Lang = v.Lang, lang
	return before
}

// Manager does for one list what Mailman's MailList object does with members.
type Manager struct {
	b        runner.Batch
	l        *maillist.List
	s        *site.Site
	t        *i18n.Texts
	language *Language
	services Services
}

// New returns a manager for the list of b. All steps of an entry share lang, which begins with the language of the
// entry's sender.
func New(b runner.Batch, lang *Language, services Services) *Manager {
	return &Manager{b: b, l: b.List(), s: b.Site(), t: Texts(b), language: lang, services: services}
}

// Texts are the installation's texts. Warnings about them are logged with the batch, which may be applied again.
func Texts(b runner.Batch) *i18n.Texts {
	return b.Texts().For(func(format string, a ...any) { b.Log("error", format, a...) })
}

// List is the list's state.
func (m *Manager) List() *maillist.List { return m.l }

// Language is the present language.
func (m *Manager) Language() *Language { return m.language }

// On returns a manager for another list, in the same language. The list takes part in the transaction.
func (m *Manager) On(listname string) (*Manager, error) {
	b, err := m.b.With(listname)
	if err != nil {
		return nil, err
	}
	return New(b, m.language, m.services), nil
}

// moved reports that an address became a member, or ceased to be one.
func (m *Manager) moved(addr string, in bool) {
	if m.services.Moved != nil {
		m.services.Moved(m.l, addr, in)
	}
}

// SetDigest moves a member between regular delivery and digests, with the
// errors of maillist's SetMemberOption.
func (m *Manager) SetDigest(member string, on bool) error {
	if err := m.l.SetMemberOption(member, maillist.Digests, on); err != nil {
		return err
	}
	m.moved(member, false)
	m.moved(member, true)
	return nil
}
