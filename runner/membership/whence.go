package membership

// Whence says how a membership came or went: for log lines, which have it in
// English, and for notices, which have it translated where it is one of
// Mailman's texts.
type Whence string

// Mailcmd is given by the commands.
const Mailcmd Whence = "mailcmd"

// viaEmail is given by a confirmed subscription.
func (m *Manager) viaEmail() Whence { return Whence(m.msgid(textViaEmail, "via email confirmation")) }

// emailConfirmation is given by a confirmed unsubscription.
func (m *Manager) emailConfirmation() Whence {
	return Whence(m.msgid(textEmailConfirm, "email confirmation"))
}
