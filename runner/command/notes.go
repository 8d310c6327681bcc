package command

import (
	"math"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// notes tell which addresses the Replybot has answered, and until when it does not answer them again.
//
// From release 2.1.15 on, Mailman reads a list again when it takes the list's lock in the second in which the list
// was saved, and so loses the note that it has just made: it answers each message of a quick series. Entries that
// wait in the queue together are such a series, in however many batches they are handled. So their senders are
// answered as by Mailman, but the notes themselves are kept for the days to come.
//
// A note that Mailman would have lost has no fraction of a second, as one in a million of Mailman's own has by
// chance. It counts for messages that came after it was made, and not for those that were waiting by then.
type notes struct {
	lose    bool    // the next note is one that Mailman loses
	can     bool    // this release loses notes
	arrived float64 // when the present entry came, in seconds since 1970
}

// newNotes returns the notes of a batch whose first entry came at arrived.
func newNotes(b runner.Batch, arrived float64) *notes {
	can := since(b.Site(), listIsReread)
	l := b.List()
	return &notes{
		can:     can,
		lose:    can && (!l.SavedAt().Before(b.Now().Truncate(time.Second)) || answeredSince(l, arrived)),
		arrived: arrived,
	}
}

// answeredSince tells whether the list has sent an answer after a time: entries that came before it belong to a
// series that is being handled.
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

// grace returns for how many seconds a sender is not answered again.
func grace(l *maillist.List) float64 { return l.Float("autoresponse_graceperiod") * 24 * 60 * 60 }

// saved tells that Mailman would have saved the list just now.
func (n *notes) saved() { n.lose = n.can }

// quietUntil returns until when a sender is not answered again, in seconds since 1970; 0 without a note that Mailman
// would have.
func (n *notes) quietUntil(l *maillist.List, responses, sender string) float64 {
	v, _ := l.DictGet(responses, sender)
	until := seconds(v)
	if n.can && until == math.Trunc(until) && n.arrived < until-grace(l) {
		return 0
	}
	return until
}

// set notes until when a sender is not answered again. now is the present time.
func (n *notes) set(l *maillist.List, responses, sender string, now, until float64) {
	if n.lose {
		if n.quietUntil(l, responses, sender) > now {
			return // Mailman goes back to that
		}
		until = math.Ceil(until)
	}
	l.DictSet(responses, sender, until)
}

// seconds returns the number in a note, or 0.
func seconds(v pickle.Value) float64 {
	if !py.IsNumber(v) {
		return 0
	}
	return py.Float(v)
}
