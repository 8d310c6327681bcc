package command

import (
	"math"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// notes tell whom the Replybot has answered, and until when it does not answer again
// no more.
//
// From release 2.1.15 on, Mailman reads a list again when it takes its lock in
// the second in which the list was saved, and thereby loses the note that it
// has just made: it answers each message of a quick series. What waits in the
// queue together is such a series, in however many batches it is handled. So its
// senders are answered as they would be by Mailman, but the notes themselves are
// kept for the days to come.
//
// A note that Mailman would have lost has no fraction of a second, as one in a
// million of Mailman's own has by chance. It is as good as any other to what came
// after it was made, and does not count for what had been waiting by then.
type notes struct {
	lose    bool    // the next note is one that Mailman loses
	can     bool    // it is one of the releases that do
	arrived float64 // when the entry at hand came, in seconds since 1970
}

// newNotes is for a batch that begins with an entry that came then.
func newNotes(b runner.Batch, arrived float64) *notes {
	can := since(b.Site(), listIsReread)
	l := b.List()
	return &notes{
		can:     can,
		lose:    can && (!l.SavedAt().Before(b.Now().Truncate(time.Second)) || answeredSince(l, arrived)),
		arrived: arrived,
	}
}

// answeredSince tells whether the list has sent an answer after a time: what came
// before has waited in a series that is being handled.
func answeredSince(l *maillist.List, when float64) bool {
	if !l.Bool(requestReplies.enabled) {
		return false
	}
	grace := grace(l)
	for _, v := range l.DictAll(requestReplies.responses) {
		if until := seconds(v); until > 0 && until-grace > when {
			return true
		}
	}

	return false
}

// grace is how long a sender is not answered again, in seconds.
func grace(l *maillist.List) float64 { return l.Float("autoresponse_graceperiod") * 24 * 60 * 60 }

// saved tells that Mailman would have saved the list just now.
func (n *notes) saved() { n.lose = n.can }

// quietUntil is until when a sender is not answered again, in seconds since
// 1970; 0 if nothing is noted that Mailman would know of.
func (n *notes) quietUntil(l *maillist.List, responses, sender string) float64 {
	v, _ := l.DictGet(responses, sender)
	until := seconds(v)
	if n.can && until == math.Trunc(until) && n.arrived < until-grace(l) {
		return 0
	}
	return until
}

// set notes until when a sender is not answered again, now being the time.
func (n *notes) set(l *maillist.List, responses, sender string, now, until float64) {
	if n.lose {
		if n.quietUntil(l, responses, sender) > now {
			return // Mailman goes back to that
		}
		until = math.Ceil(until)
	}
	l.DictSet(responses, sender, until)
}

// seconds is the number in a note, 0 if it is none.
func seconds(v pickle.Value) float64 {
	if !py.IsNumber(v) {
		return 0
	}
	return py.Float(v)
}
