package maillist

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Date is a day as Python's time.localtime()[:3] gives it: year, month, day.
type Date [3]int

// DateOf returns the day of a moment in its own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, int(m), d}
}

// Midnight returns the first moment of the day in a zone. For Mailman's own midnight see zone.Mktime.
func (d Date) Midnight(in *time.Location) time.Time {
	return time.Date(d[0], time.Month(d[1]), d[2], 0, 0, 0, 0, in)
}

func (d Date) value() pickle.Value {
	return pickle.NewTuple(pickle.Int(d[0]), pickle.Int(d[1]), pickle.Int(d[2]))
}

// BounceInfo is a member's bounce score and history, the class _BounceInfo of Mailman.Bouncer. Unknown attributes are
// kept, and values that are not changed keep their kind.
type BounceInfo struct {
	Member      string
	Score       pickle.Value // a float, or the int 0 after a probe was sent
	Date        Date         // of the last bounce
	NoticesLeft pickle.Value // usually an int; it comes from the list's setting
	LastNotice  Date
	Cookie      string // of the pending record to enable the member again; "" for None

	instance *pickle.Instance // the instance it was read from; nil if it is new
}

// NewBounceInfo is _BounceInfo's constructor. zone says when days begin and end.
func NewBounceInfo(member string, score pickle.Value, date Date, noticesLeft pickle.Value, zone *time.Location) *BounceInfo {
	b := &BounceInfo{Member: member}
	b.Reset(score, date, noticesLeft, zone)
	return b
}

// Reset starts counting afresh; the member and the cookie stay.
func (b *BounceInfo) Reset(score pickle.Value, date Date, noticesLeft pickle.Value, zone *time.Location) {
	b.Score, b.Date, b.NoticesLeft = score, date, noticesLeft
	// The day of the first midnight after the epoch means that no notice was sent yet.
	b.LastNotice = DateOf(time.Unix(24*60*60, 0).In(zone))
}

// AddScore adds weight, a float like Mailman's weights, to the score. The error is a TypeError for a score that is no
// number.
func (b *BounceInfo) AddScore(weight float64) (err error) {
	b.Score, err = py.Add(b.Score, weight)
	return err
}

// CountNotice takes one from the number of notices left. The error is a TypeError where that is no number.
func (b *BounceInfo) CountNotice() (err error) {
	b.NoticesLeft, err = py.Add(b.NoticesLeft, pickle.Int(-1))
	return err
}

const (
	bounceModule = "Mailman.Bouncer"
	bounceClass  = "_BounceInfo"
)

// parseBounceInfo reads a pickled _BounceInfo. It returns nil for any other value, which Mailman takes for a missing
// one.
func parseBounceInfo(v pickle.Value) *BounceInfo {
	in, ok := v.(*pickle.Instance)
	if !ok || in.Class.Module != bounceModule || in.Class.Name != bounceClass {
		return nil
	}

	b := &BounceInfo{instance: in}
	b.Member, _ = stringOf(in.Attr("member"))
	b.Score, _ = in.Attr("score")
	b.Date = dateAttr(in, "date")
	b.NoticesLeft, _ = in.Attr("noticesleft")
	b.LastNotice = dateAttr(in, "lastnotice")
	b.Cookie, _ = stringOf(in.Attr("cookie"))
	return b
}

func dateAttr(in *pickle.Instance, name string) (d Date) {
	v, _ := in.Attr(name)
	if t, ok := v.(*pickle.Tuple); ok {
		for i := range min(len(d), len(t.Items)) {
			d[i] = int(py.Int(t.Items[i]))
		}
	}
	return d
}

// pickled returns the instance to store. Only changed attributes are written anew.
func (b *BounceInfo) pickled() *pickle.Instance {
	in, old := b.instance, &BounceInfo{}
	if in != nil {
		old = parseBounceInfo(in)
	} else {
		in = pickle.NewOldInstance(bounceModule, bounceClass)
	}

	// An instance from the file keeps what this package does not know, so that Mailman finds its own objects again.
	set := func(name string, changed bool, v pickle.Value) {
		if _, ok := in.Attr(name); changed || !ok {
			in.SetAttr(name, v)
		}
	}

	var cookie pickle.Value
	if b.Cookie != "" {
		cookie = pickle.Str(b.Cookie)
	}

	set("member", b.Member != old.Member, pickle.Str(b.Member))
	set("cookie", b.Cookie != old.Cookie, cookie)
	set("score", !pickle.Equal(b.Score, old.Score), b.Score)
	set("date", b.Date != old.Date, b.Date.value())
	set("noticesleft", !pickle.Equal(b.NoticesLeft, old.NoticesLeft), b.NoticesLeft)
	set("lastnotice", b.LastNotice != old.LastNotice, b.LastNotice.value())

	return in
}

// GetBounceInfo returns a member's bounce info, or nil, or ErrNotAMember. It is a copy: a change counts once
// SetBounceInfo gets it.
func (l *List) GetBounceInfo(member string) (*BounceInfo, error) {
	if err := l.mustBeMember(member); err != nil {
		return nil, err
	}
	v, _ := l.DictGet(bounceInfos, py.Lower(member))
	return parseBounceInfo(v), nil
}

// OtherBounceInfo returns what a member has in place of a bounce info: nil, or a value that a very old Mailman or a
// script has left.
func (l *List) OtherBounceInfo(member string) pickle.Value {
	v, _ := l.DictGet(bounceInfos, py.Lower(member))
	return v
}

// SetBounceInfo sets a member's bounce info, or returns ErrNotAMember. nil removes it and enables delivery.
func (l *List) SetBounceInfo(member string, info *BounceInfo) error {
	if err := l.mustBeMember(member); err != nil {
		return err
	}
	key := py.Lower(member)

	if info == nil {
		l.DictDelete(bounceInfos, key)
		l.DictDelete(deliveryStatus, key)
		return nil
	}

	l.DictSet(bounceInfos, key, info.pickled())
	return nil
}
