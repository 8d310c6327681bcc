package bounce

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/zone"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// register counts bounces against the members of one list, as Bouncer.py.
type register struct {
	m *membership.Manager
	b runner.Batch
	l *maillist.List
	// clock is the process's mktime.
	clock *zone.Mktime

	effects  *[]effect // nil where no events are recorded
	followed string    // of the present bounce: events.Disabled, Probed, Removed or ""
	guard    *guard    // nil without a guard
	entry    *runner.Entry
}

// reader reads the bounce. Only a notice that encloses the bounce needs it.
type reader func() (*message.Message, error)

// weight is added to a score by each bounce.
const weight = 1.0

var (
	textIncremented = membership.Key("Bouncer", "bounce score incremented")
	textDisabled    = membership.Key("Bouncer", "disabled")
	textAction      = membership.Key("Bouncer", "Bounce action notification")
	textLastBounce  = membership.Key("Bouncer", " The last bounce received from you was dated")
	textProbe       = membership.Key("Deliverer", "%(listname)s mailing list probe message")

	textReasons = map[maillist.Status]membership.TextKey{
		maillist.ByBounce: membership.Key("Bouncer", "due to excessive bounces"),
		maillist.ByUser:   membership.Key("Bouncer", "by yourself"),
		maillist.ByAdmin:  membership.Key("Bouncer", "by the list administrator"),
	}
	textUnknownReason = membership.Key("Bouncer", "for unknown reasons")
)

// removedWhence stands in the log for a removed member.
const removedWhence membership.Whence = "disabled address"

// bounce registers one bounce of one address on one day (Bouncer.registerBounce). included is set for a list that
// the bounce reached through another list that includes it.
func (r *register) bounce(member string, read reader, day maillist.Date, included bool) error {
	// The address of no member of this list may be a member of a list that this one includes.
	if !r.l.IsMember(member) {
		if included {
			return nil
		}
		return r.includedLists(member, read, day)
	}

	// The member's bounce information, and whether delivery is on.
	info, err := r.l.GetBounceInfo(member)
	if err != nil {
		return err
	}
	status, err := r.l.GetDeliveryStatus(member)
	if err != nil {
		return err
	}

	done := r.trackEffect(member, info)
	// The member is disabled already: mail that was on its way still bounces.
	if info != nil && status != maillist.Enabled {
		r.m.Log("bounce", "%s: %s residual bounce received", r.l.Name(), member)
		done(info)
		return nil
	}

	// The score: at most one bounce counts each day, and old ones go stale.
	before := info != nil && r.reached(info)
	info, firstToday, err := r.addBounce(member, info, day)
	if err != nil {
		return err
	}

	// What follows: a probe, a disabled member, or a notice to the owner that the score has grown.
	switch over := r.reached(info); {
	case over && r.b.Site().Bool("VERP_PROBES"):
		r.m.Log("bounce", "sending %s list probe to: %s (score %s >= %s)", r.l.Name(), member, score(info), r.threshold())
		if err := r.probe(member, read); err != nil {
			return err
		}
		info.Reset(pickle.Int(0), info.Date, info.NoticesLeft, r.b.Now().Location())
		r.followed = events.Probed
	// The storm guard decides about all members of the batch together, in settleGuard.
	case over && r.guard != nil:
		r.guard.add(&candidate{member, info, read, done, before, r.entry, reasonOf(r.entry, member)})
		return r.l.SetBounceInfo(member, info)
	case over:
		if err := r.disable(member, info, read); err != nil {
			return err
		}

		// disable has sent a notice, which counts down in the list's own copy of the information.
		if r.l.IsMember(member) {
			if info, err = r.l.GetBounceInfo(member); err != nil {
				return err
			}
		}
	case since(r.b, incrementsToOwner) && r.l.Bool("bounce_notify_owner_on_bounce_increment") && firstToday:
		if err := r.tellOwner(member, read, r.m.Say(textIncremented, nil)); err != nil {
			return err
		}
	}

	// The last notice may have removed the member. Otherwise the new score is kept.
	done(info)
	if r.l.IsMember(member) {
		return r.l.SetBounceInfo(member, info)
	}

	return nil
}

// addBounce adds a bounce to a member's score, once a day. The score begins anew without bounce information, or where
// the last bounce is older than bounce_info_stale_after. firstToday is false for another bounce of the same day.
func (r *register) addBounce(member string, info *maillist.BounceInfo, day maillist.Date) (_ *maillist.BounceInfo, firstToday bool, err error) {
	here := r.b.Now().Location()
	notices, _ := r.l.Get("bounce_you_are_disabled_warnings")
	// The first bounce.
	if info == nil {
		info = maillist.NewBounceInfo(member, weight, day, notices, here)
		r.m.Log("bounce", "%s: %s bounce score: %s", r.l.Name(), member, score(info))
		return info, true, nil
	}

	// Many posts may bounce on one day; that counts as one.
	if info.Date == day {
		r.m.Log("bounce", "%s: %s already scored a bounce for date %s", r.l.Name(), member, dayMonthYear(day))
		return info, false, nil
	}

	// Bounces that lie far apart are not added up.
	stale, err := r.isStale(info, day)
	if err != nil {
		return nil, false, err
	}
	if stale {
		info.Reset(weight, day, notices, here)
		r.m.Log("bounce", "%s: %s has stale bounce info, resetting", r.l.Name(), member)
		return info, true, nil
	}

	if err := info.AddScore(weight); err != nil {
		return nil, false, err
	}
	info.Date = day
	r.m.Log("bounce", "%s: %s current bounce score: %s", r.l.Name(), member, score(info))
	return info, true, nil
}

// isStale tells whether a member's last bounce is so long before day that the score begins anew.
func (r *register) isStale(info *maillist.BounceInfo, day maillist.Date) (bool, error) {
	now, err := r.midnight(day)
	if err != nil {
		return false, err
	}
	last, err := r.midnight(info.Date)
	if err != nil {
		return false, err
	}

	after, _ := r.l.Get("bounce_info_stale_after")
	until, err := py.Add(last, after)
	return err == nil && py.Compare(until, now) < 0, err
}

// reached tells whether a score has reached the list's threshold.
func (r *register) reached(info *maillist.BounceInfo) bool {
	threshold, _ := r.l.Get("bounce_score_threshold")
	return py.Compare(info.Score, threshold) >= 0
}

// includedLists counts a bounce of an address that is no member of this list against the lists that this one includes,
// one level deep.
func (r *register) includedLists(member string, read reader, day maillist.Date) error {
	v, _ := r.l.Get("regular_include_lists")
	items, _ := py.Items(v)
	var errs []error
	// Each item is the posting address of a list.
	for _, item := range items {
		addr, _ := py.StringOf(item)
		name, _, ok := strings.Cut(addr, "@")
		if !ok || strings.Count(addr, "@") != 1 {
			errs = append(errs, py.Errorf("ValueError", "the included list %s is no NAME@HOST", pickle.Repr(item, 80)))
			continue
		}

		// The included list takes part in the transaction: both are saved, or neither.
		name = py.Lower(name)
		if name == r.l.Name() {
			r.b.Log("error", "Bouncer: %s: Include list self reference", name)
			continue
		}
		other, err := r.b.With(name)
		if errors.Is(err, maillist.ErrUnknownList) {
			r.b.Log("error", "Bouncer: %s: Include list \"%s\" not found.", r.l.Str("real_name"), name)
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}

		// The included list's own register counts the bounce. It has no storm guard.
		m, err := r.m.On(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := (&register{m: m, b: other, l: other.List(), clock: r.clock, effects: r.effects}).bounce(member, read, day, true); err != nil {
			errs = append(errs, err)
			continue
		}

		other.Save()
	}

	return errors.Join(errs...)
}

// disable stops delivery to a member, with notices to the member and to the owner (Bouncer.disableBouncingMember).
func (r *register) disable(member string, info *maillist.BounceInfo, read reader) error {
	// The cookie lets the member come back; the notices carry it.
	pend, err := r.b.Pending()
	if err != nil {
		return err
	}
	if info.Cookie, err = pend.New(pending.ReEnable, pickle.Str(r.l.Name()), pickle.Str(member)); err != nil {
		return err
	}
	if err := r.l.SetBounceInfo(member, info); err != nil {
		return err
	}

	if r.b.Site().Bool("VERP_PROBES") {
		r.m.Log("bounce", "%s: %s disabling due to probe bounce received", r.l.Name(), member)
	} else {
		r.m.Log("bounce", "%s: %s disabling due to bounce score %s >= %s", r.l.Name(), member, score(info), r.threshold())
	}

	if err := r.l.SetDeliveryStatus(member, maillist.ByBounce); err != nil {
		return err
	}

	// The first notice goes out at once, later ones from cron/disabled.
	r.followed = events.Disabled
	if err := r.nextNotice(member); err != nil {
		return err
	}
	if r.l.Bool("bounce_notify_owner_on_disable") {
		return r.tellOwner(member, read, r.disabled())
	}

	return nil
}

// disabled returns the word for a disabled member in a notice.
func (r *register) disabled() string {
	if since(r.b, disabledInFirstLanguage) && !since(r.b, disabledInPresentLanguage) {
		before := r.m.Language().Set("")
		defer r.m.Language().Set(before)
	}
	return r.m.Say(textDisabled, nil)
}

// remove removes a member that has no notices left.
func (r *register) remove(member string, info *maillist.BounceInfo, reason maillist.Status) error {
	yes, notify := true, r.l.Bool("bounce_notify_owner_on_removal")
	err := r.m.ApprovedDeleteMember(member, membership.DeleteOptions{Whence: removedWhence, AdminNotif: &notify, UserAck: &yes})
	if err != nil {
		return err
	}

	// The cookie goes with the member.
	pend, err := r.b.Pending()
	if err != nil {
		return err
	}
	if _, _, err := pend.Confirm(info.Cookie); err != nil {
		return err
	}

	r.followed = events.Removed
	if reason == maillist.ByBounce {
		r.m.Log("bounce", "%s: %s deleted after exhausting notices", r.l.Name(), member)
	}

	name := map[maillist.Status]string{maillist.ByBounce: "BYBOUNCE", maillist.ByUser: "BYUSER",
		maillist.ByAdmin: "BYADMIN", maillist.Unknown: "UNKNOWN"}[reason]
	if name == "" {
		name = "invalid value"
	}

	r.m.Log("subscribe", "%s: %s auto-unsubscribed [reason: %s]", r.l.Name(), member, name)
	return nil
}

// midnight returns when a day begins, in seconds since 1970 (Utils.midnight).
func (r *register) midnight(d maillist.Date) (float64, error) {
	at, ok := r.clock.Midnight(d[0], d[1], d[2], r.b.Now().Location())
	if !ok {
		return 0, &py.Error{Class: "OverflowError", Text: "mktime argument out of range"}
	}
	return float64(at), nil
}
