package bounce

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// probeBounced disables the member whose probe has bounced (BounceMixin._probe_bounce). lang is the language of the
// message's sender.
func (h *Handler) probeBounced(b runner.Batch, lang, token string, w *work) error {
	// The record tells which member the probe was for, and which bounce caused it.
	addr, read, err := takeProbe(b, token)
	if err != nil {
		return err
	}

	// A member whose bounce information is gone gets a new one, in releases that can do without.
	l := b.List()
	info, err := probedInfo(b, addr, since(b, probeWithoutInfo))
	if err == nil && info == nil {
		now := b.Now()
		notices, _ := l.Get("bounce_you_are_disabled_warnings")
		info = maillist.NewBounceInfo(addr, 0.0, maillist.DateOf(now), notices, now.Location())
	}

	if err == nil {
		r := &register{m: membership.New(b, &membership.Language{Lang: lang}, h.services), b: b, l: l, clock: &h.clock}
		if h.options.Events != nil {
			r.effects = &[]effect{}
		}

		done := r.trackEffect(addr, info)
		if err = r.disable(addr, info, read); err == nil {
			done(info)
			h.recordEffects(r, events.Probe, w)
		}
	}

	if errors.Is(err, maillist.ErrNotAMember) && since(b, probeWithoutMember) {
		// The member is gone. Mailman ignores that, and does not save the list.
		b.UndoAll()
		return nil
	}

	if err == nil {
		b.Save()
	}

	return err
}

// takeProbe takes a token's record out of the pending ones, whatever it is for. It returns the member that the probe was
// for, and a reader of the bounce that caused it.
func takeProbe(b runner.Batch, token string) (addr string, read reader, err error) {
	pend, err := b.Pending()
	if err != nil {
		return "", nil, err
	}

	// Pending.confirm takes the record out, so that a second bounce of the probe does nothing.
	record, _, err := pend.Confirm(token)
	switch {
	case errors.Is(err, pending.ErrKey):
		return "", nil, py.KeyError(token)
	case err != nil:
		return "", nil, err
	}

	// Mailman does not check what kind of record it is.
	items, err := py.Unpack(record, 3)
	if err != nil {
		return "", nil, err
	}
	who, ok := py.StringOf(items[1])
	if !ok {
		return "", nil, py.NoAttribute(items[1], "lower")
	}

	return who, func() (*message.Message, error) {
		in, ok := items[2].(*pickle.Instance)
		if !ok {
			return nil, py.NoAttribute(items[2], "get")
		}
		return message.FromPickle(in)
	}, nil
}

// probedInfo returns a member's bounce information. It returns nil where Mailman makes a new one, and an exception where
// Mailman takes another value for one.
func probedInfo(b runner.Batch, addr string, mayLack bool) (*maillist.BounceInfo, error) {
	l := b.List()
	info, err := l.GetBounceInfo(addr)
	if err != nil {
		return nil, err
	}
	if info != nil {
		return info, nil
	}

	// bounce_info has no BounceInfo for the member, but may have something else.
	other := l.OtherBounceInfo(addr)
	if mayLack && !py.Truth(other) {
		return nil, nil
	}

	// Mailman makes the cookie before the exception.
	pend, err := b.Pending()
	if err == nil {
		_, err = pend.New(pending.ReEnable, pickle.Str(l.Name()), pickle.Str(addr))
	}

	if err != nil {
		return nil, err
	}

	return nil, py.NoAttribute(other, "cookie")
}
