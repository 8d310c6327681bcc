package bounce

import (
	"iter"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/reason"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// The guard is for the day on which a provider refuses all of a site's mail. Where a batch would disable more members
// than a site wants, for a reason that is not the members' own, the guard leaves them as they are: enabled, with a
// score that has reached the list's threshold. Without the guard no member is left in this state, so the score is all
// that has to be remembered. The members stay held, whatever they bounce, until mmrunner release or mmrunner enable
// decides.

// guard collects the members of one list that a batch would disable.
type guard struct {
	limit      settings.Guard
	candidates []*candidate
	members    map[string]bool // the candidates' addresses
}

// candidate is a member whose score has reached the threshold.
type candidate struct {
	member string
	info   *maillist.BounceInfo
	read   reader
	done   func(*maillist.BounceInfo)
	before bool // the score had reached the threshold before this bounce
	entry  *runner.Entry
	reason reason.Reason
}

// newGuard returns the guard of a batch's list, or nil.
func (h *Handler) newGuard(b runner.Batch) *guard {
	if h.options.Guard == nil || b.Site().Bool("VERP_PROBES") {
		return nil // a probe tells more than the guard could
	}
	limit := h.options.Guard(b.List().Name())
	if !limit.On() {
		return nil
	}
	return &guard{limit: limit, members: map[string]bool{}}
}

// add adds a member that would be disabled.
func (g *guard) add(c *candidate) {
	if !g.members[c.member] {
		g.members[c.member] = true
		g.candidates = append(g.candidates, c)
	}
}

// decide tells which candidates are held back from being disabled, and whether the guard has held others on the same
// day, so that the owner knows already. Candidates that were held before stay held.
func (g *guard) decide(l *maillist.List, now time.Time) (hold map[*candidate]bool, again bool) {
	// Candidates that were held on an earlier day keep waiting for the owner; only the others are counted.
	hold = map[*candidate]bool{}
	var fresh []*candidate
	byDomain := map[string][]*candidate{}
	isFresh := map[string]bool{}
	for _, c := range g.candidates {
		if c.before {
			hold[c] = true
			continue
		}
		fresh = append(fresh, c)
		isFresh[c.member] = true
		byDomain[domainOf(c.member)] = append(byDomain[domainOf(c.member)], c)
	}

	// Members that were disabled or held today count with those of this batch: a storm may come in many batches.
	if len(fresh) == 0 {
		return hold, false
	}
	today := tallyOf(l, now, isFresh)

	// The limit for the whole list counts the members whose bounces are alike.
	if same := alike(fresh); g.limit.Members > 0 && len(same) > 0 && len(same)+today.all > g.limit.Members {
		for _, c := range same {
			hold[c] = true
		}
	}

	// The limit for one domain, in percent of its members. One member is no storm, however small the domain.
	if g.limit.Percent > 0 {
		members := membersBy(l, byDomain)
		for domain, all := range byDomain {
			same := alike(all)
			n := len(same) + today.byDomain[domain]
			if len(same) > 0 && n > 1 && 100*float64(n) > g.limit.Percent*float64(members[domain]) {
				for _, c := range same {
					hold[c] = true
				}
			}
		}
	}

	return hold, today.held > 0
}

// alike returns the candidates whose bounces tell of a policy, or say the same as most of the bounces.
func alike(all []*candidate) (same []*candidate) {
	said := map[string]int{}
	for _, c := range all {
		said[events.Plain(c.reason.Diagnostic)]++
	}

	for _, c := range all {
		plain := events.Plain(c.reason.Diagnostic)
		common := plain != "" && said[plain] > 1 && 2*said[plain] >= len(all)
		if common || c.reason.Class() == reason.Policy {
			same = append(same, c)
		}
	}

	return same
}

// tally counts the members that bounces have disabled on one day, or would have disabled without the guard.
type tally struct {
	all, held int // held counts those that the guard has kept enabled
	byDomain  map[string]int
}

// tallyOf counts the members of a list that were disabled or held on the day of now, without those in without.
func tallyOf(l *maillist.List, now time.Time, without map[string]bool) tally {
	// Members that bounces have disabled since midnight.
	t := tally{byDomain: map[string]int{}}
	count := func(addr string) {
		t.all++
		t.byDomain[domainOf(addr)]++
	}

	day := maillist.DateOf(now)
	midnight := maillist.Seconds(day.Midnight(now.Location()))
	for addr, d := range l.Deliveries() {
		if d.Status == maillist.ByBounce && d.Since >= midnight {
			count(addr)
		}
	}

	// Members that the guard holds since this day: their last bounce has brought the score to the threshold.
	threshold, _ := l.Get("bounce_score_threshold")
	for addr, info := range Held(l) {
		if info.Date == day && !without[addr] && py.Compare(py.Float(info.Score)-weight, threshold) < 0 {
			count(addr)
			t.held++
		}
	}

	return t
}

// membersBy counts the members of some domains.
func membersBy(l *maillist.List, domains map[string][]*candidate) map[string]int {
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

// settleGuard disables or holds the candidates, when all bounces of a batch were counted.
func (h *Handler) settleGuard(r *register, failed runner.Failed) error {
	hold, again := r.guard.decide(r.l, r.b.Now())
	var fresh []*candidate
	// Candidates that are held stay enabled; the score keeps growing.
	for _, c := range r.guard.candidates {
		r.followed = "" // of the candidate before
		if hold[c] {
			kind := events.Bounce // of a member that is held already
			if !c.before {
				kind = events.Held
				r.m.Log("bounce", "%s: %s held by the guard (score %s >= %s)", r.l.Name(), c.member, score(c.info), r.threshold())
				fresh = append(fresh, c)
			}

			c.done(c.info)
			h.recordEffects(r, kind, c.entry.Work)
			continue
		}

		// The others are disabled as Mailman would have done at once.
		err := runner.Guard(func() error { return r.disable(c.member, c.info, c.read) })
		if err != nil {
			r.b.UndoAll()
			r.forgetEffects()
			failed[c.entry] = err
			continue
		}

		c.done(c.info)
		h.recordEffects(r, events.Bounce, c.entry.Work)
		r.b.Save()
	}

	// One notice a day tells the owner.
	if len(fresh) > 0 && !again {
		return r.noticeOfGuard(fresh)
	}

	return nil
}

// Held yields the members of a list that the guard holds, see HeldTest. Addresses are in lower case.
func Held(l *maillist.List) iter.Seq2[string, *maillist.BounceInfo] {
	return func(yield func(string, *maillist.BounceInfo) bool) {
		isHeld := HeldTest(l)
		for addr, info := range l.BounceInfos() {
			if isHeld(addr, info) && !yield(addr, info) {
				return
			}
		}
	}
}

// HeldTest returns a function that tells whether the guard holds an address, given in lower case with its bounce
// info: it is a member, enabled, and its score has reached the threshold.
func HeldTest(l *maillist.List) func(addr string, info *maillist.BounceInfo) bool {
	if l.Site().Bool("VERP_PROBES") {
		return func(string, *maillist.BounceInfo) bool { return false }
	}

	disabled := map[string]bool{}
	for addr, d := range l.Deliveries() {
		disabled[addr] = d.Status != maillist.Enabled
	}
	threshold, _ := l.Get("bounce_score_threshold")

	return func(addr string, info *maillist.BounceInfo) bool {
		return py.Compare(info.Score, threshold) >= 0 && !disabled[addr] && l.IsMember(addr)
	}
}
