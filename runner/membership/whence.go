package membership

// Whence says how a membership came or went: for log lines, which have it in
// English, and for notices, which have it translated where it is one of
// Mailman's texts.
type Whence string

// Mailcmd is what the commands give.
const Mailcmd Whence = "mailcmd"

// viaEmail is what a confirmed subscription gives.
func (m *Manager) viaEmail() Whence { return Whence(m.msgid(textViaEmail, "via email confirmation")) }

// emailConfirmation is what a confirmed unsubscription gives.
func (m *Manager) emailConfirmation() Whence {
	return Whence(m.msgid(textEmailConfirm, "email confirmation"))
}
