package site

import "github.com/mmrunner/mmrunner/pickle"

// The bounce patterns that stand in where no Mailman can be read: they match what the mail systems write after which
// the modules are named, in patterns of our own. They are for the modules of Mailman 2.1.39.

// bouncer describes a module by the digest of its code and by its patterns and tables.
func bouncer(code string, patterns map[string]Pattern, tables map[string]Setting) BouncerModule {
	return BouncerModule{
		Module:   Module{Code: code, Known: true},
		Shipped:  true,
		Patterns: patterns,
		Tables:   tables,
	}
}

// exactly and anyCase make patterns: one minds case, the other does not.
func exactly(regex string) Pattern { return Pattern{Regex: regex} }
func anyCase(regex string) Pattern { return Pattern{Regex: regex, Flags: flagIgnoreCase} }

// patternTuple is a tuple of patterns that do not mind case.
func patternTuple(regexes ...string) *pickle.Tuple {
	t := &pickle.Tuple{}
	for _, r := range regexes {
		t.Items = append(t.Items, anyCase(r))
	}
	return t
}

// An address in angle brackets, an address alone in its line, and an address anywhere.
const (
	inAngles  = `<(?P<addr>[^<>\s]+@[^<>\s]+)>`
	aloneLine = `^[ \t]*<?(?P<addr>[^\s<>@"]+@[^\s<>@"]+\w)>?[ \t]*$`
	anywhere  = `(?P<addr>[^\s<>@"',;:()]+@[\w.-]*\w)`
)

// simpleBounces has rows of three patterns: where the recipients of a bounce begin, where they end, and what an
// address looks like.
var simpleBounces = [][3]string{
	// Sendmail and its kin, in plain text.
	{`addresses had permanent (fatal|delivery) errors|the following addresses had`, `transcript of session`, aloneLine},
	// Exim, without its own header field.
	{`message was created automatically by (the )?mail delivery (software|system)`, `copy of the message|original message follows`, aloneLine},
	// Smail.
	{`failed addresses follow`, `message text follows`, anywhere},
	// Google, in plain text.
	{`^Delivery to the following recipients? failed`, `^-+ Original message`, aloneLine},
	// Microsoft's SMTP service.
	{`could not be delivered to the following (user|recipient)s?:`, `^Old message:`, anywhere},
	// Yahoo for the domains of customers.
	{`unable to deliver (your )?message to the following address`, `original message follows`, inAngles + `:`},
	// MDaemon.
	{`following addresses did not receive (a copy of )?(your|the) message`, `session transcript`, anywhere},
	// InterScan.
	{`message from interscan`, `end of message`, `rcpt to:\s*` + inAngles},
	// MailEnable.
	{`message could not be delivered to some recipients`, `message headers follow`, `\[SMTP:(?P<addr>[^\s@\]]+@[^\s@\]]+)\]`},
	// EarthLink and others.
	{`^Sorry, unable to deliver your message to`, `^A copy of the original`, anywhere},
	// Mailbox over quota, as several systems have it.
	{`user'?s mailbox is full|mailbox (is )?(full|over quota) for`, `unable to deliver|message follows`, anywhere},
	// Dovecot's rejections.
	{`^Your message to `, `^(Reporting|Content-)`, `^Your message to <?` + anywhere + `>? was automatically rejected`},
}

// simpleWarnings has such rows for messages that only say that mail is late.
var simpleWarnings = [][3]string{
	{`has not yet been delivered|not yet been delivered`, `no action is required`, anywhere},
	{`this is a warning message only`, `will be retried`, anywhere},
	{`just a warning, you do not need to`, `.`, `(?P<addr>.+)`},
	{`(will continue|continuing) to try to deliver|delivery attempts will continue`, `.`, `(?P<addr>.+)`},
}

func patternTable(rows [][3]string) Setting {
	l := &pickle.List{}
	for _, r := range rows {
		l.Items = append(l.Items, patternTuple(r[:]...))
	}
	return Setting{l}
}

// builtinBouncers is the part Bouncers of Builtin's profile.
func builtinBouncers() Bouncers {
	return Bouncers{
		Pipeline: []string{
			"DSN", "Qmail", "Postfix", "Yahoo", "Caiwireless", "Exchange", "Exim", "Netscape", "Compuserve",
			"Microsoft", "GroupWise", "SMTP32", "SimpleMatch", "SimpleWarning", "Yale", "LLNL", "AOL",
		},
		Modules: map[string]BouncerModule{
			"AOL": bouncer("e8d31213e1d64054", map[string]Pattern{
				"scre":      exactly(`following recipients could not be delivered`),
				"process:0": exactly(`[ \t\r\f\v]`),
				"process:1": exactly(`@`),
			}, nil),
			"Caiwireless": bouncer("009230671cf30cbf", map[string]Pattern{
				"tcre": anyCase(`the following recipients? did not receive`),
				"acre": exactly(inAngles),
			}, nil),
			"Compuserve": bouncer("39e1be9fc1c4badd", map[string]Pattern{
				"dcre": anyCase(`message could not be delivered`),
				"acre": exactly(`^Invalid receiver address: *(?P<addr>\S+)`),
			}, nil),
			"DSN": bouncer("e662e9f135331e60", nil, nil),
			"Exchange": bouncer("6c3387f3a59dc55b", map[string]Pattern{
				"scre":  exactly(`did not reach the following recipient`),
				"ecre":  exactly(`^\s*MSEXCH:`),
				"a1cre": exactly(`SMTP=(?P<addr>[^;\s]+); on `),
				"a2cre": exactly(`(?P<addr>\S+@\S+) on `),
			}, nil),
			"Exim": bouncer("11a29327e2fd20fc", nil, nil),
			"GroupWise": bouncer("a05d7771cec30480", map[string]Pattern{
				"acre": exactly(inAngles),
			}, nil),
			"LLNL": bouncer("f6a5d138914e6edb", map[string]Pattern{
				"acre": anyCase(`,\s*(?P<addr>[^\s,]+@[^\s,]+\.llnl\.gov),`),
			}, nil),
			"Microsoft": bouncer("9b82696817806749", map[string]Pattern{
				"scre": anyCase(`^[-\s]*transcript of session follows`),
			}, nil),
			"Netscape": bouncer("10872b1084d74014", map[string]Pattern{
				"pcre": anyCase(`message was undeliverable due to the following`),
				"acre": anyCase(`(?P<reply>reply to)?.*` + inAngles),
			}, nil),
			"Postfix": bouncer("e25003685d72e8b7", map[string]Pattern{
				"pcre": anyCase(`\s*(this is )?the\s+(\w+\s+)?(postfix|keftamail|smtp_gateway)`),
				"rcre": anyCase(`failure reason:`),
				"acre": exactly(inAngles + `:`),
			}, nil),
			"Qmail": bouncer("a8bda897dd9bda2d", map[string]Pattern{
				"acre": exactly(`<(?P<addr>[^<>]+)>:`),
			}, map[string]Setting{"introtags": {&pickle.List{Items: []any{
				pickle.Str("Hi. This is the"),
				pickle.Str("Hi. The MTA program at"),
				pickle.Str("This is the mail delivery agent at"),
				pickle.Str("Unfortunately, your mail was not delivered"),
				pickle.Str("Your mail message to the following"),
			}}}}),
			"SMTP32": bouncer("f4d3fd859182ed61", map[string]Pattern{
				"ecre": anyCase(`original message follows`),
				"acre": anyCase(`(user mailbox|delivery (failed|userid)|unknown user|undeliverable to)[^:<@]*:?\s+` + anywhere),
			}, nil),
			"SimpleMatch": bouncer("e151f853478321ed", map[string]Pattern{
				"VALID": anyCase(`[!-=?A-~]+@[a-z0-9._-]+$`),
			}, map[string]Setting{"PATTERNS": patternTable(simpleBounces)}),
			"SimpleWarning": bouncer("dafa56b4173d79bf", nil,
				map[string]Setting{"patterns": patternTable(simpleWarnings)}),
			"Sina": bouncer("ebeac7d851dd5a5e", map[string]Pattern{
				"acre": exactly(inAngles),
			}, nil),
			"Yahoo": bouncer("d3b5185d5c23ea5b", map[string]Pattern{
				"acre": exactly(inAngles + `:`),
			}, map[string]Setting{
				"tcre": {patternTuple(`message from yahoo\.`, `sorry, we were unable to deliver your message`)},
				"ecre": {patternTuple(`-+ (original message follows|below this line)`)},
			}),
			"Yale": bouncer("913ba33614e200c6", map[string]Pattern{
				"scre": anyCase(`message not delivered to the following`),
				"ecre": anyCase(`^\W*error detail`),
				"acre": exactly(`^\s+(?P<addr>[\w.-]+)\s`),
			}, nil),
		},
	}
}
