package bounce

import (
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/bounce/reason"
	"github.com/mmrunner/mmrunner/runner/events"
)

// effect is the change that a bounce has made to a member of a list.
type effect struct {
	batch         runner.Batch
	member        string
	before, after float64
	then          string
}

// trackEffect notes a member's score before a bounce. The returned function adds the effect, with the score after the
// bounce.
func (r *register) trackEffect(member string, info *maillist.BounceInfo) (done func(*maillist.BounceInfo)) {
	r.followed = ""
	if r.effects == nil {
		return func(*maillist.BounceInfo) {}
	}
	before := points(info)
	return func(info *maillist.BounceInfo) {
		*r.effects = append(*r.effects, effect{r.b, member, before, points(info), r.followed})
	}
}

// points returns a score as a number, 0 without one.
func points(info *maillist.BounceInfo) float64 {
	if info == nil {
		return 0
	}
	return py.Float(info.Score)
}

// record adds an event with the report's reason, if the site records events.
func (h *Handler) record(b runner.Batch, e events.Event, why reason.Reason) {
	if h.options.Events == nil {
		return
	}

	e.At, e.List = b.Now(), b.List().Name()
	e.Status, e.Diagnostic, e.Server = why.Status, why.Diagnostic, why.Server
	if e.Class == "" {
		e.Class = string(why.Class())
	}
	b.Record(h.options.Events.Line(e))
}

// recordEffects makes an event of each effect of one entry.
func (h *Handler) recordEffects(r *register, kind events.Kind, of any) {
	if r.effects == nil {
		return
	}
	w, _ := of.(*work)
	for _, d := range *r.effects {
		e := events.Event{Kind: kind, Member: d.member, Before: d.before, After: d.after, Then: d.then}
		var why reason.Reason
		if w != nil {
			why, e.Module = w.why(d.member), w.module()
		}
		h.record(d.batch, e, why)
	}

	r.forgetEffects()
}

// forgetEffects forgets effects, for an entry whose changes are taken back.
func (r *register) forgetEffects() {
	if r.effects != nil {
		*r.effects = (*r.effects)[:0]
	}
}

// explain notes the reasons that the report gives for the failure.
func (w *work) explain(m *message.Message) {
	addrs := w.Addrs
	if w.secondBounce() {
		addrs = nil
		for _, r := range w.second.Recipients {
			addrs = append(addrs, r.Addr)
		}
	}

	if len(addrs) < 2 {
		addr := ""
		if len(addrs) == 1 {
			addr = addrs[0]
		}
		w.reason = reason.Find(m, addr)
		return
	}

	w.reasons = map[string]reason.Reason{}
	for _, a := range addrs[:min(len(addrs), maxReasons)] {
		w.reasons[a] = reason.Find(m, a)
	}
}

// maxReasons limits the number of addresses of one bounce for which a reason is looked up.
const maxReasons = 100

// why returns the report's reason for one address.
func (w *work) why(addr string) reason.Reason {
	if r, ok := w.reasons[addr]; ok {
		return r
	}
	return w.reason
}

// reasonOf returns the reason of an entry's report for one address.
func reasonOf(e *runner.Entry, addr string) reason.Reason {
	if w, ok := e.Work.(*work); ok {
		return w.why(addr)
	}
	return reason.Reason{}
}

// module names the bounce module or rule that has found the addresses.
func (w *work) module() string {
	switch {
	case w.second.Kind != beyond.None:
		return "beyond/" + w.second.Rule
	case w.Module != "":
		return w.Module
	}
	return "VERP"
}
