package bounce

import (
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// RefusedQueue is the queue of recipients that the mail server has refused for good,
// an entry each: OutgoingRunner's file bounce-events-PID.pck. Its entries are no mail
// that Mailman's own runners could make anything of.
const RefusedQueue = "mmrunner-refused"

// keyProbe is the metadata of an entry that stands for a refused probe: its token.
const keyProbe = "mmrunner_probe"

// RefusedRecipient is the metadata of such an entry. at is its place among the
// others, in seconds.
func RefusedRecipient(list, addr string, at float64, now time.Time) *qfile.Data {
	data := qfile.NewData()
	data.Set("received_time", at)
	data.Set("listname", list)
	day := maillist.DateOf(now)
	data.Set(keyInherited, pickle.NewTuple(pickle.Str(addr), pickle.NewTuple(pickle.Int(day[0]), pickle.Int(day[1]), pickle.Int(day[2]))))
	return data
}

// RefusedProbe is the metadata of the entry of a probe that was refused, made from
// the probe's own.
func RefusedProbe(probe *qfile.Data, token string) *qfile.Data {
	data := probe.Clone()
	data.Set(keyProbe, token)
	return data
}

// Refusals is a Handler for RefusedQueue: what OutgoingRunner does as a BounceMixin.
type Refusals struct{ bounces *Handler }

// NewRefusals returns a handler that registers as h does.
func NewRefusals(h *Handler) *Refusals { return &Refusals{h} }

// Name is the runner's class name.
func (r *Refusals) Name() string { return "OutgoingRunner" }

// Queue is RefusedQueue.
func (r *Refusals) Queue() string { return RefusedQueue }

// Classify has nothing to find out: what was refused is known.
func (r *Refusals) Classify(*runner.Entry) error { return nil }

// Order is that of Mailman's dict of events by list, after those lists that have
// nothing but probes.
func (r *Refusals) Order(_ runner.Lists, names []string, entries map[string][]*runner.Entry) []string {
	isProbe := func(e *runner.Entry) bool { _, probe := e.Data.Get(keyProbe); return probe }
	var probes, others []string
	for _, name := range names {
		if slices.ContainsFunc(entries[name], func(e *runner.Entry) bool { return !isProbe(e) }) {
			others = append(others, name)
		} else {
			probes = append(probes, name)
		}
	}

	return append(probes, py.DictOrder(others)...)
}

// Waits tells whether an entry is to be registered with others. A probe's is done at
// once.
func (r *Refusals) Waits(_ *site.Site, e *runner.Entry) bool {
	_, probe := e.Data.Get(keyProbe)
	return !probe
}

// Every is REGISTER_BOUNCES_EVERY.
func (r *Refusals) Every(s *site.Site) time.Duration { return r.bounces.Every(s) }

// Apply is Handler's, or OutgoingRunner's for a probe that was refused.
func (r *Refusals) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	token := e.Data.Str(keyProbe)
	if token == "" {
		return r.bounces.Apply(b, e)
	}

	err := runner.Guard(func() error { return r.bounces.probeBounced(b, e.Data.Str("lang"), token, &work{}) })
	if err != nil {
		e.Data.Delete(keyProbe)
	}

	return runner.Registered, err
}

// ShuntedFrom is the queue out, where Mailman would have failed.
func (r *Refusals) ShuntedFrom() string { return "out" }

// Batched registers what the batch's entries are about.
func (r *Refusals) Batched(b runner.Batch) error { return r.bounces.Batched(b) }
