package command

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// notes are the Replybot's of whom it has answered, as Mailman would know them
// in the course of a batch.
//
// From release 2.1.15 on, Mailman reads a list again when it takes its lock in
// the second in which the list was saved, and thereby loses the note that it
// has just made: it answers each message of a quick series. A batch is such a
// series. So its senders are answered as they would be by Mailman, but the notes
// themselves are kept for the days to come.
type notes struct {
	lose bool             // the next note is one that Mailman loses
	can  bool             // it is one of the releases that do
	lost map[note]float64 // what Mailman has instead of the notes it lost
}

// note names one: the list's dict that has it, and the sender.
type note struct{ responses, sender string }

func newNotes(b *batch.Batch) *notes {
	can := since(b.Site(), listIsReread)
	return &notes{
		can:  can,
		lose: can && !b.List().SavedAt().Before(b.Now().Truncate(time.Second)),
		lost: map[note]float64{},
	}
}

// saved tells that Mailman would have saved the list just now.
func (n *notes) saved() { n.lose = n.can }

// quietUntil is until when a sender is not answered again, in seconds since
// 1970; 0 if nothing is noted.
func (n *notes) quietUntil(l *maillist.List, responses, sender string) float64 {
	if until, ok := n.lost[note{responses, sender}]; ok {
		return until
	}
	v, _ := l.DictGet(responses, sender)
	switch v := v.(type) {
	case float64:
		return v
	case pickle.Int:
		return float64(v)
	}
	return 0
}

// set notes until when a sender is not answered again.
func (n *notes) set(l *maillist.List, responses, sender string, until float64) {
	k := note{responses, sender}
	if n.lose {
		n.lost[k] = n.quietUntil(l, responses, sender)
	} else {
		delete(n.lost, k)
	}
	l.DictSet(responses, sender, until)
}
