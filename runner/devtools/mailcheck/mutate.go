package mailcheck

import (
	"math/rand/v2"
	"strings"
)

// mutator damages samples as mail gets damaged, and as an attacker would.
type mutator struct {
	samples []sample
	r       *rand.Rand
}

// newMutator takes its random numbers from r.
func newMutator(samples []sample, r *rand.Rand) *mutator { return &mutator{samples, r} }

// Next is a sample with one to six mutations.
func (m *mutator) Next() sample {
	s := m.samples[m.r.IntN(len(m.samples))]
	for range 1 + m.r.IntN(6) {
		s.Text = m.mutate(s.Text)
	}
	return s
}

func (m *mutator) mutate(s string) string {
	switch m.r.IntN(18) {
	case 0, 1:
		return m.flip(s)
	case 2, 3, 4:
		return m.lines(s)
	case 5, 6, 7:
		return m.boundary(s)
	case 8, 9, 10:
		return m.field(s)
	case 11:
		return m.endings(s)
	case 12:
		return s[:m.r.IntN(len(s)+1)]
	case 13, 14:
		return m.word(s)
	case 15:
		return m.splice(s)
	case 16:
		return m.nest(s)
	}

	return m.insert(s)
}

func (m *mutator) pick(all []string) string { return all[m.r.IntN(len(all))] }

// flip changes a few bytes.
func (m *mutator) flip(s string) string {
	b := []byte(s)
	for range 1 + m.r.IntN(4) {
		if len(b) == 0 {
			break
		}
		i := m.r.IntN(len(b))

		switch m.r.IntN(3) {
		case 0:
			b[i] ^= 1 << m.r.IntN(8)
		case 1:
			b[i] = byte(m.r.IntN(256))
		default:
			b[i] = " \t\r\n:;=?\"'\\<>()@,.-*%\x00\xff"[m.r.IntN(23)]
		}
	}

	return string(b)
}

// lines drops, doubles, swaps or moves lines.
func (m *mutator) lines(s string) string {
	l := strings.SplitAfter(s, "\n")
	i, j := m.r.IntN(len(l)), m.r.IntN(len(l))

	switch m.r.IntN(5) {
	case 0:
		return strings.Join(append(l[:i:i], l[i+1:]...), "")
	case 1:
		return strings.Join(append(append(l[:i:i], l[i]), l[i:]...), "")
	case 2:
		l[i], l[j] = l[j], l[i]
	case 3:
		l[i] = m.pick([]string{"\n", "", "\r\n", "\n\n", " \n", "\r", "--\n", "----\n"})
	default:
		l[i] = m.pick([]string{" ", "\t", "From ", ">", "--", "X", ": ", "\v"}) + l[i]
	}

	return strings.Join(l, "")
}

// boundary edits a line that begins with "--", or the parameter.
func (m *mutator) boundary(s string) string {
	if m.r.IntN(4) == 0 {
		i := strings.Index(strings.ToLower(s), "boundary=")
		if i < 0 {
			return m.lines(s)
		}
		i += len("boundary=")
		return s[:i] + m.pick([]string{`"`, "", " ", "'", "x", `""`, "\\", "<", "\xe9", "=?", ";"}) + s[i+m.r.IntN(min(3, len(s)-i)+1):]
	}

	if m.r.IntN(6) == 0 {
		return strings.Replace(s, "boundary=", m.pick([]string{
			"boundary*=us-ascii''", "boundary*0=", "boundary*1=", "boundary*0*=iso-8859-1'en'", "Boundary =", "boundary;x=",
			"boundary*=x-unknown''%e9", "boundary*=''", "boundary*=utf-8''%C3%A9",
		}), 1)
	}

	l := strings.SplitAfter(s, "\n")
	var at []int
	for i, line := range l {
		if strings.HasPrefix(line, "--") {
			at = append(at, i)
		}
	}

	if len(at) == 0 {
		return m.lines(s)
	}
	i, j := at[m.r.IntN(len(at))], at[m.r.IntN(len(at))]
	switch m.r.IntN(8) {
	case 0:
		l[i] = ""
	case 1:
		l[i] += l[j]
	case 2:
		l[i] = strings.TrimRight(l[i], "\r\n") + "--\n"
	case 3:
		l[i] = strings.TrimRight(l[i], "\r\n") + m.pick([]string{" \n", "\t \n", "\r\n", "\r", "", "x\n", " x\n", "\v\n"})
	case 4:
		l[i] = strings.TrimRight(strings.TrimRight(l[i], "\r\n"), "-") + "\n"
	case 5:
		l[i], l[j] = l[j], l[i]
	case 6:
		l[i] = "\n" + l[i]
	default:
		k := m.r.IntN(len(l))
		l[k] += l[i]
	}

	return strings.Join(l, "")
}

var fields = []string{
	"Content-Type: multipart/mixed; boundary=\"b\"\n",
	"Content-Type: multipart/digest; boundary=b\n",
	"Content-Type: multipart/signed; boundary=b; protocol=x\n",
	"Content-Type: message/rfc822\n",
	"Content-Type: message/delivery-status\n",
	"Content-Type: message/partial\n",
	"Content-Type: text/plain; charset=iso-8859-1; format=flowed\n",
	"Content-Type: text/plain; charset*=us-ascii'en'utf-8; name*0*=utf-8''%E2%82; name*1*=%ac; x*1=b; x*0=a; y*=c\n",
	"Content-Type: TEXT/html; Charset=\"UTF-8\" ; name=\"a;b\\\"c\"; name\n",
	"Content-Type: text\n",
	"Content-Type:\n",
	"Content-Type: message\n",
	"Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"b\n c\"\n",
	"Content-Disposition: attachment; filename=\"a b.txt\"; FILENAME*=iso-8859-1''%e9\n",
	"Content-Disposition: attachment; filename*=iso-8859-1'de'%e9%20.txt\n",
	"Content-Transfer-Encoding: base64\n",
	"Content-Transfer-Encoding: Quoted-Printable\n",
	"Content-Transfer-Encoding: x-uuencode\n",
	"Content-Transfer-Encoding: 8bit\n",
	"Content-Transfer-Encoding: base64 \n",
	"From: \"A. (B) C\" <d@example.com>, e@example.org (F G)\n",
	"From: <@a.example,@b.example:c@d.example>\n",
	"From: group: a@b.example, <c@d.example>;, e\n",
	"From: \"unclosed <a@b.example>\n",
	"From: a b@c.example\n",
	"From: a@b@c.example, (nested (comment) here) d@[10.0.0.1]\n",
	"From: =?iso-8859-1?q?J=F6rg?= <joerg@example.de>\n",
	"From MAILER-DAEMON Mon Jan  1 00:00:00 2001\n",
	"From \n",
	"Sender:  \n\t<a@b.example>\n",
	"Reply-To: a@b.example,\n c@d.example\n",
	"To: undisclosed-recipients:;\n",
	"Subject: =?utf-8?b?w6TDtsO8?= plain =?iso-8859-1?Q?a_b=20c?=\n =?us-ascii?q?d?=\n",
	"Subject: =?utf-8?b?w6TDtsO?=\n",
	"Subject: =?utf-8?b?w?= =?x-none?q?=e4?= =??q?a?= =?utf-8?q??=\n",
	"Subject: =?euc-jp?b?pOQ=?= =?koi8-r?b?wcI=?=\n",
	"Subject: =?utf-8?q?a?=b =?utf-8?q?c?=\td\n",
	"Subject: a very long subject that goes on, and on; and on, beyond the seventy-eight columns of a line of mail, so that it folds\n",
	"Subject: averyveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylongword and another\n",
	"Subject: \xe4\xf6\xfc raw\n",
	"X-A-Field-With-A-Name-That-Is-Much-Longer-Than-Any-Line-Of-Mail-Has-Columns-To-Give-It-In-All:\n",
	"X-A-Field-With-A-Name-That-Is-Much-Longer-Than-Any-Line-Of-Mail-Has-Columns-To-Give-It-In-All: a; b\n",
	"Received: from a.example (a.example [10.0.0.1]) by b.example with ESMTP id 12345; Mon, 1 Jan 2001 00:00:00 +0000\n",
	"X-Empty: \n",
	"X-Folded:\n one\n\ttwo\n",
	"X-Field : value\n",
	"no colon here\n",
	" continued\n",
	"Final-Recipient: rfc822; a@b.example\n",
	"MIME-Version: 1.0\n",
}

// field adds, drops or edits a header field.
func (m *mutator) field(s string) string {
	l := strings.SplitAfter(s, "\n")
	var at []int
	for i, line := range l {
		if c := strings.IndexByte(line, ':'); c > 0 && strings.IndexByte(line[:c], ' ') < 0 {
			at = append(at, i)
		}
	}

	i := m.r.IntN(len(l))
	if len(at) > 0 {
		i = at[m.r.IntN(len(at))]
	}

	switch m.r.IntN(6) {
	case 0:
		l[i] = ""
	case 1, 2:
		l[i] += m.pick(fields)
	case 3:
		l[i] = m.pick(fields)
	case 4:
		l[i] = strings.ToUpper(l[i])
	default:
		if c := strings.IndexByte(l[i], ':'); c > 0 {
			l[i] = l[i][:c] + m.pick([]string{":", " :", "\xe4:", "::", ":\t", ": ;", ":\n ", ""}) + l[i][c+1:]
		}
	}

	return strings.Join(l, "")
}

// endings changes line endings, of all lines or of one.
func (m *mutator) endings(s string) string {
	ending := m.pick([]string{"\r\n", "\r", "\n\r", "\r\r\n", "\n\n", "\v", "\f", "\x1c", "\x85"})
	if m.r.IntN(2) == 0 {
		return strings.ReplaceAll(s, "\n", ending)
	}

	l := strings.SplitAfter(s, "\n")
	for range 1 + m.r.IntN(5) {
		i := m.r.IntN(len(l))
		l[i] = strings.TrimSuffix(l[i], "\n") + ending
	}

	return strings.Join(l, "")
}

var words = [][]string{
	{"us-ascii", "iso-8859-1", "utf-8", "koi8-r", "euc-jp", "shift_jis", "iso-2022-jp", "gb2312", "big5", "windows-1252",
		"x-unknown", "", "latin-1", "UTF8", "utf-16", "iso-8859-15", "cp1251", "ascii", "euc-kr", "8bit", "none", "iso8859-2"},
	{"base64", "quoted-printable", "7bit", "8bit", "x-uuencode", "uue", "binary", "", "BASE64"},
	{"text/plain", "text/html", "multipart/mixed", "multipart/report", "multipart/digest", "message/rfc822",
		"message/delivery-status", "text/rfc822-headers", "multipart/signed", "message/external-body", "text", "multipart",
		"message/", "/rfc822", "multipart-signed/x", "message/delivery/status", "application/octet-stream"},
	{"?q?", "?b?", "?Q?", "?B?", "?x?", "??"},
}

// word replaces a charset, an encoding or a type by another.
func (m *mutator) word(s string) string {
	lower := strings.ToLower(s)
	for range 20 {
		set := words[m.r.IntN(len(words))]
		old := m.pick(set)
		if old == "" {
			continue
		}

		var at []int
		for from := 0; ; {
			i := strings.Index(lower[from:], strings.ToLower(old))
			if i < 0 {
				break
			}
			at = append(at, from+i)
			from += i + 1
		}

		if len(at) == 0 || len(lower) != len(s) {
			continue
		}
		i := at[m.r.IntN(len(at))]
		return s[:i] + m.pick(set) + s[i+len(old):]
	}

	return m.field(s)
}

// splice takes the beginning of one message and the end of another.
func (m *mutator) splice(s string) string {
	t := m.samples[m.r.IntN(len(m.samples))].Text
	return s[:m.r.IntN(len(s)+1)] + t[m.r.IntN(len(t)+1):]
}

// nest puts the message into another.
func (m *mutator) nest(s string) string {
	switch m.r.IntN(4) {
	case 0:
		return "Subject: outer\nContent-Type: message/rfc822\n\n" + s
	case 1:
		return "Content-Type: multipart/digest; boundary=b\n\npreamble\n--b\n\n" + s + "\n--b\nContent-Type: text/plain\n\nb\n--b--\nepilogue\n"
	case 2:
		return "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n" + s + "\n----\n"
	}

	return "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\n" + s + "\n\nFinal-Recipient: rfc822; a@b.example\n"
}

var bodies = []string{
	"begin 644 a.txt\n#86)C\n \nend\n",
	"begin 644 a.txt\n#86)C!\n`\nend\n",
	"begin 644 a.txt\n#86)Cxyz\n",
	"begin 7 x\nM\n\nend\n",
	"YWJj\nZA==\nYQ==\n",
	"YWJjZ\n",
	"=E4=F6=\n=fc=3D= \n=\r\n=zz==\n",
	"From here on\nFrom there\n>From\n",
	"\n\n\n",
	"--b\n\n--b--\n",
	"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--b\n--c--\n",
	"Action: failed\nStatus: 5.1.1\n\nAction: delayed\n\n\n",
	"\xe4\xf6\xfc\n",
	"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n",
	"trailing blank \t\n",
}

// insert puts a piece of a body somewhere.
func (m *mutator) insert(s string) string {
	l := strings.SplitAfter(s, "\n")
	i := m.r.IntN(len(l))
	l[i] += m.pick(bodies)
	return strings.Join(l, "")
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
