package bounce

import (
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/smtplib"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/bounce/reason"
)

// RefusedQueue is the queue of recipients that the mail server has refused for good, one entry each: it replaces
// OutgoingRunner's file bounce-events-PID.pck. Mailman's own runners could not use its entries.
const RefusedQueue = "mmrunner-refused"

// The metadata of entries in RefusedQueue.
const (
	keyProbe = "mmrunner_probe" // of a refused probe: its token
	keyReply = "mmrunner_reply" // what the mail server said: code and text
)

// moduleSMTP is the bounce module that events name for a refused recipient.
const moduleSMTP = "SMTP"

// RefusedRecipient returns the metadata of such an entry. at is its place among the others, in seconds.
func RefusedRecipient(list, addr string, reply smtplib.Reply, at float64, now time.Time) *qfile.Data {
	data := detectedBounce{list: list, addr: addr, day: maillist.DateOf(now)}.data(at)
	setReply(data, reply)
	return data
}

// RefusedProbe returns the metadata of the entry of a refused probe, made from the probe's own.
func RefusedProbe(probe *qfile.Data, token string, reply smtplib.Reply) *qfile.Data {
	data := probe.Clone()
	data.Set(keyProbe, token)
	setReply(data, reply)
	return data
}

func setReply(data *qfile.Data, reply smtplib.Reply) {
	data.Set(keyReply, pickle.NewTuple(pickle.Int(reply.Code), pickle.Str(reply.Text)))
}

// refusal reads from an entry why its recipient was refused, in the form of Classify's work.
func refusal(data *qfile.Data) *work {
	w := &work{Result: detect.Result{Module: moduleSMTP}}
	v, _ := data.Get(keyReply)
	if items, ok := py.Items(v); ok && len(items) == 2 {
		code, _ := py.ExactInt(items[0])
		text, _ := py.StringOf(items[1])
		w.reason = reason.OfReply("", code, text)
	}

	return w
}

// refusals is a Handler for RefusedQueue: what OutgoingRunner does as a BounceMixin.
type refusals struct{ bounces *Handler }

// NewRefusals returns a handler that registers as h does.
func NewRefusals(h *Handler) *refusals { return &refusals{h} }

// Name is the runner's class name.
func (r *refusals) Name() string { return "OutgoingRunner" }

// Queue is RefusedQueue.
func (r *refusals) Queue() string { return RefusedQueue }

// Classify reads what the mail server said.
func (r *refusals) Classify(e *runner.Entry) error {
	e.Work = refusal(e.Data)
	return nil
}

// Order returns the order of Mailman's dict of events by list. Lists that only have probes come first.
func (r *refusals) Order(_ runner.Lists, names []string, entries map[string][]*runner.Entry) []string {
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

// Waits tells whether an entry is registered together with others. A probe is handled at once.
func (r *refusals) Waits(_ *site.Site, e *runner.Entry) bool {
	_, probe := e.Data.Get(keyProbe)
	return !probe
}

// Every is REGISTER_BOUNCES_EVERY.
func (r *refusals) Every(s *site.Site) time.Duration { return r.bounces.Every(s) }

// Apply is Handler's, or OutgoingRunner's for a probe that was refused.
func (r *refusals) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	why := e.Work.(*work)
	why.reason.Server = b.Site().Str("SMTPHOST")

	token := e.Data.Str(keyProbe)
	if token == "" {
		return r.bounces.Apply(b, e)
	}

	err := runner.Guard(func() error { return r.bounces.probeBounced(b, e.Data.Str("lang"), token, why) })
	if err != nil {
		// The entry goes back to the queue out, as Mailman would shunt it.
		e.Data.Delete(keyProbe)
		e.Data.Delete(keyReply)
	}

	return runner.Registered, err
}

// ShuntedFrom is the queue out: Mailman would have failed there.
func (r *refusals) ShuntedFrom() string { return "out" }

// Batched registers the bounces of the batch's entries.
func (r *refusals) Batched(b runner.Batch) error { return r.bounces.Batched(b) }
