package site

import "github.com/mmrunner/mmrunner/pickle"

func str(s string) Setting   { return Setting{pickle.Str(s)} }
func number(n int64) Setting { return Setting{pickle.Int(n)} }
func yes(b bool) Setting     { return Setting{b} }
func strs(list ...string) Setting {
	l := &pickle.List{}
	for _, s := range list {
		l.Items = append(l.Items, pickle.Str(s))
	}
	return Setting{l}
}

// day is a day in seconds, as mm_cfg.days counts.
const day = 24 * 60 * 60

// Builtin is the profile that stands in where there is no Python or no Mailman: the distributed settings, and short
// sentences and bounce patterns of our own.
func Builtin() *Profile {
	return &Profile{
		Format:                profileFormat,
		Version:               "2.1.39",
		HexVersion:            0x020127f0,
		DataFileVersion:       112,
		QfileSchemaVersion:    3,
		PendingSchemaVersion:  2,
		RequestsSchemaVersion: 1,
		Languages:             map[string]Language{"en": {Description: "English (USA)", Charset: "us-ascii", Direction: "ltr"}},
		Messages:              builtinMessages,
		Bouncers:              builtinBouncers(),
		Modules:               map[string]Module{},
		Commands:              map[string]Command{},
		Docs:                  builtinDocs,
		// The properties of the Python under which Mailman 2.1.39 usually runs.
		Python:   PythonInfo{Version: "2.7.18", MaxInt: 1<<63 - 1, MaxUnicode: 0x10ffff, Crypt: true},
		Settings: builtinSettings(),
	}
}

// builtinSettings are the settings that the runners read, as Defaults.py of Mailman 2.1.39 has them. Directories
// follow from the prefix, see FromProfile.
func builtinSettings() map[string]Setting {
	none := Setting{nil}
	return map[string]Setting{
		"MAILMAN_SITE_LIST":              str("mailman"),
		"DEFAULT_SERVER_LANGUAGE":        str("en"),
		"DEFAULT_EMAIL_HOST":             str("lists.example.com"),
		"DEFAULT_URL_HOST":               str("lists.example.com"),
		"DEFAULT_URL_PATTERN":            str("http://%s/mailman/"),
		"DEFAULT_URL":                    none,
		"VIRTUAL_HOSTS":                  {pickle.NewDict()},
		"VIRTUAL_HOST_OVERVIEW":          yes(true),
		"CGIEXT":                         str(""),
		"ACCEPTABLE_LISTNAME_CHARACTERS": str("[-+_.=a-z0-9]"),
		"LIST_LOCK_LIFETIME":             number(5 * 60 * 60),
		"LIST_LOCK_TIMEOUT":              number(10),
		"PENDING_REQUEST_LIFE":           number(3 * day),
		"MAILMAN_USER":                   str("mailman"),
		"MAILMAN_GROUP":                  str("mailman"),
		"QRUNNERS":                       {qrunners()},
		"OWNER_PIPELINE":                 strs("SpamDetect", "Replybot", "OwnerRecips", "ToOutgoing"),
		"QRUNNER_SLEEP_TIME":             number(1),
		"QRUNNER_SAVE_BAD_MESSAGES":      yes(true),
		"DELIVERY_MODULE":                str("SMTPDirect"), "DELIVERY_RETRY_PERIOD": number(5 * 24 * 3600), "DELIVERY_RETRY_WAIT": number(3600),
		"SMTPLIB_DEBUG_LEVEL": number(0), "SMTPHOST": str("localhost"), "SMTPPORT": number(0), "SMTP_HELO_HOST": str("localhost"),
		"SMTP_AUTH": yes(false), "SMTP_USE_TLS": yes(false), "SMTP_USER": str(""), "SMTP_PASSWD": str(""),
		"SMTP_MAX_RCPTS": number(500), "SMTP_MAX_SESSIONS_PER_CONNECTION": number(0),
		"VERP_FORMAT": str("%(bounces)s+%(mailbox)s=%(host)s"), "MMRUNNER_OUTGOING": yes(false),
		"REGISTER_BOUNCES_EVERY":              number(15 * 60),
		"SYNC_AFTER_WRITE":                    yes(false),
		"ARCHIVE_TO_MBOX":                     number(2),
		"PUBLIC_MBOX":                         yes(false),
		"USE_ENVELOPE_SENDER":                 yes(false),
		"SENDER_HEADERS":                      {&pickle.Tuple{Items: []any{pickle.Str("from"), nil, pickle.Str("reply-to"), pickle.Str("sender")}}},
		"GLOBAL_BAN_LIST":                     strs(),
		"BLOCK_SPAMHAUS_LISTED_IP_SUBSCRIBE":  yes(false),
		"BLOCK_SPAMHAUS_LISTED_DBL_SUBSCRIBE": yes(false),
		"REFUSE_SECOND_PENDING":               yes(false),
		"VERSION":                             str("2.1.39"),
		"PUBLIC_ARCHIVE_URL":                  str("http://%(hostname)s/pipermail/%(listname)s"),
		"POSTFIX_STYLE_VIRTUAL_DOMAINS":       {pickle.NewList()},
		"ALLOW_FROM_IS_LIST":                  yes(true), // a setting of 2.1.16 and 2.1.17; always allowed since
		"VERP_DELIVERY_INTERVAL":              number(0),
		"VERP_PROBES":                         yes(false),
		"VERP_CONFIRMATIONS":                  yes(false),
		"VERP_PERSONALIZED_DELIVERIES":        yes(false),
		"VERP_REGEXP":                         str(`^(?P<bounces>[^+]+?)\+(?P<mailbox>[^=]+)=(?P<host>[^@]+)@.*$`),
		"VERP_PROBE_FORMAT":                   str("%(bounces)s+%(token)s"),
		"VERP_PROBE_REGEXP":                   str(`^(?P<bounces>[^+]+?)\+(?P<token>[^@]+)@.*$`),
		"VERP_CONFIRM_FORMAT":                 str("%(addr)s+%(cookie)s"),
		"VERP_CONFIRM_REGEXP":                 str(`(?s)^(.*<)?(?P<addr>.+)\+(?P<cookie>[0-9a-f]{40})@.*$`),
		"DEFAULT_MAIL_COMMANDS_MAX_LINES":     number(25),
		"MAX_AUTORESPONSES_PER_DAY":           number(10),
		"RESPONSE_INCLUDE_LEVEL":              number(2),
		"DISCARD_MESSAGE_WITH_NO_COMMAND":     yes(true),
		"MEMBER_PASSWORD_LENGTH":              number(8),
		"USER_FRIENDLY_PASSWORDS":             yes(true),
	}
}

// qrunners is QRUNNERS: one process for each runner.
func qrunners() *pickle.List {
	l := &pickle.List{}
	for _, name := range []string{"Arch", "Bounce", "Command", "Incoming", "News", "Outgoing", "Virgin", "Retry"} {
		l.Items = append(l.Items, pickle.NewTuple(pickle.Str(name+"Runner"), pickle.Int(1)))
	}
	return l
}
