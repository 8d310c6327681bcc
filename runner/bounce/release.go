package bounce

import (
	"fmt"
	"maps"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/zone"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// Release disables members that the guard has held, with all notices that Mailman sends when it does so. A member that is
// not held any more is left alone. Release returns the members that were disabled. Errors are those of the notices.
func Release(b runner.Batch, services membership.Services, members []string, record *events.Recorder) (done []string, err error) {
	l := b.List()
	held := maps.Collect(Held(l))
	for _, addr := range members {
		info := held[py.Lower(addr)]
		if info == nil {
			continue
		}

		r := &register{m: membership.New(b, &membership.Language{}, services), b: b, l: l, clock: &zone.Mktime{}}
		// The bounces themselves were not kept. A notice to the owner encloses a message, so this one stands in.
		read := func() (*message.Message, error) {
			return message.Parse(fmt.Sprintf("From: %s\nSubject: bounces of %s\n\nThe bounces were held by mmrunner's guard, the last one on %s.\n",
				l.GetSiteEmail(""), addr, dayMonthYear(info.Date)))
		}

		if err := r.disable(addr, info, read); err != nil {
			return nil, err
		}

		if record != nil {
			b.Record(record.Line(events.Event{At: b.Now(), List: l.Name(), Kind: events.Released, Member: addr, Before: points(info), After: points(info), Then: events.Disabled}))
		}

		done = append(done, addr)
	}

	if len(done) > 0 {
		b.Save()
	}

	return done, nil
}
