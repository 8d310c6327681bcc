package bounce

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// tellOwner sends the owner a notice with the bounce (__sendAdminBounceNotice).
func (r *register) tellOwner(member string, read reader, did string) error {
	msg, err := read()
	if err != nil {
		return err
	}

	owner := r.l.GetSiteEmail("")
	lang := r.l.Str("preferred_language")
	body, err := r.m.Maketext("bounce.txt", i18n.Vars{
		"listname": membership.Attr(r.l, "real_name"), "addr": member, "negative": "", "did": did,
		"but": "", "reenable": "", "owneraddr": owner,
	}, "")
	if err != nil {
		return err
	}
	n, err := r.m.UserNotification(r.l.GetOwnerEmail(), owner, r.m.Say(textAction, nil), nil, lang)
	if err != nil {
		return err
	}
	if err := r.m.Enclose(n, body, lang, msg); err != nil {
		return err
	}

	return r.m.Send(n)
}

// nextNotice tells a disabled member how to come back, or removes a member whose notices are used up
// (Bouncer.sendNextNotification).
func (r *register) nextNotice(member string) error {
	// Its bounce information has the number of notices left, and the cookie to come back with.
	info, err := r.l.GetBounceInfo(member)
	if err != nil || info == nil {
		return err
	}

	reason, err := r.l.GetDeliveryStatus(member)
	if err != nil {
		return err
	}
	if py.Compare(info.NoticesLeft, pickle.Int(0)) <= 0 {
		return r.remove(member, info, reason)
	}

	// The reason why it is disabled, in the member's language.
	lang := r.l.GetMemberLanguage(member)
	k, ok := textReasons[reason]
	if !ok {
		k = textUnknownReason
	}

	why := r.m.Say(k, nil)
	if reason == maillist.ByBounce {
		// The date of the last bounce. Where a time zone has no midnight on that day, it may come out as the day before.
		at, err := r.midnight(info.Date)
		if err != nil {
			return err
		}

		last := maillist.DateOf(time.Unix(int64(at), 0).In(r.b.Now().Location()))
		why += r.m.Say(textLastBounce, i18n.Vars{"date": dayMonthYear(last)})
	}

	// The notice itself, with the cookie in a link.
	password, err := r.l.GetMemberPassword(member)
	if err != nil {
		return err
	}

	body, err := r.m.Maketext("disabled.txt", i18n.Vars{
		"listname": membership.Attr(r.l, "real_name"), "noticesleft": info.NoticesLeft,
		"confirmurl": r.l.GetScriptURL("confirm") + "/" + info.Cookie,
		"optionsurl": r.l.GetOptionsURL(member, false), "password": password,
		"owneraddr": r.l.GetOwnerEmail(), "reason": why,
	}, lang)
	if err != nil {
		return err
	}
	n, err := r.m.UserNotification(member, r.l.GetRequestEmail(""), nil, body, lang)
	if err != nil {
		return err
	}

	// A plain subject and not a Header: the member's answer is read for these words.
	n.Del("subject")
	n.Set("Subject", "confirm "+info.Cookie)
	// Releases before 2.1.15 sent the notice with Precedence: bulk.
	send := r.m.SendWithoutPrecedence

	if !since(r.b, noticeWithoutPrecedence) {
		send = func(n *message.Notification) error { return r.m.Send(n) }
	}

	if err := send(n); err != nil {
		return err
	}

	// The count goes down only when the notice is on its way.
	if err := info.CountNotice(); err != nil {
		return err
	}
	info.LastNotice = maillist.DateOf(r.b.Now())
	return r.l.SetBounceInfo(member, info)
}

// probe sends a member a message whose bounce tells whether the address is dead (Deliverer.sendProbe).
func (r *register) probe(member string, read reader) error {
	// The bounce is read again: it goes into the probe, and into the pending record.
	msg, err := read()
	if err != nil {
		return err
	}

	lang := r.l.GetMemberLanguage(member)
	realname := membership.Attr(r.l, "real_name")
	body, err := r.m.Maketext("probe.txt", i18n.Vars{"listname": realname, "address": member,
		"optionsurl": r.l.GetOptionsURL(member, false), "owneraddr": r.l.GetOwnerEmail()}, lang)
	if err != nil {
		return err
	}

	// The record under the token keeps the member and the bounce until the probe bounces.
	pend, err := r.b.Pending()
	if err != nil {
		return err
	}
	token, err := pend.New(pending.ProbeBounce, pickle.Str(member), msg.ToPickle())
	if err != nil {
		return err
	}

	// The envelope sender has the token in it (VERP_PROBE_FORMAT), so the probe's bounce names it.
	local, err := i18n.SafeInterp(r.b.Site().Str("VERP_PROBE_FORMAT"),
		i18n.Vars{"bounces": r.l.Name() + "-bounces", "token": token})
	if err != nil {
		return err
	}

	// The subject is in the member's language; what follows is not.
	sender := local.(string) + "@" + r.l.HostName()
	before := r.m.Language().Set(lang)
	subject := r.m.Say(textProbe, i18n.Vars{"listname": realname})
	r.m.Language().Set(before)
	n, err := r.m.UserNotification(member, sender, subject, nil, lang)
	if err != nil {
		return err
	}

	// The probe encloses the bounce, so that the member sees what happened.
	if err := r.m.Enclose(n, body, lang, msg); err != nil {
		return err
	}

	// verp is off: the sender is the probe's own already.
	return r.m.Send(n, message.Attr{Name: "envsender", Value: pickle.Str(sender)},
		message.Attr{Name: "verp", Value: false}, message.Attr{Name: "probe_token", Value: pickle.Str(token)})
}

// shown is a value as Python's %s shows it.
func shown(v pickle.Value) i18n.Text {
	t, err := i18n.SafeInterp("%(value)s", i18n.Vars{"value": v})
	if err != nil {
		return err.Error()
	}
	return t
}

func score(info *maillist.BounceInfo) i18n.Text { return shown(info.Score) }

func (r *register) threshold() i18n.Text {
	v, _ := r.l.Get("bounce_score_threshold")
	return shown(v)
}

// dayMonthYear is strftime's %d-%b-%Y.
func dayMonthYear(d maillist.Date) string {
	return time.Date(d[0], time.Month(d[1]), d[2], 0, 0, 0, 0, time.UTC).Format("02-Jan-2006")
}
