package membership

import (
	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

const responses = "hold_and_cmd_autoresponses"

// AutorespondToSender is MailList.autorespondToSender: it tells whether to answer an address, which gets as many
// answers a day as MAX_AUTORESPONSES_PER_DAY allows. The last one comes with a notice that no more answers
// follow. Afterwards Mailman speaks lang.
func (m *Manager) AutorespondToSender(sender, lang string) (bool, error) {
	m.language.Set(lang)
	limit := m.s.Int("MAX_AUTORESPONSES_PER_DAY")
	// 0 means no limit, and nothing is counted.
	if limit == 0 {
		return true, nil
	}

	// hold_and_cmd_autoresponses has, by address, the day and the number of answers; -1 once the notice was sent.
	today := maillist.DateOf(m.b.Now())
	answered := func(count pickle.Value) {
		m.l.DictSet(responses, sender, pickle.NewTuple(
			pickle.NewTuple(pickle.Int(today[0]), pickle.Int(today[1]), pickle.Int(today[2])), count))
	}

	date, count := m.answers(sender)
	// The first answer of a day starts the count anew, whatever it was.
	switch {
	case date != today:
		answered(pickle.Int(1))
		return true, nil
	case py.Compare(count, pickle.Int(0)) < 0:
		m.Log("vette", "-request/hold autoresponse discarded for: %s", sender)
		return false, nil
	case py.Compare(count, pickle.Int(limit)) < 0:
		more, err := py.Add(count, pickle.Int(1))
		if err != nil {
			return false, err
		}
		answered(more)
		return true, nil
	}

	// The limit is reached: send the notice and count on from -1, so that it is sent once.
	m.Log("vette", "-request/hold autoresponse limit hit for: %s", sender)
	answered(pickle.Int(-1))
	listname, err := py.Concat(m.attr("real_name"), "@"+m.l.HostName())
	if err != nil {
		return false, err
	}

	// No list is named here: only the site's templates are looked at.
	body, _, err := m.t.Maketext("nomoretoday.txt", i18n.Vars{
		"sender":     sender,
		"listname":   listname,
		"num":        count,
		"owneremail": m.l.GetOwnerEmail(),
	}, lang, nil, false)
	if err != nil {
		return false, err
	}
	n, err := m.UserNotification(sender, m.l.GetOwnerEmail(), m.Say(textNoMoreToday, nil), body, lang)
	if err != nil {
		return false, err
	}

	return false, m.Send(n)
}

// answers returns the day on which an address was last answered, and how often on that day. The count keeps its kind:
// a script may have left a float, which the notice then shows.
func (m *Manager) answers(sender string) (date maillist.Date, count pickle.Value) {
	v, _ := m.l.DictGet(responses, sender)
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) != 2 {
		return date, pickle.Int(0)
	}

	if d, ok := t.Items[0].(*pickle.Tuple); ok && len(d.Items) == len(date) {
		for i := range date {
			date[i], _ = py.ExactInt(d.Items[i])
		}
	}

	return date, t.Items[1]
}
