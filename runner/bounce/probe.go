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

// probeBounced disables the member whose probe came back (BounceMixin._probe_bounce).
// lang is the language of the message's sender.
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

	record, _, err := pend.Confirm(token)
	switch {
	case errors.Is(err, pending.ErrKey):
		return "", nil, py.KeyError(token)
	case err != nil:
		return "", nil, err
	}

	// Mailman does not ask what kind of record it is.
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

// probedInfo is a member's bounce info. There is none where Mailman makes it up
// afresh, and an exception where it would take something else for it.
func probedInfo(b runner.Batch, addr string, mayLack bool) (*maillist.BounceInfo, error) {
	l := b.List()
	info, err := l.GetBounceInfo(addr)
	if err != nil {
		return nil, err
	}
	if info != nil {
		return info, nil
	}

	other := l.OtherBounceInfo(addr)
	if mayLack && !py.Truth(other) {
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

	return nil, py.NoAttribute(other, "cookie")
}
