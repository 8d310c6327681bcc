// Package enable gives members their mail again whom bounces disabled, where
// not their addresses had failed, but a provider that
// refused the whole site for a day. It leaves what Mailman's own
// setDeliveryStatus(member, ENABLED) would: no delivery status and no bounce info.
// Pending confirmations stay, as they do there.
package enable

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/events"
)

// Filter selects the members to enable. A field that is not set selects all.
type Filter struct {
	Since      time.Time // disabled then or later
	Domain     string    // a pattern for the address's domain, as path.Match has them
	Code       string    // a pattern for the status code of the last recorded bounce (package events)
	ScoreBelow float64   // 0 for any score
	// Held takes only the members that the bounce guard holds.
	Held bool

	// Codes are the last status codes of members, by their names in events; they are
	// needed where Code is set.
	Codes map[string]string
	// Names are the ways in which a member may stand in Codes.
	Names func(addr string) []string
}

// Check returns an error if a pattern is none.
func (f Filter) Check() error {
	for name, pattern := range map[string]string{"--domain": f.Domain, "--code": f.Code} {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%s: got %q, need a pattern such as *.example.net or 5.7.*", name, pattern)
		}
	}
	return nil
}

// Member is a member who is or was disabled, with all that it takes to disable the
// member again.
type Member struct {
	Addr     string    `json:"member"`
	Disabled time.Time `json:"disabled"`       // zero for one who was held
	Held     bool      `json:"held,omitempty"` // not disabled, but held by the guard
	Score    float64   `json:"score"`
	Code     string    `json:"status,omitempty"`

	Seconds float64     `json:"disabled_at"` // when, as config.pck has it
	Info    *BounceInfo `json:"bounce_info,omitempty"`
}

// BounceInfo is maillist.BounceInfo for a file.
type BounceInfo struct {
	Member      string        `json:"member"`
	Score       float64       `json:"score"`
	Date        maillist.Date `json:"date"`
	NoticesLeft int           `json:"notices_left"`
	LastNotice  maillist.Date `json:"last_notice"`
	Cookie      string        `json:"cookie,omitempty"` // of the confirmation in the member's last notice
}

// Find returns the members of a list whom bounces disabled and the filter wants,
// by their addresses.
func (f Filter) Find(l *maillist.List) []Member {
	if f.Held {
		return f.findHeld(l)
	}

	// All bounce infos are read once, in the order of the file: a list may have
	// thousands of members who are disabled.
	infos := maps.Collect(l.BounceInfos())
	var all []Member
	for addr, d := range l.Deliveries() {
		if d.Status != maillist.ByBounce || !l.IsMember(addr) {
			continue
		}

		m := Member{Addr: addr, Seconds: d.Since, Disabled: time.UnixMicro(int64(d.Since * 1e6))}
		if m.Disabled.Before(f.Since) || !f.domain(addr) {
			continue
		}

		if info := infos[addr]; info != nil {
			m.Score = py.Float(info.Score)
			m.Info = infoOf(info)
		}

		if f.ScoreBelow > 0 && m.Score >= f.ScoreBelow {
			continue
		}
		m.Code = f.code(addr)
		if f.Code != "" {
			if ok, _ := path.Match(f.Code, m.Code); !ok || m.Code == "" {
				continue
			}
		}

		all = append(all, m)
	}

	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.Addr, b.Addr) })
	return all
}

// findHeld is Find for members whom the guard holds.
func (f Filter) findHeld(l *maillist.List) []Member {
	var all []Member
	for addr, info := range bounce.Held(l) {
		if f.domain(addr) {
			all = append(all, Member{Addr: addr, Held: true, Score: py.Float(info.Score), Code: f.code(addr), Info: infoOf(info)})
		}
	}

	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.Addr, b.Addr) })
	return all
}

func (f Filter) domain(addr string) bool {
	if f.Domain == "" {
		return true
	}
	_, domain, _ := strings.Cut(addr, "@")
	ok, _ := path.Match(strings.ToLower(f.Domain), strings.ToLower(domain))
	return ok
}

func (f Filter) code(addr string) string {
	if f.Names == nil {
		return ""
	}

	for _, name := range f.Names(addr) {
		if c, ok := f.Codes[name]; ok {
			return c
		}
	}

	return ""
}

func infoOf(i *maillist.BounceInfo) *BounceInfo {
	left, _ := py.ExactInt(i.NoticesLeft)
	return &BounceInfo{Member: i.Member, Score: py.Float(i.Score), Date: i.Date, NoticesLeft: left, LastNotice: i.LastNotice, Cookie: i.Cookie}
}

// Apply enables members of a batch's list and returns them. A member who is not
// disabled by bounces any more is left alone.
func Apply(b runner.Batch, members []Member, record *events.Recorder) (done []Member, err error) {
	l := b.List()
	for _, m := range members {
		status, err := l.GetDeliveryStatus(m.Addr)
		was := maillist.ByBounce

		if m.Held {
			was = maillist.Enabled
		}

		if errors.Is(err, maillist.ErrNotAMember) || err == nil && status != was {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := l.SetDeliveryStatus(m.Addr, maillist.Enabled); err != nil {
			return nil, err
		}

		b.Log("bounce", "%s: %s enabled by mmrunner enable (score was %.1f)", l.Name(), m.Addr, m.Score)
		if record != nil {
			b.Record(record.Line(events.Event{At: b.Now(), List: l.Name(), Kind: events.Enabled, Member: m.Addr, Before: m.Score}))
		}

		done = append(done, m)
	}

	if len(done) > 0 {
		b.Save()
	}

	return done, nil
}

// Undo puts members back as they were before Apply, and returns them. A member who has
// left, was disabled or has bounced since then is left alone.
func Undo(b runner.Batch, members []Member) (done []Member, err error) {
	l := b.List()
	for _, m := range members {
		status, err := l.GetDeliveryStatus(m.Addr)
		if errors.Is(err, maillist.ErrNotAMember) || err == nil && status != maillist.Enabled {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info, err := l.GetBounceInfo(m.Addr); err != nil || info != nil {
			continue
		}

		if !m.Held {
			if err := l.SetDeliveryStatus(m.Addr, maillist.ByBounce); err != nil {
				return nil, err
			}
			// Not as of now, but as of then.
			l.DictSet("delivery_status", py.Lower(m.Addr), pickle.NewTuple(pickle.Int(maillist.ByBounce), m.Seconds))
		}

		if m.Info != nil {
			info := maillist.NewBounceInfo(m.Info.Member, m.Info.Score, m.Info.Date, pickle.Int(m.Info.NoticesLeft), b.Now().Location())
			info.LastNotice, info.Cookie = m.Info.LastNotice, m.Info.Cookie
			if err := l.SetBounceInfo(m.Addr, info); err != nil {
				return nil, err
			}
		}

		b.Log("bounce", "%s: %s put back as it was by mmrunner enable --undo", l.Name(), m.Addr)
		done = append(done, m)
	}

	if len(done) > 0 {
		b.Save()
	}

	return done, nil
}
