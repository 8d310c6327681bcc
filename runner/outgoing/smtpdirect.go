package outgoing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/smtplib"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// delivery is one message on its way: SMTPDirect.process in three steps. plan says
// who gets it in which transactions, deliver talks to the server, and finish, when
// the batch is committed, writes the log.
type delivery struct {
	b    runner.Batch
	l    *maillist.List
	e    *runner.Entry
	msg  *message.Message
	data *qfile.Data

	recips   []pickle.Value // all of them
	sender   i18n.Text      // of the envelope, if it is not VERPed
	from     string         // who wrote it, for the log
	chunks   [][]string     // the transactions to come, the last one first
	personal bool           // each recipient gets a separate copy
	began    bool           // a recipient has had it

	refused smtplib.Refused
	logs    []mlog.Line
	took    time.Duration
	err     error // an exception that Mailman would not have caught, or errStopped
}

// line is a line for one of Mailman's logs.
func line(log, format string, a ...any) mlog.Line {
	return mlog.Line{Log: log, Text: fmt.Sprintf(format, a...)}
}

func (d *delivery) since(micro int) bool {
	return membership.Since(d.b.Site().Profile.HexVersion, micro)
}

// plan is process up to where it opens its connection. It tells whether there is
// a recipient left.
func (d *delivery) plan() (bool, error) {
	v, _ := d.data.Get("recips")
	list, _ := v.(*pickle.List)
	if list == nil || len(list.Items) == 0 {
		return false, nil
	}

	d.recips = list.Items
	d.sender = same(membership.Attr(d.l, "host_name"), d.l.GetBouncesEmail())
	if v, _ := d.data.Get("envsender"); v != nil {
		d.sender = same(v, py.Raw(v))
	}

	_, has := d.data.Get("personalize")
	if (!has || d.data.True("personalize")) && (d.data.True("verp") || d.l.Bool("personalize")) {
		for _, r := range d.recips {
			d.chunks = append(d.chunks, []string{py.Raw(r)})
		}
		d.data.Set("personalize", 1)
		d.personal = true
	} else if limit := d.b.Site().Int("SMTP_MAX_RCPTS"); limit <= 0 {
		d.chunks = [][]string{strs(d.recips)}
	} else {
		d.chunks = chunkify(strs(d.recips), limit)
	}

	if v, ok := d.data.Get("undelivered"); ok {
		d.chunks = nil
		for _, chunk := range v.(*pickle.List).Items {
			recips := strs(chunk.(*pickle.List).Items)
			if !d.personal {
				d.chunks = append(d.chunks, recips)
				continue
			}

			for _, recip := range slices.Backward(recips) {
				d.chunks = append(d.chunks, []string{recip})
			}
		}
	}

	// Never more than once.
	if !d.personal && !d.data.True("decorated") {
		if err := d.decorate(d.msg); err != nil {
			return false, err
		}
		d.data.Set("decorated", true)
	}

	sender, err := d.msg.GetSender(d.b.Site().Bool("USE_ENVELOPE_SENDER"), false)
	if err != nil {
		return false, err
	}
	d.from = sender

	if _, ok := d.data.Get("original_sender"); ok {
		d.from = d.data.Str("original_sender")
	}

	return true, nil
}

func strs(values []pickle.Value) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = py.Raw(v)
	}
	return all
}

// chunkify is SMTPDirect.chunkify: recipients by the end of their domains, size to a
// transaction.
func chunkify(recips []string, size int) (chunks [][]string) {
	bins := map[string]int{"com": 1, "net": 2, "org": 2, "edu": 3, "us": 3, "ca": 3}
	var buckets [4][]string
	for _, r := range recips {
		bin := 0
		if i := strings.LastIndexByte(r, '.'); i >= 0 {
			bin = bins[r[i+1:]]
		}
		buckets[bin] = append(buckets[bin], r)
	}

	for _, bucket := range buckets {
		for chunk := range slices.Chunk(bucket, size) {
			chunks = append(chunks, chunk)
		}
	}

	return chunks
}

// errStopped says that the process is to end before a message had all its
// transactions.
var errStopped = errors.New("stopped")

// deliver has the transactions that are left, the last first, on a connection of
// the pool. compose locks the state shared with other deliveries.
func (d *delivery) deliver(h *Handler) {
	start := time.Now()
	conn := &connection{pool: h.pool, site: d.b.Site()}
	defer func() {
		conn.release()
		d.took = time.Since(start)
	}()

	all := len(d.chunks)
	d.began = h.memory.has(d.e.Base)
	for len(d.chunks) > 0 {
		last := len(d.chunks) - 1
		at := place{Entry: d.e.Base, Number: last, Of: all}
		chunk, logs := h.memory.left(at, d.chunks[last], &d.refused)
		d.logs = append(d.logs, logs...)

		if len(chunk) > 0 || len(d.chunks[last]) == 0 {
			if h.ctx.Err() != nil {
				d.err = errStopped
				return
			}
			if d.err = d.settle(h, conn, at, chunk); d.err != nil {
				return
			}
		} else if !d.personal {
			d.mark(d.msg, py.Raw(d.sender))
		}

		d.chunks = d.chunks[:last]
	}
}

// settle has one transaction, and notes what came of it before there is another.
func (d *delivery) settle(h *Handler, conn *connection, at place, chunk []string) error {
	before := len(d.logs)
	refused, err := d.transaction(h, conn, chunk)
	if err != nil {
		return err
	}

	d.began = true
	d.refused.Update(refused)
	if err := h.memory.settle(at, chunk, refused, d.logs[before:]); err != nil {
		// The server has it all the same: that a crash may give it twice is to be known.
		d.logs = append(d.logs, line("error", "OutgoingRunner: that %d recipients of %s are done with could not be noted: %v", len(chunk), d.e.Base, err))
	}

	return nil
}

// transaction gives the message to recipients that the server has not had it for.
// It returns whom it refused; an exception that Mailman catches is among them.
func (d *delivery) transaction(h *Handler, conn *connection, chunk []string) (*smtplib.Refused, error) {
	h.compose.Lock()
	sender, content, err := d.copyFor(chunk)
	h.compose.Unlock()
	if err != nil || content == "" {
		return &smtplib.Refused{}, err
	}

	logs, refused, err := conn.sendMail(sender, chunk, content)
	d.logs = append(d.logs, logs...)
	if err == nil {
		return refused, nil
	}

	id := "None"

	if v, ok := d.msg.Get("message-id"); ok {
		id = v
	}

	var all *smtplib.RefusedError
	var reply *smtplib.ReplyError
	var low *smtplib.Error
	var socket *smtplib.SocketError

	failed := func(r smtplib.Reply) *smtplib.Refused {
		refused := &smtplib.Refused{}
		for _, recip := range chunk {
			refused.Set(recip, r)
		}
		return refused
	}

	switch {
	case errors.As(err, &all):
		d.logs = append(d.logs, line("smtp-failure", "All recipients refused: %v, msgid: %s", all, id))
		return all.Refused, nil
	case errors.As(err, &reply):
		d.logs = append(d.logs, line("smtp-failure", "SMTP session failure: %d, %s, msgid: %s", reply.Code, reply.Text, id))
		if reply.Code < 500 || reply.Code == 552 {
			return failed(reply.Reply), nil
		}
		// The server refuses the message itself: that is no member's bounce.
		return &smtplib.Refused{}, nil
	case errors.As(err, &low), errors.As(err, &socket):
		d.logs = append(d.logs, line("smtp-failure", "Low level smtp error: %v, msgid: %s", err, id))
		return failed(smtplib.Reply{Code: -1, Text: err.Error()}), nil
	}

	return nil, err
}

// copyFor is the envelope's sender and the text of the message for one transaction;
// no text where no recipient is left.
func (d *delivery) copyFor(chunk []string) (sender, content string, err error) {
	msg, sender := d.msg, py.Raw(d.sender)
	if d.personal {
		if msg, sender, err = d.personalCopy(chunk[0]); msg == nil || err != nil {
			return "", "", err
		}
	}

	d.mark(msg, sender)
	content, err = msg.AsString(false, false)
	return sender, content, err
}

// mark has a message's own fields lead bounces to the envelope's sender only.
func (d *delivery) mark(msg *message.Message, sender string) {
	msg.Del("errors-to")
	msg.Set("Errors-To", same(d.sender, sender))

	if d.l.Bool("include_sender_header") {
		msg.Del("sender")
		value := sender
		if d.since(senderHasName) {
			value = fmt.Sprintf(`"%s" <%s>`, d.l.Str("real_name"), sender)
		}
		msg.Set("Sender", same(d.sender, value))
	}
}

// The releases that changed SMTPDirect.
const (
	senderHasName   = 15 // the Sender field has the list's name
	recipientHeader = 23 // RCPT_BASE64_HEADER_NAME
	logsIn          = 24 // SMTP_AUTH
)
