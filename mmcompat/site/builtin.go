package site

import "github.com/mmrunner/mmrunner/pickle"

func str(s string) Setting   { return Setting{pickle.Str(s)} }
func number(n int64) Setting { return Setting{pickle.Int(n)} }
func real(f float64) Setting { return Setting{f} }
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

// Builtin is the profile that stands in where there is no Python or no Mailman:
// the distributed settings, short sentences and bounce patterns of our own.
func Builtin() *Profile {
	return &Profile{
		Format:                ProfileFormat,
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
		Settings: map[string]Setting{
			"MAILMAN_SITE_LIST":               str("mailman"),
			"DEFAULT_SERVER_LANGUAGE":         str("en"),
			"DEFAULT_EMAIL_HOST":              str("lists.example.com"),
			"DEFAULT_URL_HOST":                str("lists.example.com"),
			"DEFAULT_URL_PATTERN":             str("http://%s/mailman/"),
			"LIST_LOCK_LIFETIME":              number(5 * 60 * 60),
			"LIST_LOCK_TIMEOUT":               number(10),
			"PENDING_REQUEST_LIFE":            number(3 * day),
			"QRUNNER_SLEEP_TIME":              number(1),
			"QRUNNER_SAVE_BAD_MESSAGES":       yes(true),
			"REGISTER_BOUNCES_EVERY":          number(15 * 60),
			"SYNC_AFTER_WRITE":                yes(false),
			"VERP_PROBES":                     yes(false),
			"VERP_REGEXP":                     str(`^(?P<bounces>[^+]+?)\+(?P<mailbox>[^=]+)=(?P<host>[^@]+)@.*$`),
			"VERP_PROBE_REGEXP":               str(`^(?P<bounces>[^+]+?)\+(?P<token>[^@]+)@.*$`),
			"VERP_CONFIRM_FORMAT":             str("%(addr)s+%(cookie)s"),
			"VERP_CONFIRM_REGEXP":             str(`^(.*<)?(?P<addr>[^+]+?)\+(?P<cookie>[^@]+)@.*$`),
			"DEFAULT_MAIL_COMMANDS_MAX_LINES": number(10),
			"MAX_AUTORESPONSES_PER_DAY":       number(10),
			"GLOBAL_BAN_LIST":                 strs(),
			"USE_ENVELOPE_SENDER":             yes(false),
			"SENDER_HEADERS":                  {&pickle.Tuple{Items: []any{pickle.Str("from"), nil, pickle.Str("reply-to"), pickle.Str("sender")}}},
			"ACCEPTABLE_LISTNAME_CHARACTERS":  str("[-+_.=a-z0-9]"),
			"DEFAULT_BOUNCE_SCORE_THRESHOLD":  real(5),
		},
	}
}

// builtinMessages are the sentences that stand in for Mailman's own, under the
// words that those begin with.
var builtinMessages = map[string][]string{}
