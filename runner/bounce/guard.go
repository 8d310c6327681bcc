package bounce

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// The guard is for the day on which a provider refuses all of a site's mail. Where
// a batch would disable more members than a site wants for a reason that is not
// the members' own, it leaves them as they are: enabled, with a score that has
// reached the list's threshold. Without the guard there is no such member, so the
// score is all that has to be remembered. They stay so, whatever they bounce,
// until mmrunner release or mmrunner enable decides.

// guard collects whom a batch would disable on one list.
type guard struct {
	limit   settings.Guard
	waiting []*waiting
	members map[string]bool
}

// waiting is a member who has reached the threshold.
type waiting struct {
	member string
	info   *maillist.BounceInfo
	read   reader
	done   func(*maillist.BounceInfo)
	before bool // the threshold was reached before this bounce
	entry  *runner.Entry
	reason beyond.Reason
}

// newGuard is the guard of a batch's list, nil if it has none.
func (h *Handler) newGuard(b runner.Batch) *guard {
	if h.options.Guard == nil || b.Site().Bool("VERP_PROBES") {
		return nil // a probe tells more than a guard could
	}
	limit := h.options.Guard(b.List().Name())
	if !limit.On() {
		return nil
	}
	return &guard{limit: limit, members: map[string]bool{}}
}

// add takes a member who would be disabled.
func (g *guard) add(w *waiting) {
	if !g.members[w.member] {
		g.members[w.member] = true
		g.waiting = append(g.waiting, w)
	}
}

// decide tells whom the guard holds. Those who were held before are.
func (g *guard) decide(l *maillist.List, now time.Time) (hold map[*waiting]bool) {
	hold = map[*waiting]bool{}
	var fresh []*waiting
	byDomain := map[string][]*waiting{}
	for _, w := range g.waiting {
		if w.before {
			hold[w] = true
			continue
		}
		fresh = append(fresh, w)
		byDomain[domainOf(w.member)] = append(byDomain[domainOf(w.member)], w)
	}

	if len(fresh) == 0 {
		return hold
	}
	today, todayBy := disabledSince(l, now)

	// Of the whole list.
	if alike := suspicious(fresh); g.limit.Members > 0 && len(alike) > 0 && len(alike)+today > g.limit.Members {
		for _, w := range alike {
			hold[w] = true
		}
	}

	// Of one domain. One member is no storm, however small the domain.
	if g.limit.Percent > 0 {
		members := membersBy(l, byDomain)
		for domain, all := range byDomain {
			alike := suspicious(all)
			n := len(alike) + todayBy[domain]
			if len(alike) > 0 && n > 1 && 100*float64(n) > g.limit.Percent*float64(members[domain]) {
				for _, w := range alike {
					hold[w] = true
				}
			}
		}
	}

	return hold
}

// suspicious are those whose bounces tell of a policy, or the same as most others.
func suspicious(all []*waiting) (alike []*waiting) {
	same := map[string]int{}
	for _, w := range all {
		same[events.Plain(w.reason.Diagnostic)]++
	}

	for _, w := range all {
		plain := events.Plain(w.reason.Diagnostic)
		common := plain != "" && same[plain] > 1 && 2*same[plain] >= len(all)
		if common || w.reason.Class() == beyond.Policy {
			alike = append(alike, w)
		}
	}

	return alike
}

// disabledSince counts the members whom bounces have disabled on the day of now.
func disabledSince(l *maillist.List, now time.Time) (all int, by map[string]int) {
	midnight := maillist.Seconds(maillist.DateOf(now).Midnight(now.Location()))
	by = map[string]int{}
	for addr, v := range l.DictAll("delivery_status") {
		t, ok := v.(*pickle.Tuple)
		if !ok || len(t.Items) < 2 {
			continue
		}

		status, _ := py.ExactInt(t.Items[0])
		at, _ := t.Items[1].(float64)
		if maillist.Status(status) == maillist.ByBounce && at >= midnight {
			all++
			by[domainOf(addr)]++
		}
	}

	return all, by
}

// membersBy counts the members of some domains.
func membersBy(l *maillist.List, domains map[string][]*waiting) map[string]int {
	n := map[string]int{}
	for addr := range l.GetMembers() {
		if d := domainOf(addr); domains[d] != nil {
			n[d]++
		}
	}
	return n
}

func domainOf(addr string) string {
	return strings.ToLower(addr[strings.LastIndexByte(addr, '@')+1:])
}

// settleGuard disables or holds those who wait, once all of a batch has been seen.
func (h *Handler) settleGuard(r *register, first *runner.Entry, failed runner.Failed) error {
	hold := r.guard.decide(r.l, r.b.Now())
	var fresh []*waiting
	for _, w := range r.guard.waiting {
		if hold[w] {
			w.done(w.info)
			h.recordDeeds(r, events.Held, w.entry.Work)

			if !w.before {
				r.m.Log("bounce", "%s: %s held by the guard (score %s >= %s)", r.l.Name(), w.member, score(w.info), r.threshold())
				fresh = append(fresh, w)
			}

			continue
		}

		err := runner.Guard(func() error {
			r.then = ""
			return r.disable(w.member, w.info, w.read)
		})
		if err != nil {
			r.b.UndoAll()
			r.forgetDeeds()
			failed[w.entry] = err
			continue
		}

		w.done(w.info)
		h.recordDeeds(r, events.Bounce, w.entry.Work)
		r.b.Save()
	}

	if len(fresh) > 0 && h.mayTell(r.l.Name(), maillist.DateOf(r.b.Now()), first) {
		return r.tellOfGuard(fresh)
	}

	return nil
}

// told is when the owner of a list was last told, and for which batch: that may be
// done again.
type told struct {
	day   maillist.Date
	first *runner.Entry
}

// mayTell tells whether a list's owner has not had a notice that day.
func (h *Handler) mayTell(list string, day maillist.Date, first *runner.Entry) bool {
	was, ok := h.guardTold[list]
	if ok && was.day == day && was.first != first {
		return false
	}

	if h.guardTold == nil {
		h.guardTold = map[string]told{}
	}

	h.guardTold[list] = told{day, first}
	return true
}

// tellOfGuard sends the owner the figures, and says what can be done.
func (r *register) tellOfGuard(held []*waiting) error {
	domains, reasons := map[string]int{}, map[string]int{}
	for _, w := range held {
		domains[domainOf(w.member)]++
		reasons[events.Plain(w.reason.Diagnostic)]++
	}

	name := r.l.Name()
	body := fmt.Sprintf(`Bounces would have disabled %d members of %s at once, and the
bounces are alike. These members are held: they still get mail, and nothing is
done to them until you decide.

Their domains:
%s
What was said:
%s
To see more:                       mmrunner report %[2]s
If their addresses are not at fault: mmrunner enable %[2]s --held --apply
To have them disabled after all:   mmrunner release %[2]s --apply
`, len(held), name, top(domains), top(reasons))

	owner := r.l.GetSiteEmail("")
	n, err := r.m.UserNotification(r.l.GetOwnerEmail(), owner, fmt.Sprintf("%s: %d members held by the bounce guard", name, len(held)), body,
		r.l.Str("preferred_language"))
	if err != nil {
		return err
	}

	return r.m.Send(n)
}

// top are the most frequent names, a line each.
func top(counts map[string]int) string {
	const most = 10
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})

	var b strings.Builder
	for _, name := range names[:min(most, len(names))] {
		n := counts[name]
		if name == "" {
			name = "(nothing)"
		}
		fmt.Fprintf(&b, "%6d  %s\n", n, ascii(name))
	}

	return b.String()
}

// ascii leaves what every charset has.
func ascii(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}

// IsHeld tells whether a member is held by the guard: enabled, with a score that
// has reached the threshold. The error is about a damaged list.
func IsHeld(s *site.Site, l *maillist.List, addr string) (*maillist.BounceInfo, bool, error) {
	status, err := l.GetDeliveryStatus(addr)
	if err != nil || status != maillist.Enabled || s.Bool("VERP_PROBES") {
		return nil, false, err
	}

	info, err := l.GetBounceInfo(addr)
	if err != nil || info == nil {
		return nil, false, err
	}
	threshold, _ := l.Get("bounce_score_threshold")
	return info, py.Compare(info.Score, threshold) >= 0, nil
}
