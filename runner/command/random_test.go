package command

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// TestRandom has Mailman and mmrunner go through scenes that chance has made:
// site settings, lists, members, what is pending, and mail.
// MMRUNNER_TEST_COUNT says how many in each release, MMRUNNER_TEST_SEED where
// to begin.
func TestRandom(t *testing.T) {
	t.Parallel()
	count, seed := envInt(t, "MMRUNNER_TEST_COUNT", 1), envInt(t, "MMRUNNER_TEST_SEED", 1)
	for i := range count {
		seed := seed + i
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			eachRelease(t, func(s *scene) {
				g := &chance{Rand: rand.New(rand.NewPCG(uint64(seed), 0)), s: s}
				g.scene()
			})
		})
	}
}

func envInt(t testing.TB, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}

	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, v)
	}

	return n
}

// chance makes a scene.
type chance struct {
	*rand.Rand
	s       *scene
	langs   []string
	cookies map[string][]string // by list
	pends   int
}

// one picks one of some.
func (g *chance) one(of ...string) string { return of[g.IntN(len(of))] }

// often is true in n of 10 cases.
func (g *chance) often(n int) bool { return g.IntN(10) < n }

func (g *chance) scene() {
	g.langs = g.s.languages()
	g.cookies = map[string][]string{}
	var settings []string
	for _, line := range []string{
		"VERP_CONFIRMATIONS = 1", "VERP_PERSONALIZED_DELIVERIES = 1", "REFUSE_SECOND_PENDING = 1", "RESPONSE_INCLUDE_LEVEL = 0",
		"RESPONSE_INCLUDE_LEVEL = 1", "MAX_AUTORESPONSES_PER_DAY = 0", "MAX_AUTORESPONSES_PER_DAY = 3", "MAX_AUTORESPONSES_PER_DAY = -1",
		"GLOBAL_BAN_LIST = ['^.*@banned\\\\.example$', 'fresh3@example.org']", "DISCARD_MESSAGE_WITH_NO_COMMAND = 0",
		"DEFAULT_MAIL_COMMANDS_MAX_LINES = 3", "USE_ENVELOPE_SENDER = 1", "VIRTUAL_HOST_OVERVIEW = 0", "PENDING_REQUEST_LIFE = days(2.6)",
		"SENDER_HEADERS = ('reply-to', None, 'sender')", "DEFAULT_SERVER_LANGUAGE = 'de'", "USER_FRIENDLY_PASSWORDS = 0", "MEMBER_PASSWORD_LENGTH = 5",
		"VERP_CONFIRM_REGEXP = r'^(.*<)?(?P<addr>[^+]+?)-confirm\\\\+(?P<cookie>[^@]+)@.*$'",
	} {
		if g.often(1) {
			// Not all releases have all of them.
			name, _, _ := strings.Cut(line, " ")
			settings = append(settings, "if '"+name+"' in globals(): "+line)
		}
	}

	g.s.settings(strings.Join(settings, "\n"))
	names := []string{"alpha", "beta", "gamma-rays"}
	var specs []mmtest.ListSpec
	for _, name := range names {
		specs = append(specs, g.list(name))
	}
	g.s.lists(specs...)
	mails := 12

	if thorough {
		mails = 30
	}

	for _, name := range names {
		for range mails {
			g.mail(name)
		}
	}
}

// attributes are settings of a list, one of each line.
var attributes = [][]string{
	{"m.subscribe_policy = 0", "m.subscribe_policy = 1", "m.subscribe_policy = 2", "m.subscribe_policy = 3"},
	{"m.unsubscribe_policy = 1", "pass", "pass"},
	{"m.private_roster = 0", "m.private_roster = 1", "m.private_roster = 2"},
	{"m.admin_notify_mchanges = 1", "pass"},
	{"m.admin_immed_notify = 0", "pass"},
	{"m.send_welcome_msg = 0", "pass"},
	{"m.send_goodbye_msg = 0", "pass"},
	{"m.digestable = 0", "m.nondigestable = 0", "pass", "pass", "pass"},
	{"m.digest_is_default = 1", "pass"},
	{"m.mime_is_default_digest = 1", "pass"},
	{"m.umbrella_list = 1", "m.umbrella_list = 1; m.umbrella_member_suffix = '-admin'", "pass", "pass"},
	{"m.real_name = m.internal_name().upper()", "m.real_name = unicode(m.real_name)", "m.real_name = m.real_name + ' \\xe9t\\xe9'", "m.real_name = u'\\u0160 list'", "pass", "pass", "pass"},
	{"m.description = 'caf\\xe9'", "m.description = u'caf\\xe9 \\u0159'", "m.description = '100% %(listname)s %s $x'", "m.description = 'two\\nlines'", "pass"},
	{"m.welcome_msg = 'Welcome %(x)s.\\n\\n  indented\\nfoo bar '+ 'long ' * 40", "m.welcome_msg = u'Gr\\xfc\\xdfe \\u4f60'", "m.welcome_msg = 'Gr\\xfc\\xdfe'", "pass"},
	{"m.goodbye_msg = 'Bye %(x)s.\\n\\n\\n\\nAgain'", "m.goodbye_msg = u'Tsch\\xfc\\xdf \\u4f60'", "m.goodbye_msg = 'Tsch\\xfc\\xdf'", "pass"},
	{"m.ban_list = ['BAD@example.org', '^.*@evil\\\\.example$', '^(unclosed', '', '  fresh1@example.org ', '@beta']", "m.ban_list = ['^fresh2']", "pass"},
	{"m.subscribe_auto_approval = ['fresh4@example.org', '^auto.*@example\\\\.org$', '@beta', '@' + m.internal_name(), '@nosuch', '@../x', '@Gamma-Rays ']", "pass"},
	{"m.new_member_options = 0", "m.new_member_options = 320", "m.new_member_options = 16L"},
	{"m.default_member_moderation = 1", "pass"},
	{"m.advertised = 0", "pass", "pass"},
	{"m.host_name = 'other.example.com'", "m.host_name = 'Lists.Example.COM'", "pass", "pass", "pass"},
	{"m.owner = ['one@example.com', 'Two@example.com']", "m.owner = [u'one@example.com']", "m.owner = []", "pass", "pass"},
	{"m.moderator = ['mod@example.com']", "pass"},
	{"m.mod_password = Utils.sha_new('modpw').hexdigest()", "pass"},
	{"m.password = Utils.md5_new('adminpw').digest()", "m.password = __import__('crypt').crypt('adminpw', 'ab')", "m.password = None", "pass", "pass"},
	{"m.web_page_url = 'https://lists.example.com/cgi-bin/mm/'", "m.web_page_url = 'http://x/'", "pass"},
	{"m.hold_and_cmd_autoresponses = {'anne@example.net': (time.localtime()[:3], 10), 'cris@example.net': (time.localtime()[:3], -1), 'dora@example.net': ((2001, 2, 3), 10), 'fresh5@example.org': (time.localtime()[:3], 2)}", "pass"},
	{"m.autorespond_requests = 2; m.autoresponse_graceperiod = 0; m.autoresponse_request_text = 'Hello %(listname)s %(nothing)s 100%% caf\\xe9'", "m.autorespond_requests = 2; m.autoresponse_graceperiod = 0; m.use_dollar_strings = 1; m.autoresponse_request_text = u'Hello $listname ${owneremail} $$ 50% caf\\xe9'", "m.autorespond_requests = 2; m.autoresponse_graceperiod = -1; m.autoresponse_request_text = 'Bad %(listname)d %'", "pass", "pass", "pass", "pass", "pass"},
	{"m.available_languages = mm_cfg.LC_DESCRIPTIONS.keys()", "m.available_languages = ['en', 'fr', 'xx']", "pass"},
	{"m.info = 'caf\\xe9'", "pass"},
	{"m.encode_ascii_prefixes = 1", "pass"},
}

var members = append([]string{"gus@example.net", "Hal@Example.net", "o'neil@example.net", "x+y@example.net", "list-members@lists.example.com"}, people...)

func (g *chance) list(name string) mmtest.ListSpec {
	spec := mmtest.ListSpec{Name: name}
	for _, m := range members {
		if g.often(8) {
			spec.Members = append(spec.Members, m)
		}
	}

	var py []string
	for _, choices := range attributes {
		py = append(py, g.one(choices...))
	}
	lang := g.one(g.langs...)

	if g.often(5) {
		lang = g.one("en", "de", "fr")
	}

	py = append(py, fmt.Sprintf("m.preferred_language = %q", lang))
	for _, m := range spec.Members {
		m = strings.ToLower(m)
		if g.often(4) {
			py = append(py, fmt.Sprintf("m.setMemberName(%q, %s)", m, g.one("'Plain Name'", "'J\\xf6rg'", "u'J\\xf6rg \\u0159'", "u'ascii'", "''", "u''", "'50% %(x)s \"q\"'", "None", "'Last, First'")))
		}

		if g.often(4) {
			py = append(py, fmt.Sprintf("m.setMemberLanguage(%q, %q)", m, g.one(g.one(g.langs...), "en", "de", "xx")))
		}

		if g.often(2) {
			py = append(py, fmt.Sprintf("m.setDeliveryStatus(%q, %d)", m, g.IntN(5)))
		}

		if g.often(2) {
			py = append(py, fmt.Sprintf("m.user_options[%q] = %s", m, g.one("1", "2", "16", "511", "8L")))
		}

		if g.often(1) {
			py = append(py, fmt.Sprintf("m.passwords[%q] = %s", m, g.one("u'unic\\xf6de'", "u'pw0'", "''", "'sp ace'", "'caf\\xe9'", "'100%s'")))
		}

		if g.often(1) {
			py = append(py, fmt.Sprintf("m.digest_members[%q] = m.members.pop(%q)", m, m))
		}

		if g.often(1) {
			py = append(py, fmt.Sprintf("del m.passwords[%q]", m))
		}
	}

	for range 8 {
		c := g.s.newCookie()
		g.cookies[name] = append(g.cookies[name], c)
		py = append(py, fmt.Sprintf("pend(%q, %s)", c, g.record(name)))
		if g.often(1) {
			py = append(py, fmt.Sprintf("expired(%q)", c))
		}
	}

	spec.Python = strings.Join(py, "\n") + "\n"
	return spec
}

// record is one record of pending.pck.
func (g *chance) record(list string) string {
	lang := g.one(g.one(g.langs...), "en")
	switch g.IntN(8) {
	case 0, 1:
		return fmt.Sprintf("'S', desc(%q, %s, %s, %d, %q)", g.address(), g.one("'New One'", "u'N\\xe9w'", "''", "'caf\\xe9'"), g.one("'ppw'", "u'ppw'"), g.IntN(2), lang)
	case 2:
		return fmt.Sprintf("'S', desc(%q, 'In Vited', 'ppw', %d, %q, %q)", g.address(), g.IntN(2), lang, g.one("alpha", "beta", "gamma-rays", "nosuch"))
	case 3:
		return fmt.Sprintf("'U', %q", strings.ToLower(g.member()))
	case 4:
		return fmt.Sprintf("'E', %q, %q", list, strings.ToLower(g.member()))
	case 5:
		return fmt.Sprintf("'C', %q, %q, %d", strings.ToLower(g.member()), g.address(), g.IntN(2))
	default:
		return fmt.Sprintf("'H', held(%q, %q, 'Body.\\n')", g.member(), g.one("a post", "caf\\xe9", "=?utf-8?q?caf=C3=A9?=", "50% off %s"))
	}
}

func (g *chance) member() string { return g.one(members...) }

func (g *chance) fresh() string { return fmt.Sprintf("fresh%d@example.org", g.IntN(9)) }

// address is a member's, a stranger's, or none at all.
func (g *chance) address() string {
	switch g.IntN(12) {
	case 0, 1, 2, 3:
		return g.member()
	case 4:
		return strings.ToUpper(g.member())
	case 5:
		return g.one("bad@example.org", "auto7@example.org", "x@evil.example", "x@banned.example", "Bad@EXAMPLE.org")
	case 6:
		return g.one("no-at-sign", "x@y", "a..b@example.org", "a@-x.org", "a@b..c", "a/b@example.org", "a<b@example.org", "caf\u00e9@example.org", "alpha@lists.example.com", "x@ex_ample.org", "@example.org", "a@b@example.org")
	case 7:
		return fmt.Sprintf("Fresh%d@Example.ORG", g.IntN(9))
	}

	return g.fresh()
}

func (g *chance) from() string {
	a := g.address()
	switch g.IntN(14) {
	case 0:
		return "=?iso-8859-1?q?J=F6rg?= <" + a + ">"
	case 1:
		return "=?utf-8?b?0JzQsNGI0LA=?= <" + a + ">"
	case 2:
		return "\"Last, First\" <" + a + ">"
	case 3:
		return a + " (A comment)"
	case 4:
		return "Plain Name <" + a + ">"
	case 5:
		return "=?" + g.one("us-ascii", "nosuch", "utf-8", "hex", "\xe9", "iso-2022-jp", "") + "?" + g.one("q", "b", "x") + "?" + g.one("caf=E9", "QQ==", "Y2Fm6Q==", "plain", "a", "=?=") + "?= <" + a + ">"
	case 6:
		return "caf\xe9 <" + a + ">"
	case 7:
		return g.one("", "<>", "a@example.org, "+a, "Group: "+a+";", "\"x\\\" <"+a+">", "<"+a, a+">", "("+a+")", "=?utf-8?q?a?= =?iso-8859-1?q?=E9?= <"+a+">")
	}

	return a
}

// line is one command.
func (g *chance) line(list string) string {
	a := ""
	if g.often(3) {
		a = " address=" + g.address()
	}

	if g.often(1) {
		a = strings.ToUpper(a)
	}

	pw := g.one(fmt.Sprintf("pw%d", g.IntN(11)), fmt.Sprintf("pw%d", g.IntN(4)), "adminpw", "modpw", "wrong", "unic\xf6de")
	onoff := g.one("on", "off", "ON", "maybe")
	s := g.one(
		"subscribe", "subscribe"+a, "subscribe secret"+a, "subscribe "+g.one("digest", "nodigest", "Digest")+a, "subscribe secret "+g.one("digest", "nodigest", "x")+a, "subscribe a b c d",
		"join", "join"+a, "leave", "leave"+a, "leave "+pw, "leave "+pw+a, "remove "+pw+a, "unsubscribe", "unsubscribe "+pw+a, "unsubscribe a b",
		"password", "password"+a, "password "+pw+" newpw"+a, "password "+pw, "password a b c d",
		"set", "set help", "set show", "set show"+a, "set authenticate "+pw, "set authenticate "+pw, "set authenticate "+pw+a, "set authenticate", "set ack "+onoff, "set hide "+onoff, "set duplicates "+onoff,
		"set reminders "+onoff, "set myposts "+onoff, "set delivery "+onoff, "set digest "+g.one("mime", "plain", "off", "on", "MIME"), "set bogus", "set ack",
		"who", "who "+pw, "who "+pw+a, "who a b c", "lists", "lists x", "info", "info x", "help", "help x", "echo", "echo a  b\tc", "end", "stop", "-- ", "", "",
		"confirm "+g.one(g.cookies[list]...), "confirm "+g.one(g.cookies[list]...), "confirm "+g.one("0000", "evictions", "version", "a b", ""), "approved: adminpw", "> quoted", "bogus", "What about it?",
	)

	if g.often(1) {
		s = strings.ToUpper(s[:min(3, len(s))]) + s[min(3, len(s)):]
	}

	return s
}

func (g *chance) body(list string) string {
	var lines []string
	n := g.IntN(7)
	for i := range n {
		if i == 0 && g.often(4) {
			lines = append(lines, fmt.Sprintf("set authenticate pw%d", g.IntN(11)))
		}
		lines = append(lines, g.line(list))
	}

	if g.often(1) {
		lines = append(lines, g.one("caf\xe9", "\x1b$B$\"\x1b(B", "\xc3\xa9t\xc3\xa9", "\x00", "\x0c", "\x85", "\x1c", "=E9", "\ufeff"))
	}

	return strings.Join(lines, g.one("\n", "\n", "\n", "\r\n", "\r")) + g.one("\n", "")
}

// charsets are names that mail may have for what it is in.
var charsets = []string{
	"us-ascii", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "koi8-r", "gb2312", "big5", "euc-kr", "euc-jp", "shift_jis", "iso-2022-jp", "utf-7", "utf-16", "utf-16-le", "utf-8-sig",
	"nosuch", "\"utf-8", "x-unknown", "UTF8", "cp437", "hz", "tis-620", "latin-1", "ascii", "unknown-8bit", "mac-roman", "gb18030", "iso-2022-kr", "utf_8", "utf 8", "utf-8;x", "'utf-8'", "iso8859-2",
	"base64", "hex", "rot13", "unicode_escape", "idna", "punycode", "zlib", "quopri", "string_escape", "raw_unicode_escape", "utf-32", "cp932", "ks_c_5601-1987", "cp949", "viscii", "iso-8859-8-i",
}

func (g *chance) mail(list string) {
	key, suffix := "torequest", "request"
	if g.often(3) {
		suffix = g.one("join", "leave", "confirm")
		key = "to" + suffix
	}

	cookie := g.one(g.cookies[list]...)
	to := fmt.Sprintf("%s-%s@lists.example.com", list, suffix)
	if key == "toconfirm" {
		to = g.one(fmt.Sprintf("%s-confirm+%s@lists.example.com", list, cookie), fmt.Sprintf("\"X\" <%s-confirm+%s@lists.example.com>", list, cookie), fmt.Sprintf("%s-confirm+%s+x@lists.example.com", list, cookie), to)
	}

	var b strings.Builder
	if g.often(1) {
		b.WriteString("From envelope@example.org Mon Jan  1 00:00:00 2024\n")
	}

	if !g.often(1) {
		fmt.Fprintf(&b, "From: %s\n", g.from())
	}

	fmt.Fprintf(&b, "To: %s\n", to)
	if !g.often(1) {
		subject := g.one("", g.line(list), g.line(list), "Re: "+g.line(list), "AW: Re: "+g.line(list), "Re:"+g.line(list), "hello", "Re: confirm "+cookie, "confirm "+cookie)
		if g.often(2) {
			switch g.IntN(4) {
			case 0:
				subject = "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(subject)) + "?="
			case 1:
				subject = "=?" + g.one(charsets...) + "?q?" + strings.ReplaceAll(subject, " ", "_") + "?="
			case 2:
				subject = "=?utf-8?q?R=C3=A9=3A?= " + subject
			case 3:
				subject = strings.ReplaceAll(subject, " ", "\n ")
			}
		}

		fmt.Fprintf(&b, "Subject: %s\n", subject)
	}

	g.pends++
	if !g.often(1) {
		fmt.Fprintf(&b, "Message-ID: <r%d@example.org>\n", g.pends)
	}

	if g.often(2) {
		b.WriteString(g.one("Precedence: bulk\n", "Precedence: list\nX-Ack: yes\n", "X-Ack: no\n", "X-Ack: Yes\n", "Approved: adminpw\n", "Approve: modpw\n", "Approved: wrong\n",
			"Sender: "+g.from()+"\n", "Reply-To: "+g.from()+"\n", "Sender: sender@example.org\n", "Precedence: Junk\n"))
	}

	body := g.body(list)
	switch g.IntN(12) {
	case 0, 1, 2:
		fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Type: text/plain; charset=%s\n", g.one(charsets...))
	case 3:
		b.WriteString("MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n")
		if g.often(5) {
			fmt.Fprintf(&b, "Content-Type: text/plain; charset=%s\n", g.one(charsets...))
		}
		body = base64.StdEncoding.EncodeToString([]byte(body)) + "\n"
	case 4:
		fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=%s\n", g.one(charsets...))
		body = strings.ReplaceAll(strings.ReplaceAll(body, "=", "=3D"), "s", "=73")
	case 5:
		b.WriteString("MIME-Version: 1.0\nContent-Type: multipart/" + g.one("mixed", "alternative") + "; boundary=\"=-=\"\n")
		body = "--=-=\nContent-Type: text/" + g.one("plain", "html", "plain; charset=utf-8") + "\n\n<p>" + g.body(list) + "\n--=-=\n" + g.one("", "Content-Type: text/plain\n", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n") + "\n" + body + "\n--=-=--\n"
	case 6:
		b.WriteString("MIME-Version: 1.0\nContent-Type: " + g.one("text/html", "image/png", "message/rfc822", "text", "multipart/mixed", "text/plain; format=flowed; delsp=yes", "text/plain; charset*=utf-8''utf-8", "text/plain; charset*0=utf; charset*1=-8") + "\n")
	}

	b.WriteString("\n" + body)
	e := mmtest.EntrySpec{List: list, Data: "{'" + key + "': 1}", Text: []byte(b.String()), Pickled: g.often(2)}
	g.s.entry(e)
}
