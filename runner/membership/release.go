package membership

// since tells whether the installed Mailman is release 2.1.micro or later. A profile without a release counts as the
// latest.
func (m *Manager) since(micro int) bool { return Since(m.s.Profile.HexVersion, micro) }

// Since tells whether a HEX_VERSION belongs to release 2.1.micro or later.
func Since(hexVersion, micro int) bool {
	return hexVersion < 0x02010000 || hexVersion >= 0x02010000|micro<<8
}

// The releases that changed what the functions of this package do.
const (
	noticeInMemberLanguage  = 16 // SendUnsubscribeAck speaks the member's language
	autoSubmitted           = 15 // confirmation requests say Auto-Submitted
	heldInListLanguage      = 15 // HoldSubscription's notice speaks the list's language
	approvedInBody          = 15 // an Approved: line is looked for in the decoded body
	ownerPrecedence         = 18 // mail to owners has Precedence: list
	deleteInListLanguage    = 18 // ApprovedDeleteMember goes on in the list's language
	approvedLogsList        = 18 // "held message approved" begins with the list's name
	welcomeInUserLanguage   = 19 // SendSubscribeAck speaks the member's language
	autoApproval            = 19 // subscribe_auto_approval; address changes are logged
	bannedFrom              = 21 // a banned subscription's log line says from where
	bannedEverywhere        = 23 // so does each other place that looks at bans
	whenceInNotices         = 27 // notices to the owner say where the change came from
	welcomeRestoresLanguage = 27 // SendSubscribeAck restores the language at its end
	spamhausChecked         = 27 // subscriptions are checked with Spamhaus
	spamhausDBL             = 28 // domains by its list of domains
	remoteUntranslated      = 30 // Auto-Submitted is judged by the bare address
	secondPending           = 30 // REFUSE_SECOND_PENDING
	secondPendingLeave      = 34 // the same for leaving
)
