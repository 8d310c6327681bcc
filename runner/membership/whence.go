package membership

// Whence says where a membership change came from. Log lines have it in English. Notices have it translated where it
// is one of Mailman's texts.
type Whence string

// Mailcmd stands for the commands.
const Mailcmd Whence = "mailcmd"

// viaEmail stands for a confirmed subscription.
func (m *Manager) viaEmail() Whence { return Whence(m.msgid(textViaEmail, "via email confirmation")) }

// emailConfirmation stands for a confirmed unsubscription.
func (m *Manager) emailConfirmation() Whence {
	return Whence(m.msgid(textEmailConfirm, "email confirmation"))
}
