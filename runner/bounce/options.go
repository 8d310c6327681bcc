package bounce

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/bounce/reason"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// Options switch on what a handler does beyond what Mailman's runner does. The zero
// Options switch on nothing.
type Options struct {
	// Beyond has package beyond look at bounces that Mailman's modules do not know.
	Beyond bool
	// IgnoreNested has a delivery report inside a returned message not count.
	IgnoreNested bool
	// Guard is how many members of a list may be disabled; nil for any number.
	Guard func(list string) settings.Guard
	// Events makes the lines of the events' log; nil for none.
	Events *events.Recorder
}

// With sets what the handler does beyond what Mailman's runner does.
func (h *Handler) With(o Options) *Handler {
	h.options = o
	return h
}

// work is the result of Classify for an entry.
type work struct {
	detect.Result               // of Mailman's modules
	second        beyond.Result // of the second look, where these find no address

	// Why it could not be delivered, for events: to each of the addresses, and to one
	// that the text does not tell.
	reasons map[string]reason.Reason
	reason  reason.Reason
}

func (h *Handler) scan(m *message.Message) *work {
	if h.options.IgnoreNested {
		m, _ = beyond.WithoutNestedReports(m)
	}

	w := &work{Result: h.detect.Scan(m)}
	switch {
	case !h.options.Beyond || w.NeedPython != "" || w.Err != nil || len(w.Addrs) > 0:
	case w.Stop:
		w.second = beyond.FailedBesideDelayed(m)
	default:
		w.second = beyond.Find(m)
	}

	if h.options.Events != nil || h.options.Guard != nil {
		w.explain(m)
	}

	return w
}

// secondBounce tells whether a second look has found recipients. They may be no
// members.
func (w *work) secondBounce() bool { return w.second.Kind == beyond.Bounce }

// addressesIn are the addresses that a message's text gives. Of those that the second
// look has found only members count.
func (h *Handler) addressesIn(l *maillist.List, w *work) []string {
	var addrs []string
	for _, addr := range w.Addrs {
		addrs = append(addrs, h.memberForm(l, addr))
	}
	for _, r := range w.second.Recipients {
		if addr, ok := memberAmong(l, r.Forms()); ok {
			addrs = append(addrs, addr)
		}
	}

	return addrs
}

// memberForm is the form of an address that Mailman's modules have found in which a
// member has it: where no member has it as it stands, it may be encoded.
func (h *Handler) memberForm(l *maillist.List, addr string) string {
	if !h.options.Beyond || l.IsMember(addr) {
		return addr
	}
	if form, ok := memberAmong(l, beyond.Forms(addr)); ok {
		return form
	}
	return addr
}

// memberAmong returns the first of some addresses that is a member's.
func memberAmong(l *maillist.List, addrs []string) (addr string, ok bool) {
	i := slices.IndexFunc(addrs, l.IsMember)
	if i < 0 {
		return "", false
	}
	return addrs[i], true
}

// drop discards a message that is no bounce at all. Mailman would send it to the owner
// as an unrecognized bounce.
func (h *Handler) drop(b runner.Batch, e *runner.Entry, msg *message.Message, kind beyond.Kind) (runner.Outcome, error) {
	defer e.Drop()
	w := e.Work.(*work)
	h.record(b, events.Event{Kind: events.NoBounce, Class: string(kind), Module: w.module()}, w.reason)
	id, ok := msg.Get("message-id")
	if !ok {
		id = "n/a"
	}
	b.Log("bounce", "%s: discarding %s, no bounce, message-id: %s", b.List().Name(), kind, id)
	return runner.Discarded, nil
}
