package bounce

import (
	"errors"
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// probeFrames are the places that an exception of _probe_bounce passes.
func probeFrames(code string, inner ...membership.Frame) []membership.Frame {
	return append([]membership.Frame{
		{Module: "Queue/BounceRunner", Function: "_dispose", Code: "self._probe_bounce(mlist, token)"},
		{Module: "Queue/BounceRunner", Function: "_probe_bounce", Code: code},
	}, inner...)
}

// probeBounced disables the member whose probe came back (BounceMixin._probe_bounce).
// lang is the language of the one who sent it back.
func (h *Handler) probeBounced(b runner.Batch, lang, token string, w *work) error {
	addr, read, err := takeProbe(b, token)
	if err != nil {
		return err
	}
	l := b.List()
	info, err := probedInfo(b, addr, since(b, probeWithoutInfo))
	if err == nil && info == nil {
		now := b.Now()
		notices, _ := l.Get("bounce_you_are_disabled_warnings")
		info = maillist.NewBounceInfo(addr, 0.0, maillist.DateOf(now), notices, now.Location())
	}
	if err == nil {
		r := &register{m: membership.New(b, &membership.Voice{Lang: lang}, h.world), b: b, l: l, clock: &h.clock}
		if h.options.Events != nil {
			r.deeds = &[]deed{}
		}
		done := r.begin(addr, info)
		if err = r.disable(addr, info, read); err == nil {
			done(info)
			h.recordDeeds(r, events.Probe, w)
		}
	}
	if errors.Is(err, maillist.ErrNotAMember) && since(b, probeWithoutMember) {
		// Mailman takes no notice, but does not save either.
		b.UndoAll()
		return nil
	}
	if err == nil {
		b.Save()
	}
	return err
}

// takeProbe takes a token's record out of the pending ones, whatever it is for,
// and out of it whom a probe was sent and because of what bounce.
func takeProbe(b runner.Batch, token string) (addr string, read reader, err error) {
	pend, err := b.Pending()
	if err != nil {
		return "", nil, err
	}
	const confirm = "op, addr, bmsg = mlist.pend_confirm(token)"
	raise := func(kind, text string, inner ...membership.Frame) error {
		return membership.At(&message.PyError{Kind: kind, Text: text}, probeFrames(confirm, inner...)...)
	}
	record, _, err := pend.Confirm(token)
	switch {
	case errors.Is(err, pending.ErrKey):
		return "", nil, raise("KeyError", "'"+token+"'", membership.Frame{Module: "Pending", Function: "pend_confirm", Code: "del db['evictions'][cookie]"})
	case err != nil:
		return "", nil, err
	}
	// Mailman does not ask what kind of record it is.
	items, ok := maillist.Sequence(record)
	switch {
	case !ok:
		return "", nil, raise("TypeError", "'"+maillist.TypeName(record)+"' object is not iterable")
	case len(items) > 3:
		return "", nil, raise("ValueError", "too many values to unpack")
	case len(items) == 1:
		return "", nil, raise("ValueError", "need more than 1 value to unpack")
	case len(items) < 3:
		return "", nil, raise("ValueError", fmt.Sprintf("need more than %d values to unpack", len(items)))
	}
	who, ok := maillist.Text(items[1])
	if !ok {
		return "", nil, raise("AttributeError", "'"+maillist.TypeName(items[1])+"' object has no attribute 'lower'")
	}
	return who, func() (*message.Message, error) {
		in, ok := items[2].(*pickle.Instance)
		if !ok {
			return nil, errors.New("AttributeError: the pending record has no message")
		}
		return message.FromPickle(in)
	}, nil
}

// probedInfo is a member's bounce info. There is none where Mailman makes it up
// afresh, and an exception where it would take something else for it.
func probedInfo(b runner.Batch, addr string, mayLack bool) (*maillist.BounceInfo, error) {
	l := b.List()
	info, err := l.GetBounceInfo(addr)
	if err != nil {
		return nil, membership.At(err, probeFrames("info = mlist.getBounceInfo(addr)",
			membership.Frame{Module: "OldStyleMemberships", Function: "getBounceInfo", Code: "self.__assertIsMember(member)", Nth: membership.Within},
			membership.Frame{Module: "OldStyleMemberships", Function: "__assertIsMember", Code: "raise Errors.NotAMemberError, member", Nth: membership.Within})...)
	}
	if info != nil {
		return info, nil
	}
	other := l.OtherBounceInfo(addr)
	if mayLack && !maillist.Truth(other) {
		return nil, nil
	}
	// Mailman has made the cookie before it finds out.
	pend, err := b.Pending()
	if err == nil {
		_, err = pend.New(pending.ReEnable, pickle.Str(l.Name()), pickle.Str(addr))
	}
	if err != nil {
		return nil, err
	}
	return nil, membership.At(&message.PyError{Kind: "AttributeError", Text: "'" + maillist.TypeName(other) + "' object has no attribute 'cookie'"},
		probeFrames("mlist.disableBouncingMember(addr, info, bmsg)",
			membership.Frame{Module: "Bouncer", Function: "disableBouncingMember", Code: "info.cookie = cookie"})...)
}
