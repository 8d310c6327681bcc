package maillist

import (
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// BounceInfos yields the addresses with bounce info, in the order of the file
// (OldStyleMemberships.getBouncingMembers). Some may not be members any more.
func (l *List) BounceInfos() iter.Seq2[string, *BounceInfo] {
	return func(yield func(string, *BounceInfo) bool) {
		for addr, v := range l.DictAll(bounceInfos) {
			if info := parseBounceInfo(v); info != nil && !yield(addr, info) {
				return
			}
		}
	}
}

// Delivery is a member's delivery status, and the time since when, in seconds since 1970.
type Delivery struct {
	Status Status
	Since  float64
}

// Deliveries yields the addresses whose delivery was disabled, in the order of the file (the dict delivery_status).
// Some may not be members any more.
func (l *List) Deliveries() iter.Seq2[string, Delivery] {
	return func(yield func(string, Delivery) bool) {
		for addr, v := range l.DictAll(deliveryStatus) {
			d, ok := parseDelivery(v)
			if ok && !yield(addr, d) {
				return
			}
		}
	}
}

// parseDelivery reads a member's value in delivery_status: status and time.
func parseDelivery(v pickle.Value) (d Delivery, ok bool) {
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) < 2 {
		return d, false
	}
	return Delivery{Status(py.Int(t.Items[0])), py.Float(t.Items[1])}, true
}
