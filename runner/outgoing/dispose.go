package outgoing

import (
	"regexp"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/smtplib"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// finish is the end of SMTPDirect.process, after its connection is closed, and
// OutgoingRunner._dispose after that: the log, and what becomes of recipients that
// were refused. The error is an exception that Mailman would not have caught.
func (d *delivery) finish(h *Handler) error {
	d.data.Delete("undelivered")
	whole, err := d.msg.AsString(false, true)
	if err != nil {
		return err
	}

	vars := i18n.Vars{
		"time": d.took.Seconds(), "size": len(whole), "#recips": len(d.recips), "#refused": d.refused.Len(),
		"listname": d.l.Name(), "sender": d.from,
	}

	d.log("SMTP_LOG_EVERY_MESSAGE", vars)
	if d.refused.Len() > 0 {
		d.log("SMTP_LOG_REFUSED", vars)
	} else if d.data.True("tolist") {
		d.log("SMTP_LOG_SUCCESS", vars)
	}

	var later, never []string
	for _, recip := range d.refused.Recipients() {
		r := d.refused.Reply(recip)
		if permanent(r) {
			never = append(never, recip)
		} else {
			later = append(later, recip)
		}

		vars["recipient"], vars["failcode"], vars["failmsg"] = recip, r.Code, r.Text
		d.log("SMTP_LOG_EACH_FAILURE", vars)
	}

	d.flushLogs()
	if token := d.data.Str("probe_token"); token != "" && len(never) > 0 {
		return d.probeRefused(h, token, d.refused.Reply(never[0]))
	}

	for i, recip := range never {
		// In the order of the queue, whatever lists took turns before.
		at := qfile.Arrival(d.e.Base) + float64(i)*1e-5
		d.b.Enqueue(bounce.RefusedQueue, d.msg, bounce.RefusedRecipient(d.l.Name(), recip, d.refused.Reply(recip), at, d.b.Now()))
	}

	if len(later) > 0 {
		return d.retry(later)
	}

	return nil
}

// probeRefused has the member disabled whose probe was refused, as soon as the batch
// is committed. Mailman fails on a token that is not pending.
func (d *delivery) probeRefused(h *Handler, token string, reply smtplib.Reply) error {
	pend, err := d.b.Pending()
	if err != nil {
		return err
	}
	if _, ok := pend.Peek(token); !ok || h.probes[token] != "" && h.probes[token] != d.e.Base {
		return &py.Error{Class: "TypeError", Text: "'NoneType' object is not iterable"}
	}

	h.probes[token] = d.e.Base
	d.b.Enqueue(bounce.RefusedQueue, d.msg, bounce.RefusedProbe(d.data, token, reply))
	return nil
}

// permanent tells whether a recipient is refused for good. 552 is said where 452 is
// meant (RFC 5321, 4.5.3.1.10).
func permanent(r smtplib.Reply) bool { return r.Code >= 500 && r.Code != 552 }

// The release in which the retry queue waits for DELIVERY_RETRY_WAIT.
const retryWaits = "DELIVERY_RETRY_WAIT"

// retry puts the message into the retry queue, for those who may take it later,
// unless that was tried for long enough in vain.
func (d *delivery) retry(recips []string) error {
	now := maillist.Seconds(d.b.Now())
	until, ok := d.data.Get("deliver_until")
	if !ok {
		until = now
	}

	last, ok := d.data.Get("last_recip_count")
	if !ok {
		last = pickle.Int(0)
	}

	if py.Compare(last, pickle.Int(len(recips))) == 0 {
		if py.Compare(now, until) > 0 {
			return nil
		}
	} else {
		until = now + d.b.Site().Float("DELIVERY_RETRY_PERIOD")
	}

	if d.setsDeliverAfter() {
		d.data.Set("deliver_after", now+d.b.Site().Float(retryWaits))
	}

	d.data.Set("last_recip_count", len(recips))
	d.data.Set("deliver_until", until)
	list := pickle.NewList()
	for _, recip := range recips {
		list.Items = append(list.Items, d.valueOf(recip))
	}
	d.data.Set("recips", list)
	d.b.Enqueue("retry", d.msg, d.data)

	return nil
}

// setsDeliverAfter tells whether the installed OutgoingRunner keeps what is in the
// retry queue from being tried too soon.
func (d *delivery) setsDeliverAfter() bool { return d.since(27) }

// valueOf is a recipient as the entry had it, str or unicode.
func (d *delivery) valueOf(recip string) pickle.Value {
	for _, v := range d.recips {
		if py.Raw(v) == recip {
			return v
		}
	}
	return pickle.Str(recip)
}

// flushLogs writes what was logged under way.
func (d *delivery) flushLogs() {
	for _, l := range d.logs {
		d.b.Log(l.Log, "%s", l.Text)
	}
	d.logs = nil
}

// messageName is a name in a log's format that stands for a field of the message.
var messageName = regexp.MustCompile(`%\((all)?msg_([^)]*)\)`)

// log writes the line that a setting asks for, a pair of log and format.
func (d *delivery) log(setting string, vars i18n.Vars) {
	log, format, ok := logSetting(d.b.Site(), setting)
	if !ok {
		return
	}

	// MsgSafeDict.
	for _, m := range messageName.FindAllStringSubmatch(py.Raw(format), -1) {
		name := m[1] + "msg_" + m[2]
		switch all := d.msg.GetAll(m[2]); {
		case len(all) == 0:
			vars[name] = "n/a"
		case m[1] == "all":
			vars[name] = strings.Join(all, ", ")
		default:
			vars[name] = all[0]
		}
	}

	filled, err := i18n.SafeInterp(format, vars)
	if err != nil {
		filled = "Bad format \"" + py.Raw(format) + "\": " + err.Error()
	}

	d.logs = append(d.logs, line(log, "%s", membership.Latin1(filled)))
}

// logSetting is one of the SMTP_LOG settings; false if it is switched off.
func logSetting(s *site.Site, name string) (log string, format i18n.Text, ok bool) {
	v, _ := s.Value(name)
	items, ok := py.Items(v)
	if !ok || len(items) != 2 {
		return "", nil, false
	}
	log, ok = py.StringOf(items[0])
	return log, items[1], ok
}
