// Package bounce is BounceRunner ([Handler]) and its queue: it decides what becomes
// of a bounce (Queue/BounceRunner.py) and counts it against its member
// (Bouncer.py).
//
// Mailman registers the detected bounces every REGISTER_BOUNCES_EVERY, and until then reads the list again for each
// entry. Here a batch's bounces are detected before the list is locked, and registered in their order when all of
// them were detected, so that the result is the same.
package bounce

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/zone"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// Handler is BounceRunner for the engine. Apply and Batched are for one goroutine.
type Handler struct {
	services membership.Services
	detect   *detect.Detector
	options  Options
	events   map[runner.Batch][]event

	// language is the language of the process itself, in which bounces are registered. A member's removal changes it
	// to the list's for good.
	language membership.Language
	// clock is the process's mktime, whose last answer influences the next.
	clock zone.Mktime
	// The language and clock of the batch that begins with an entry, in case it is applied again.
	first          *runner.Entry
	languageBefore membership.Language
	clockBefore    zone.Mktime
}

// event is a bounce of one address.
type event struct {
	entry *runner.Entry
	addr  string
	day   maillist.Date
}

// New returns a handler that finds bounces as d does.
func New(d *detect.Detector, services membership.Services) *Handler {
	return &Handler{services: services, detect: d, events: map[runner.Batch][]event{}}
}

// Name is the runner's class name.
func (h *Handler) Name() string { return "BounceRunner" }

// Queue is its queue's usual name.
func (h *Handler) Queue() string { return "bounces" }

// Classify looks for the bounced addresses. This takes most of the time of a bounce, and needs nothing of its list.
func (h *Handler) Classify(e *runner.Entry) error {
	m, err := e.Message()
	if err != nil {
		return err
	}
	e.Work = h.scan(m)
	e.Shrink()
	return nil
}

// Apply does what BounceRunner._dispose does with an entry. Bounces to be registered wait for Batched. The error is
// an exception that Mailman would not have caught, or a *maillist.ErrNeedsPython before anything is done.
func (h *Handler) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	var o runner.Outcome
	err := runner.Guard(func() (err error) {
		o, err = h.dispose(b, e)
		return err
	})
	return o, err
}

func (h *Handler) dispose(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	// A bounce whose address is known needs only to be registered: it comes from BounceRunner's own file.
	if addr, day, ok := detectedIn(e.Data); ok {
		if day == (maillist.Date{}) {
			day = maillist.DateOf(b.Now())
		}
		h.events[b] = append(h.events[b], event{e, addr, day})
		e.Drop()
		return runner.Registered, nil
	}

	// The header fields are enough for what follows; the text was read when the entry was classified.
	msg, err := e.Head()
	if err != nil {
		return "", err
	}
	l := b.List()
	sender, err := msg.GetSender(b.Site().Bool("USE_ENVELOPE_SENDER"), false)
	if err != nil {
		return "", err
	}

	// Reading the sender's language may add the site's language to the list's. Mailman does not save that.
	e.Data.Set("lang", l.GetMemberLanguage(sender))
	b.Undo()

	// Bounces that are passed on or dropped, whatever they say (BounceRunner._dispose): those to the site list, those from
	// the site's own bounces address, and those of a list that does not process bounces.
	s := b.Site()
	if py.Lower(l.Name()) == py.Lower(s.Str("MAILMAN_SITE_LIST")) {
		owner, _ := l.Get("owner")
		return runner.Forwarded, h.passOn(b, e, owner)
	}
	if from, ok := msg.Get("from"); ok && from == l.GetSiteEmail("bounces") {
		return runner.Forwarded, h.passOn(b, e, pickle.NewList(pickle.Str(maillist.GetSiteEmail(s, "owner"))))
	}
	if !l.Bool("bounce_processing") {
		return runner.Discarded, nil
	}

	return h.look(b, e, msg)
}

// passOn queues a message for its recipients as it is, with the sender address by which Mailman recognizes its own
// loops.
func (h *Handler) passOn(b runner.Batch, e *runner.Entry, recips pickle.Value) error {
	msg, err := e.Message()
	if err != nil {
		return err
	}

	data := e.Data.Clone()
	data.Set("recips", recips)
	data.Set("envsender", maillist.GetSiteEmail(b.Site(), "loop"))
	data.Set("nodecorate", 1)
	b.Enqueue("out", msg, data)
	e.Drop()
	return nil
}

// look finds the addresses that a bounce is for: by the address to which it came, by the token of a probe, or by its
// text (BounceRunner._dispose).
func (h *Handler) look(b runner.Batch, e *runner.Entry, msg *message.Message) (runner.Outcome, error) {
	w := e.Work.(*work)
	l := b.List()
	mailbox, _ := maillist.ParseEmail(l.GetBouncesEmail())

	// The address to which it came may name the member or a probe (VERP).
	verp := h.detect.VerpBounce(mailbox, msg)
	if err := h.checkVerp(b, verp); err != nil {
		return "", err
	}

	// The token of a probe names the member by a pending record.
	if verp.Value == "" {
		token, err := h.probeToken(b, mailbox, msg)
		if err != nil {
			return "", err
		}
		if token != "" {
			return runner.Registered, h.probeBounced(b, e.Data.Str("lang"), token, w)
		}
	}

	// The detectors have read the text. It may be a warning, which stops the search, or no bounce.
	if err := detectionError(l, &w.Result); err != nil {
		return "", err
	}
	var addrs []string
	switch {
	case verp.Value == "":
		addrs = h.addressesIn(l, w)
		if len(addrs) == 0 && w.second.Kind != beyond.None && w.second.Kind != beyond.Bounce {
			return h.drop(b, e, msg, w.second.Kind)
		}
	case !w.Stop:
		addrs = []string{verp.Value}
	}

	// Nothing to count: a warning, or a detector that knew the report and found no address in it.
	if len(addrs) == 0 && (w.Stop || w.Module != "" && !since(b, emptyIsUnrecognized)) {
		return runner.Discarded, nil
	}

	// No detector knew it: it goes to the owners, where the list wants that.
	if len(addrs) == 0 {
		return h.unrecognized(b, e)
	}

	// The addresses wait until the batch is registered.
	for _, addr := range addrs {
		h.events[b] = append(h.events[b], event{e, addr, maillist.DateOf(e.Seen)})
	}

	// Only the address counts from here on; the message is read again where a notice needs it.
	e.Drop()
	return runner.Registered, nil
}

// probeToken returns the token of the probe that a message answers, or "". pending.pck is only read for an address
// that could be a probe's.
func (h *Handler) probeToken(b runner.Batch, mailbox string, msg *message.Message) (string, error) {
	var unread error
	probe := h.detect.VerpProbe(mailbox, msg, func(token string) bool {
		pend, err := b.Pending()
		if err != nil {
			unread = errors.Join(unread, err)
			return false
		}

		record, _ := pend.Peek(token)
		return record != nil
	})

	if unread != nil {
		return "", unread
	}
	return probe.Value, h.checkVerp(b, probe)
}

// detectionError is why a bounce could not be detected: only Python can tell, or
// Python would raise an exception.
func detectionError(l *maillist.List, r *detect.Result) error {
	if r.NeedPython != "" {
		return &maillist.ErrNeedsPython{List: l.Name(), Reason: r.NeedPython}
	}
	return r.Err
}

// checkVerp logs the lines of a look at the address that a bounce came to, and returns
// its error.
func (h *Handler) checkVerp(b runner.Batch, v detect.Verp) error {
	for _, line := range v.Log {
		b.Log("error", "%s", line)
	}
	if v.NeedPython != "" {
		return &maillist.ErrNeedsPython{List: b.List().Name(), Reason: v.NeedPython}
	}
	return v.Err
}

// Batched registers the bounces that the batch's entries are about
// (BounceMixin._register_bounces). Its error is a runner.Failed with the entries whose
// registration has failed: Mailman's runner would end there and lose its other events.
func (h *Handler) Batched(b runner.Batch) error {
	found := h.events[b]
	delete(h.events, b)
	if len(found) == 0 {
		return nil
	}

	b.Log("bounce", "<%s of mmrunner> processing %d queued bounces", h.Name(), len(found))

	// A batch may be applied twice, when its list has changed: it begins with the same language and clock again.
	if h.first == found[0].entry {
		h.language, h.clock = h.languageBefore, h.clockBefore
	}

	h.first, h.languageBefore, h.clockBefore = found[0].entry, h.language, h.clock
	r := &register{m: membership.New(b, &h.language, h.services), b: b, l: b.List(), clock: &h.clock}
	if h.options.Events != nil {
		r.effects = &[]effect{}
	}

	// Each bounce by itself: one that fails takes back its own changes only.
	r.guard = h.newGuard(b)
	failed := runner.Failed{}
	for _, ev := range found {
		r.entry = ev.entry
		err := runner.Guard(func() error { return r.bounce(ev.addr, ev.entry.Message, ev.day, false) })
		var locked *runner.LockError
		// The lock or the list's state: the whole batch is applied anew.
		switch {
		case errors.As(err, &locked), errors.Is(err, runner.ErrChanged):
			return err
		case err != nil:
			b.UndoAll()
			r.forgetEffects()
			failed[ev.entry] = err
		default:
			b.Save()
			h.recordEffects(r, events.Bounce, ev.entry.Work)
		}
	}

	// With the storm guard, members are disabled at the end, when it is known how many there are.
	if r.guard != nil {
		if err := h.settleGuard(r, failed); err != nil {
			return err
		}
	}

	if len(failed) > 0 {
		return failed
	}

	return nil
}

var (
	textUncaught        = membership.Key("Queue/BounceRunner", "Uncaught bounce notification")
	textUncaughtMessage = membership.Key("Queue/BounceRunner", "The attached message was received as a bounce")
)

// unrecognized sends a bounce in which no address was found to the owners, or drops it (BounceMixin.maybe_forward).
func (h *Handler) unrecognized(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	msg, err := e.Message()
	if err != nil {
		return "", err
	}
	defer e.Drop()
	l := b.List()
	id, ok := msg.Get("message-id")
	if !ok {
		id = "n/a"
	}

	m := membership.New(b, &membership.Language{Lang: e.Data.Str("lang")}, h.services)
	h.record(b, events.Event{Kind: events.Unknown}, e.Work.(*work).reason)
	m.Log("bounce", "%s: bounce message w/no discernable addresses: %s", l.Name(), id)
	// bounce_unrecognized_goes_to_list_owner decides.
	if !l.Bool("bounce_unrecognized_goes_to_list_owner") {
		m.Log("bounce", "%s: discarding unrecognized, message-id: %s", l.Name(), id)
		return runner.Discarded, nil
	}

	body := m.Say(textUncaughtMessage, map[string]any{"adminurl": l.GetScriptURL("admin") + "/bounce"})
	if err := m.ForwardMessage(msg, body, m.Say(textUncaught, nil), false); err != nil {
		return "", err
	}
	m.Log("bounce", "%s: forwarding unrecognized, message-id: %s", l.Name(), id)
	return runner.Forwarded, nil
}
