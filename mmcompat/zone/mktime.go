package zone

import "time"

// Mktime turns local times into seconds since 1970 as the C library's mktime does with tm_isdst -1: so do Python's
// time.mktime and Mailman's Utils.midnight. It follows glibc, time/mktime.c, in its choice for a time that comes
// twice, and in its result for a time that never comes. Both depend on the call before, whose offset from UTC is
// where the search begins.
type Mktime struct {
	// Guess is the last call's result: UTC's lead over local time, in
	// seconds. A process begins with 0.
	Guess int64
}

// probes is how many moments glibc looks at before it gives up.
const probes = 6

// Midnight returns when a day begins in a zone, in seconds since 1970. ok is false where mktime fails.
func (m *Mktime) Midnight(year, month, day int, in *time.Location) (at int64, ok bool) {
	want := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix()
	t := want + m.Guess

	// The two guesses before t, and whether the last was in summer time.
	before, last := t, t
	summer := false
	for range probes {
		local := time.Unix(t, 0).In(in)
		_, offset := local.Zone()
		miss := want - (t + int64(offset))
		if miss == 0 {
			m.Guess = t - want
			return t, true
		}

		// The search alternates between two guesses: there is no such time. If exactly one of them is in summer time,
		// that one counts.
		if t == before && t != last && (!summer || local.IsDST()) {
			m.Guess = t - want
			return t, true
		}
		before, last, t = last, t, t+miss
		summer = local.IsDST()
	}

	return 0, false
}
