package bounce

import (
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/events"
)

// deed is what a bounce has done to a member of a list.
type deed struct {
	batch         runner.Batch
	list, member  string
	before, after float64
	then          string
}

// begin notes a member's score before a bounce; what it returns notes what has
// become of it.
func (r *register) begin(member string, info *maillist.BounceInfo) (done func(*maillist.BounceInfo)) {
	r.then = ""
	if r.deeds == nil {
		return func(*maillist.BounceInfo) {}
	}
	before := points(info)
	return func(info *maillist.BounceInfo) {
		*r.deeds = append(*r.deeds, deed{r.b, r.l.Name(), member, before, points(info), r.then})
	}
}

// points is a score as a number; 0 for none.
func points(info *maillist.BounceInfo) float64 {
	if info == nil {
		return 0
	}

	switch v := info.Score.(type) {
	case float64:
		return float64(v)
	case pickle.Int:
		return float64(v)
	}

	return 0
}

// record adds an event, if the site wants any.
func (h *Handler) record(b runner.Batch, e events.Event) {
	if h.options.Events != nil {
		e.At = b.Now()
		b.Record(h.options.Events.Line(e))
	}
}

// recordDeeds makes events of what one entry has done.
func (h *Handler) recordDeeds(r *register, kind events.Kind, of any) {
	if r.deeds == nil {
		return
	}
	w, _ := of.(*work)
	for _, d := range *r.deeds {
		e := events.Event{List: d.list, Kind: kind, Member: d.member, Before: d.before, After: d.after, Then: d.then, Class: string(beyond.Unknown)}
		if w != nil {
			why := w.why(d.member)
			e.Status, e.Diagnostic, e.Server, e.Class = why.Status, why.Diagnostic, why.Server, string(why.Class())
			e.Module = w.module()
		}

		h.record(d.batch, e)
	}

	r.forgetDeeds()
}

// forgetDeeds forgets what an entry has done, which may have been taken back.
func (r *register) forgetDeeds() {
	if r.deeds != nil {
		*r.deeds = (*r.deeds)[:0]
	}
}

// explain notes what the report says of the failure.
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
		w.reason = beyond.Why(m, addr)
		return
	}

	w.reasons = map[string]beyond.Reason{}
	for _, a := range addrs[:min(len(addrs), maxReasons)] {
		w.reasons[a] = beyond.Why(m, a)
	}
}

// maxReasons is for how many addresses of one bounce it is found out why.
const maxReasons = 100

// why is what the report says of one address.
func (w *work) why(addr string) beyond.Reason {
	if r, ok := w.reasons[addr]; ok {
		return r
	}
	return w.reason
}

// reasonOf is what an entry's report says of one address.
func reasonOf(e *runner.Entry, addr string) beyond.Reason {
	if w, ok := e.Work.(*work); ok {
		return w.why(addr)
	}
	return beyond.Reason{}
}

// module is what has found the addresses.
func (w *work) module() string {
	switch {
	case w.second.Kind != beyond.None:
		return "beyond/" + w.second.Rule
	case w.Module != "":
		return w.Module
	}
	return "VERP"
}
