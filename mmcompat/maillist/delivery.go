package maillist

import (
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// Status says whether and why a member's delivery is disabled
// (Mailman/MemberAdaptor.py).
type Status int

// GetDeliveryStatus returns a member's delivery status, or ErrNotAMember.
func (l *List) GetDeliveryStatus(member string) (Status, error) {
	status, _, err := l.delivery(member)
	return status, err
}

// GetDeliveryStatusChangeTime returns when a member's delivery was disabled, in
// seconds since 1970, 0 if it is enabled, or ErrNotAMember.
func (l *List) GetDeliveryStatusChangeTime(member string) (float64, error) {
	_, at, err := l.delivery(member)
	return at, err
}

func (l *List) delivery(member string) (Status, float64, error) {
	if err := l.mustBeMember(member); err != nil {
		return 0, 0, err
	}
	v, _ := l.DictGet(deliveryStatus, py.Lower(member))
	d, ok := parseDelivery(v)
	if !ok {
		return Enabled, 0, nil
	}
	return d.Status, d.Since, nil
}

// GetDeliveryStatusMembers yields the members whose delivery status is one of the given ones; without an argument,
// all members whose delivery is disabled.
func (l *List) GetDeliveryStatusMembers(status ...Status) iter.Seq[string] {
	if len(status) == 0 {
		status = []Status{Unknown, ByUser, ByAdmin, ByBounce}
	}

	return func(yield func(string) bool) {
		for member := range l.GetMembers() {
			// All of GetMembers are members.
			s, _ := l.GetDeliveryStatus(member)
			for _, want := range status {
				if s == want {
					if !yield(member) {
						return
					}
					break
				}
			}
		}
	}
}
