package virgin

import (
	"math/big"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// deliver is ToOutgoing.process: it decides whether the message is to be VERPed, and
// puts it into the queue out.
func deliver(b runner.Batch, msg *message.Message, data *qfile.Data) error {
	l, s := b.List(), b.Site()
	if _, ok := data.Get("verp"); !ok {
		interval := s.Int("VERP_DELIVERY_INTERVAL")
		switch {
		case l.Bool("personalize"):
			if s.Bool("VERP_PERSONALIZED_DELIVERIES") {
				data.Set("verp", 1)
			}
		case interval == 0:
		case interval == 1:
			data.Set("verp", 1)
		default:
			v, _ := l.Get("post_id")
			n, ok := postID(v)
			if !ok {
				return &maillist.ErrNeedsPython{List: l.Name(), Reason: "its post_id is no number"}
			}
			data.Set("verp", n.Rem(n, big.NewInt(int64(interval))).Sign() == 0)
		}
	}

	out := data.Clone()
	out.Set("listname", l.Name())
	// Both handlers have been taken from it when Mailman writes it down.
	out.Set("pipeline", pickle.NewList())
	b.Enqueue("out", msg, out)
	return nil
}

// postID is int() of a list's post_id, a float in most lists.
func postID(v pickle.Value) (*big.Int, bool) {
	switch v := v.(type) {
	case pickle.Int:
		return big.NewInt(int64(v)), true
	case *big.Int:
		return new(big.Int).Set(v), true
	case float64:
		if v-v != 0 {
			return nil, false
		}
		n, _ := big.NewFloat(v).Int(nil)
		return n, true
	}

	return nil, false
}
