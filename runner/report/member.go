package report

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/events"
)

// Member is the history of one address.
type Member struct {
	Addr   string         `json:"member"`
	Lists  []Membership   `json:"lists"`
	Events []events.Event `json:"events"` // the oldest first
	Unread []string       `json:"unread"`
}

// Membership is the state of a member of one list.
type Membership struct {
	List     string     `json:"list"`
	Delivery string     `json:"delivery"` // enabled, or disabled and by whom
	Since    *time.Time `json:"since,omitempty"`
	Score    float64    `json:"score"`
	Last     string     `json:"last_bounce,omitempty"` // a day
}

var deliveries = map[maillist.Status]string{maillist.Enabled: "enabled", maillist.ByBounce: "disabled by bounces", maillist.ByAdmin: "disabled by the administrator",
	maillist.ByUser: "disabled by the member", maillist.Unknown: "disabled, unknown why"}

// History returns the history of one address on the lists that are wanted. Errors are
// Build's.
func History(s *site.Site, addr string, o Options) (*Member, error) {
	names, err := listNames(s, o.Lists)
	if err != nil {
		return nil, err
	}

	m := &Member{Addr: addr, Lists: []Membership{}, Events: []events.Event{}, Unread: []string{}}
	for _, name := range names {
		l, err := maillist.Open(s, name, maillist.Options{})
		if err != nil {
			m.Unread = append(m.Unread, fmt.Sprintf("%s: %v", name, err))
			continue
		}

		one, err := membership(l, addr)
		switch {
		case errors.Is(err, maillist.ErrNotAMember):
		case err != nil:
			m.Unread = append(m.Unread, fmt.Sprintf("%s: %v", name, err))
		default:
			m.Lists = append(m.Lists, one)
		}
	}

	keys := events.NewNames(s.DataDir()).Of(addr)
	for e, err := range events.Read(s.DataDir(), o.Since) {
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, e.List) && slices.Contains(keys, e.Key()) {
			m.Events = append(m.Events, e)
		}
	}

	return m, nil
}

func membership(l *maillist.List, addr string) (m Membership, err error) {
	m.List = l.Name()
	status, err := l.GetDeliveryStatus(addr)
	if err != nil {
		return m, err
	}

	if m.Delivery = deliveries[status]; m.Delivery == "" {
		m.Delivery = fmt.Sprintf("disabled (%d)", status)
	}

	at, err := l.GetDeliveryStatusChangeTime(addr)
	if err != nil {
		return m, err
	}

	if at > 0 {
		t := time.UnixMicro(int64(at * 1e6))
		m.Since = &t
	}

	info, err := l.GetBounceInfo(addr)
	if err != nil || info == nil {
		return m, err
	}

	switch v := info.Score.(type) {
	case float64:
		m.Score = v
	case pickle.Int:
		m.Score = float64(v)
	}

	m.Last = fmt.Sprintf("%04d-%02d-%02d", info.Date[0], info.Date[1], info.Date[2])
	return m, nil
}
