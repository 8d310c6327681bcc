package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// Verp is the result of verp_bounce or verp_probe (Queue/BounceRunner.py) for the address to which a message came.
type Verp struct {
	// Value is the bouncing address (verp_bounce) or the token of a pending probe (verp_probe), or "".
	Value string
	// Log has lines for the error log about a group that the site's pattern lacks.
	Log []string
	// NeedPython says why only the site's Python can tell, as in Result.
	NeedPython string
	// Err is the exception that Mailman would have had, as in Result.
	Err error
}

// verpPattern is one of mm_cfg's VERP_REGEXP and VERP_PROBE_REGEXP.
type verpPattern struct {
	setting string
	regex   string
	re      *pyre.Regexp
	problem string // why Python is needed
}

// verpFields are the fields in which a mail server may have left the address to which a bounce came.
var verpFields = []string{"to", "delivered-to", "envelope-to", "apparently-to"}

// VerpBounce is verp_bounce. mailbox is the first half of
// Utils.ParseEmail(mlist.GetBouncesEmail()).
func (d *Detector) VerpBounce(mailbox string, m *message.Message) Verp {
	p := &d.bounce
	return p.search(mailbox, m, func(found *pyre.Match, v *Verp) (done, ok bool) {
		user, has := found.Named("mailbox")
		host, hasToo := found.Named("host")
		if p.re.Group("mailbox") < 0 || p.re.Group("host") < 0 {
			return true, false
		}

		if !has {
			user = "None"
		}

		if !hasToo {
			host = "None"
		}

		v.Value = user + "@" + host
		return true, true
	})
}

// VerpProbe is verp_probe. pending tells whether mlist.pend_confirm(token, expunge=False) knows a token.
func (d *Detector) VerpProbe(mailbox string, m *message.Message, pending func(token string) bool) Verp {
	p := &d.probe
	return p.search(mailbox, m, func(found *pyre.Match, v *Verp) (done, ok bool) {
		if p.re.Group("token") < 0 {
			return false, false
		}
		token, has := found.Named("token")
		if has && pending(token) {
			v.Value = token
			return true, true
		}
		return false, true
	})
}

// search goes through the addresses to which a message may have come, and gives use the match of each that is an
// address of the list. use tells whether the search is over, and whether the pattern had all groups that it asked
// for (BounceRunner's verp_bounce and verp_probe).
func (p *verpPattern) search(mailbox string, m *message.Message, use func(*pyre.Match, *Verp) (done, ok bool)) (v Verp) {
	// A site's own pattern that cannot be matched here, and fields that the email package reads in its own way.
	if p.problem != "" {
		return Verp{NeedPython: p.problem}
	}
	if reason := unusualFields(m, verpFields); reason != "" {
		return Verp{NeedPython: reason}
	}

	// The mail server names the envelope's recipient in one of these fields; no standard says in which.
	for _, name := range verpFields {
		for _, field := range m.GetAll(name) {
			to, err := message.ParseAddr(field)
			if err != nil {
				return Verp{Log: v.Log, Err: err}
			}
			if to.Addr == "" {
				continue
			}

			// VERP_REGEXP must match the address, and its group "bounces" the list's own bounces address.
			found := p.re.Search(to.Addr)
			if found == nil {
				continue
			}
			done, ok := false, p.re.Group("bounces") >= 0
			if ok {
				if bounces, has := found.Named("bounces"); !has || bounces != mailbox {
					continue
				}
				done, ok = use(found, &v)
			}

			// The exception of a missing group is caught in Mailman, and logged.
			if !ok {
				v.Log = append(v.Log, p.setting+" doesn't yield the right match groups: "+p.regex)
				// verp_bounce gives up at this, verp_probe goes on.
				done = p.setting == "VERP_REGEXP"
			}

			if done {
				return v
			}
		}
	}

	return v
}
