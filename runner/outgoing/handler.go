// Package outgoing is OutgoingRunner ([Handler]) and its queue: it gives messages to the
// mail server. smtpdirect.go is Handlers/SMTPDirect.py, decorate.go
// Handlers/Decorate.py, dispose.go what Queue/OutgoingRunner.py makes of recipients
// that were refused.
//
// A [Handler] only reads lists. A batch of it is a few entries, since a process that stops
// the process, and the retry queue, wait for its end. All entries of a batch are
// delivered when the last was looked at, on as many connections as the site allows;
// then they are committed as any batch is, with their log lines, and what goes into
// the retry queue or is to be registered as a bounce.
//
// The mail server's answers cannot be taken back, so they are remembered outside of
// the transaction, recipient by recipient, before the next one is sent anything
// (memory.go): a batch that is done again, by this process or after a crash, sends
// nothing to them. Only who was in flight when the process died, or the machine
// lost its power, may get a message twice. None is lost.
package outgoing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// Options say how much a Handler may do at a time, and how long it waits.
type Options struct {
	// Sessions is how many connections to the mail server there are at most; 0
	// means one, as Mailman has.
	Sessions int
	// Wait and DataWait are smtplib's.
	Wait, DataWait time.Duration
}

// Handler is OutgoingRunner for the engine.
type Handler struct {
	o      Options
	site   *site.Site
	python string // why all entries go to Python; "" if they do not
	feeds  runner.Handler
	memory *memory
	pool   *pool
	ctx    context.Context
	stop   context.CancelFunc

	compose sync.Mutex // lists and their copies are for one goroutine at a time
	batches map[runner.Batch][]*delivery
	probes  map[string]string // tokens of probes that were refused, and their entries
}

// New returns a handler for a site. What is to be registered as a bounce is for
// refusals.
func New(s *site.Site, refusals runner.Handler, o Options) *Handler {
	o.Sessions = max(1, o.Sessions)
	ctx, stop := context.WithCancel(context.Background())
	return &Handler{
		o: o, site: s, python: changed(s), feeds: refusals, ctx: ctx, stop: stop,
		memory: &memory{dir: s.DataDir(), queue: s.QueueDir("out")}, pool: newPool(ctx, s, o),
		batches: map[runner.Batch][]*delivery{}, probes: map[string]string{},
	}
}

// Name is the runner's class name.
func (h *Handler) Name() string { return "OutgoingRunner" }

// Queue is its queue's usual name.
func (h *Handler) Queue() string { return "out" }

// OnlyReads marks it as a runner.Reader.
func (h *Handler) OnlyReads() {}

// batchLimit is how many entries a batch has at most.
const batchLimit = 50

// Feeds is the handler of the queue of refused recipients.
func (h *Handler) Feeds() runner.Handler { return h.feeds }

// BatchLimit is how many entries are delivered before they are committed.
func (h *Handler) BatchLimit() int { return batchLimit }

// Stop has the delivery at hand end after the transaction at hand.
func (h *Handler) Stop() { h.stop() }

// Close ends the connections to the mail server. The error is about the file of
// what was delivered, which is kept where it still tells of something.
func (h *Handler) Close() error {
	h.pool.close()
	return h.memory.close()
}

// Classify has nothing to find out: all that is done depends on the list.
func (h *Handler) Classify(*runner.Entry) error { return nil }

// Apply makes out who gets an entry's message; Batched has it delivered. The error
// is an exception that Mailman would not have caught or, with nothing sent, a
// *maillist.ErrNeedsPython.
func (h *Handler) Apply(b runner.Batch, e *runner.Entry) (runner.Outcome, error) {
	d := &delivery{b: b, l: b.List(), e: e, data: e.Data}
	if !due(b, e) {
		d.err = runner.ErrKept
		h.batches[b] = append(h.batches[b], d)
		return runner.Kept, nil
	}

	var err error
	if d.msg, err = e.Message(); err != nil {
		return "", err
	}
	why := h.python
	if why == "" {
		why = d.beyond()
	}

	if why != "" {
		return "", &maillist.ErrNeedsPython{List: d.l.Name(), Reason: why}
	}

	somebody := false
	err = runner.Guard(func() (err error) {
		sender, err := d.msg.GetSender(h.site.Bool("USE_ENVELOPE_SENDER"), false)
		if err != nil {
			return err
		}

		d.data.Set("lang", d.l.GetMemberLanguage(sender))
		b.Undo() // that may have added the site's language to the list's
		somebody, err = d.plan()
		return err
	})

	var needs *maillist.ErrNeedsPython
	if errors.As(err, &needs) {
		return "", err
	}
	if err != nil {
		d.flushLogs()
		return "", err
	}

	if somebody {
		h.batches[b] = append(h.batches[b], d)
	}

	return runner.Delivered, nil
}

// due tells whether the time of an entry has come.
func due(b runner.Batch, e *runner.Entry) bool {
	after, ok := e.Data.Get("deliver_after")
	return !ok || py.Compare(pickle.Value(maillist.Seconds(b.Now())), after) >= 0
}

// Batched delivers the batch's messages, and does the work that follows. Entries
// that were not come to are kept: runner.Failed names them with runner.ErrKept.
func (h *Handler) Batched(b runner.Batch) error {
	deliveries := h.batches[b]
	delete(h.batches, b)
	if len(deliveries) == 0 {
		return nil
	}
	if err := h.memory.open(); err != nil {
		return err
	}

	h.deliver(deliveries)

	failed := runner.Failed{}
	var needs *maillist.ErrNeedsPython
	for _, d := range deliveries {
		if d.err == nil {
			d.err = runner.Guard(func() error { return d.finish(h) })
		}

		switch {
		case d.err == nil:
			d.e.Drop()
		case errors.Is(d.err, errStopped), errors.Is(d.err, runner.ErrKept):
			failed[d.e] = runner.ErrKept
		case errors.As(d.err, &needs):
			failed[d.e] = needs
		default:
			d.flushLogs()
			d.undelivered()
			failed[d.e] = d.err
		}
	}

	if len(failed) > 0 {
		return failed
	}

	return nil
}

// deliver gives the messages to the mail server, in their order, on as many
// connections as there may be.
func (h *Handler) deliver(deliveries []*delivery) {
	next := make(chan *delivery)
	var workers sync.WaitGroup
	for range min(h.o.Sessions, len(deliveries)) {
		workers.Go(func() {
			for d := range next {
				if err := runner.Guard(func() error { d.deliver(h); return nil }); err != nil {
					d.err = err
				}
			}
		})
	}

	for _, d := range deliveries {
		if d.err == nil {
			next <- d
		}
	}

	close(next)
	workers.Wait()
}

// undelivered leaves in the metadata of an entry that is shunted who has not had the
// message, as SMTPDirect does.
func (d *delivery) undelivered() {
	if len(d.chunks) == 0 {
		return
	}
	left := pickle.NewList()
	for _, chunk := range d.chunks {
		recips := pickle.NewList()
		for _, recip := range chunk {
			recips.Items = append(recips.Items, d.valueOf(recip))
		}
		left.Items = append(left.Items, recips)
	}

	d.data.Set("undelivered", left)
}
