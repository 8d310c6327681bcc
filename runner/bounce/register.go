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

	effects *[]effect // what was done to members; nil where no events are recorded
	then    string    // what followed for the member at hand
	guard   *guard    // of the list; nil if it has none
	entry   *runner.Entry
}

// reader gives the bounce, which is only wanted where a notice encloses it.
type reader func() (*message.Message, error)

// weight is what one bounce adds to a score.
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

// removedWhence is what the log says of a member who is removed.
const removedWhence membership.Whence = "disabled address"

// bounce is registerBounce: one bounce of one address on one day. included is
// set for a list that the bounce came to by way of another that includes it.
func (r *register) bounce(member string, read reader, day maillist.Date, included bool) error {
	if !r.l.IsMember(member) {
		if included {
			return nil
		}
		return r.includedLists(member, read, day)
	}

	info, err := r.l.GetBounceInfo(member)
	if err != nil {
		return err
	}
	status, err := r.l.GetDeliveryStatus(member)
	if err != nil {
		return err
	}

	here := r.b.Now().Location()
	notices, _ := r.l.Get("bounce_you_are_disabled_warnings")
	firstToday := true
	done := r.begin(member, info)
	threshold, _ := r.l.Get("bounce_score_threshold")
	before := info != nil && py.Compare(info.Score, threshold) >= 0

	switch {
	case info == nil:
		info = maillist.NewBounceInfo(member, weight, day, notices, here)
		r.m.Log("bounce", "%s: %s bounce score: %s", r.l.Name(), member, score(info))
	case status != maillist.Enabled:
		r.m.Log("bounce", "%s: %s residual bounce received", r.l.Name(), member)
		done(info)
		return nil
	case info.Date == day:
		firstToday = false
		r.m.Log("bounce", "%s: %s already scored a bounce for date %s", r.l.Name(), member, dayMonthYear(day))
	default:
		now, err := r.midnight(day)
		if err != nil {
			return err
		}

		last, err := r.midnight(info.Date)
		if err != nil {
			return err
		}
		after, _ := r.l.Get("bounce_info_stale_after")
		stale, err := py.Add(last, after)
		if err != nil {
			return err
		}

		if py.Compare(stale, now) < 0 {
			info.Reset(weight, day, notices, here)
			r.m.Log("bounce", "%s: %s has stale bounce info, resetting", r.l.Name(), member)
			break
		}

		if err := info.AddScore(weight); err != nil {
			return err
		}
		info.Date = day
		r.m.Log("bounce", "%s: %s current bounce score: %s", r.l.Name(), member, score(info))
	}

	switch over := py.Compare(info.Score, threshold) >= 0; {
	case over && r.b.Site().Bool("VERP_PROBES"):
		r.m.Log("bounce", "sending %s list probe to: %s (score %s >= %s)", r.l.Name(), member, score(info), r.threshold())
		if err := r.probe(member, read); err != nil {
			return err
		}
		info.Reset(pickle.Int(0), info.Date, info.NoticesLeft, here)
		r.then = events.Probed
	case over && r.guard != nil:
		r.guard.add(&candidate{member, info, read, done, before, r.entry, reasonOf(r.entry, member)})
		return r.l.SetBounceInfo(member, info)
	case over:
		if err := r.disable(member, info, read); err != nil {
			return err
		}

		// The notices have counted down in the list's own copy.
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

	done(info)
	if r.l.IsMember(member) {
		return r.l.SetBounceInfo(member, info)
	}

	return nil
}

// includedLists counts a bounce of no member against the lists that this one
// includes, one level deep.
func (r *register) includedLists(member string, read reader, day maillist.Date) error {
	v, _ := r.l.Get("regular_include_lists")
	items, _ := py.Items(v)
	var errs []error
	for _, item := range items {
		addr, _ := py.StringOf(item)
		name, _, ok := strings.Cut(addr, "@")
		if !ok || strings.Count(addr, "@") != 1 {
			errs = append(errs, py.Errorf("ValueError", "the included list %s is no NAME@HOST", pickle.Repr(item, 80)))
			continue
		}

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

// disable stops delivery to a member and tells him and the owner
// (disableBouncingMember).
func (r *register) disable(member string, info *maillist.BounceInfo, read reader) error {
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
	r.then = events.Disabled
	if err := r.nextNotice(member); err != nil {
		return err
	}
	if r.l.Bool("bounce_notify_owner_on_disable") {
		return r.tellOwner(member, read, r.disabled())
	}

	return nil
}

// disabled is the word for what was done to a member.
func (r *register) disabled() string {
	if since(r.b, disabledInNewVoice) && !since(r.b, disabledInVoice) {
		before := r.m.Language().Set("")
		defer r.m.Language().Set(before)
	}
	return r.m.Say(textDisabled, nil)
}

// remove takes a member off the list once no notices are left.
func (r *register) remove(member string, info *maillist.BounceInfo, reason maillist.Status) error {
	yes, notify := true, r.l.Bool("bounce_notify_owner_on_removal")
	err := r.m.ApprovedDeleteMember(member, membership.DeleteOptions{Whence: removedWhence, AdminNotif: &notify, UserAck: &yes})
	if err != nil {
		return err
	}

	pend, err := r.b.Pending()
	if err != nil {
		return err
	}
	if _, _, err := pend.Confirm(info.Cookie); err != nil {
		return err
	}

	r.then = events.Removed
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

// midnight is Utils.midnight: when a day begins, in seconds since 1970.
func (r *register) midnight(d maillist.Date) (float64, error) {
	at, ok := r.clock.Midnight(d[0], d[1], d[2], r.b.Now().Location())
	if !ok {
		return 0, &py.Error{Class: "OverflowError", Text: "mktime argument out of range"}
	}
	return float64(at), nil
}
