package detect

import (
	"math/rand"
	"strings"
)

// mutator changes messages at random, in ways that bounces are broken in and in
// ways that lead detectors from one state to another.
type mutator struct {
	*rand.Rand
	samples []string
}

// spices are put into messages: what parsers and detectors look for.
var spices = []string{
	"\n", "\r\n", "\r", "\n\n", " ", "\t", "<", ">", "@", ":", ";", ",", "-", "--", "=", "\x00", "\xe9", "\xff", "(", ")", `"`, `\`, "%",
	"<a@example.com>", "<b@example.com>:", "c@example.com", "d@example.com ", " e@example.com\n", "<>", "<@>", "\n\n<f@example.com>:\n",
	"Content-Type: text/plain\n", "Content-Type: multipart/mixed; boundary=x\n", "Content-Type: message/delivery-status\n",
	"Content-Type: message/rfc822\n", "Content-Type: multipart/report\n", "\n--x\n", "\n--x--\n",
	"Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: quoted-printable\n", "Content-Transfer-Encoding: x-uuencode\n",
	"Action: failed\n", "Action: delayed\n", "Action: error\n", "Final-Recipient: rfc822; g@example.com\n",
	"Original-Recipient: rfc822;h+x=y@example.com\n", "Final-Recipient: <i@example.com>\n", "X-Failed-Recipients: j@example.com, k\n",
	"From: MAILER-DAEMON@yahoo.com\n", "From: x@aol.com\n", "From: mailer-daemon@yale.edu\n", "From: mailer-daemon@sina.com\n",
	"X-Mailer: Novell\n", "X-Mailer: <SMTP32 v1>\n", "Content-Description: notification\n",
	"=3C", "=\n", "=40", "\n-", "\n---- ", "To: l@example.com\n", "begin 644 x\n", "\nend\n",
}

// mutate returns a message made of one sample, sometimes of two.
func (m *mutator) mutate() string {
	s := m.samples[m.Intn(len(m.samples))]
	for n := 1 + m.Intn(6); n > 0; n-- {
		s = m.change(s)
	}
	return s
}

func (m *mutator) change(s string) string {
	if s == "" {
		return spices[m.Intn(len(spices))]
	}
	at := m.Intn(len(s))
	spice := spices[m.Intn(len(spices))]

	lines := func(f func(l []string, i int) []string) string {
		l := strings.SplitAfter(s, "\n")
		return strings.Join(f(l, m.Intn(len(l))), "")
	}

	switch m.Intn(14) {
	case 0:
		return s[:at] + string(byte(m.Intn(256))) + s[at+1:]
	case 1, 2:
		return s[:at] + spice + s[at:]
	case 3: // at the beginning of a line
		return lines(func(l []string, i int) []string {
			l[i] = spice + l[i]
			return l
		})
	case 4:
		end := min(len(s), at+1+m.Intn(40))
		return s[:at] + s[end:]
	case 5:
		return lines(func(l []string, i int) []string { return append(l[:i], l[i+1:]...) })
	case 6:
		return lines(func(l []string, i int) []string {
			k := m.Intn(len(l))
			l[i], l[k] = l[k], l[i]
			return l
		})
	case 7:
		return lines(func(l []string, i int) []string {
			l[i] += l[i]
			return l
		})
	case 8: // a line of another sample
		other := strings.SplitAfter(m.samples[m.Intn(len(m.samples))], "\n")
		return lines(func(l []string, i int) []string {
			l[i] += other[m.Intn(len(other))]
			return l
		})
	case 9: // the second half of another sample
		other := m.samples[m.Intn(len(m.samples))]
		return s[:at] + other[m.Intn(len(other)+1):]
	case 10:
		return s[:at]
	case 11: // another case
		end := min(len(s), at+30)
		return s[:at] + strings.ToUpper(s[at:end]) + s[end:]
	case 12: // join two lines
		if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
			return s[:at+i] + s[at+i+1:]
		}
		return s
	default: // white space at line ends and beginnings
		return lines(func(l []string, i int) []string {
			l[i] = " " + strings.TrimSuffix(l[i], "\n") + "\t\n"
			return l
		})
	}
}
