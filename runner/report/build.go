package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/events"
)

// Build makes a report. The error is for events that cannot be read and for a
// site whose lists cannot be listed.
func Build(s *site.Site, o Options) (*Report, error) {
	b := &builder{r: &Report{At: o.Now, Since: o.Since, Lists: []List{}, Unread: []string{}}, o: o, wanted: map[string]bool{}}
	for k := range b.counts {
		b.counts[k] = map[string]*Count{}
	}
	names, err := listNames(s, o.Lists)
	if err != nil {
		return nil, err
	}

	for _, name := range names {
		b.wanted[name] = true
	}

	for e, err := range events.Read(s.DataDir(), o.Since) {
		if err != nil {
			return nil, err
		}
		if b.wanted[e.List] {
			b.event(e)
		}
	}

	for _, name := range names {
		l, err := maillist.Open(s, name, maillist.Options{})
		if err != nil {
			b.r.Unread = append(b.r.Unread, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		b.list(l)
	}

	b.finish()
	return b.r, nil
}

// builder counts events and members.
type builder struct {
	r      *Report
	o      Options
	counts [kinds]map[string]*Count
	wanted map[string]bool
}

const (
	day = iota
	domain
	status
	class
	server
	member
	other
	reason
	kinds
)

// count is the count of a name.
func (b *builder) count(kind int, name string) *Count {
	if name == "" {
		name = "(unknown)"
	}

	c := b.counts[kind][name]
	if c == nil {
		c = &Count{Name: name}
		b.counts[kind][name] = c
	}

	return c
}

// event counts an event.
func (b *builder) event(e events.Event) {
	b.r.Events++
	day := b.count(day, e.At.Local().Format(time.DateOnly))
	var all []*Count

	switch e.Kind {
	case events.Bounce, events.Probe, events.Held:
		all = []*Count{day, b.count(domain, e.Domain), b.count(status, e.Status), b.count(class, e.Class), b.count(server, e.Server),
			b.count(reason, events.Plain(e.Diagnostic))}
		if e.Member != "" {
			all = append(all, b.count(member, e.Member))
		}
	case events.Released:
		// No bounce, but what the guard had put off.
		for _, c := range []*Count{day, b.count(domain, e.Domain), b.count(member, e.Member)} {
			c.Disabled++
		}
	case events.Unknown:
		all = []*Count{b.count(other, "no address found")}
	case events.NoBounce:
		all = []*Count{b.count(other, e.Class)}
	}

	for _, c := range all {
		c.Bounces++
		if e.Kind == events.Held {
			c.Held++
		}

		if e.Then == events.Disabled {
			c.Disabled++
		}
	}
}

// list counts the members of a list by its state. Bounces are counted from there only
// where there are no events, which know more of them.
func (b *builder) list(l *maillist.List) {
	all, _ := l.NumMembers()
	st := List{Name: l.Name(), Members: all}
	alone := b.r.Events == 0
	for addr, d := range l.Deliveries() {
		if !l.IsMember(addr) {
			continue
		}

		switch d.Status {
		case maillist.ByBounce:
			st.DisabledByBounce++
			when := time.Unix(int64(d.Since), 0)
			if alone && !when.Before(b.o.Since) {
				b.count(day, when.Local().Format(time.DateOnly)).Disabled++
				b.count(domain, domainOf(addr)).Disabled++
				b.count(member, addr).Disabled++
			}
		case maillist.ByAdmin:
			st.DisabledByAdmin++
		case maillist.ByUser:
			st.DisabledByUser++
		case maillist.Unknown:
			st.DisabledUnknown++
		}
	}

	isHeld := bounce.HeldTest(l)
	for addr, info := range l.BounceInfos() {
		if !l.IsMember(addr) {
			continue
		}
		st.Bouncing++
		if isHeld(addr, info) {
			st.Held++
		}

		if !alone {
			continue
		}

		last := info.Date.Midnight(b.o.Now.Location())
		if last.Before(b.o.Since.Add(-24 * time.Hour)) {
			continue
		}
		b.count(day, last.Format(time.DateOnly)).Bounces++
		b.count(domain, domainOf(addr)).Bounces++
		b.count(member, addr).Bounces++
	}

	b.r.Lists = append(b.r.Lists, st)
}

// finish puts counts in order: days by time, all else by how often.
func (b *builder) finish() {
	r := b.r
	r.Days = b.days()

	for kind, to := range map[int]*[]Count{domain: &r.Domains, status: &r.Statuses, class: &r.Classes, server: &r.Servers, member: &r.Members, other: &r.Others, reason: &r.Reasons} {
		all := []Count{}
		for _, c := range b.counts[kind] {
			all = append(all, *c)
		}

		slices.SortFunc(all, func(x, y Count) int {
			if d := y.Bounces - x.Bounces; d != 0 {
				return d
			}
			if d := y.Disabled - x.Disabled; d != 0 {
				return d
			}
			return strings.Compare(x.Name, y.Name)
		})

		if b.o.Most > 0 && len(all) > b.o.Most {
			all = all[:b.o.Most]
		}

		*to = all
	}
}

// days are the days from the first that has something to the last, with those
// between that have nothing.
func (b *builder) days() []Count {
	const most = 366
	names := slices.Sorted(maps.Keys(b.counts[day]))
	all := []Count{}
	if len(names) == 0 {
		return all
	}

	first, err := time.Parse(time.DateOnly, names[0])
	last, err2 := time.Parse(time.DateOnly, names[len(names)-1])
	if err != nil || err2 != nil || last.Sub(first) > most*24*time.Hour {
		for _, name := range names[max(0, len(names)-most):] {
			all = append(all, *b.counts[day][name])
		}
		return all
	}

	for d := first; !d.After(last); d = d.AddDate(0, 0, 1) {
		name := d.Format(time.DateOnly)
		if c := b.counts[day][name]; c != nil {
			all = append(all, *c)
		} else {
			all = append(all, Count{Name: name})
		}
	}

	return all
}

// listNames returns the names of the lists that are wanted, in order.
func listNames(s *site.Site, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		names, err := maillist.ListNames(s, nil)
		slices.Sort(names)
		return names, err
	}

	var names []string
	for _, name := range wanted {
		name = py.Lower(name)
		if !maillist.Exists(s, name, nil) {
			return nil, fmt.Errorf("there is no list %q", name)
		}
		names = append(names, name)
	}

	return names, nil
}

func domainOf(addr string) string {
	_, domain, _ := strings.Cut(addr, "@")
	return strings.ToLower(domain)
}
