package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/outgoing"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// makeOutgoing makes a site in dir, which must be empty, whose queue out has messages
// for three recipients each; one of them is refused, one is to be tried later.
func makeOutgoing(dir string, messages int) error {
	s, _, err := demo.Make(dir, demo.Options{Members: 20, Now: noon})
	if err != nil {
		return err
	}

	q, err := qfile.Open(s.QueueDir("out"), 0, 1, qfile.Options{Schema: s.Profile.QfileSchemaVersion})
	if err != nil {
		return err
	}

	for i := range messages {
		data := qfile.NewData()
		data.Set("listname", demo.ListName)
		data.Set("nodecorate", 1)
		data.Set("received_time", maillist.Seconds(noon.Add(time.Duration(i)*time.Second)))
		data.Set("recips", pickle.NewList(pickle.Str(fmt.Sprintf("a%d@example.com", i)), pickle.Str(fmt.Sprintf("b%d@example.com", i)),
			pickle.Str(fmt.Sprintf("refused%d@example.com", i)), pickle.Str(fmt.Sprintf("later%d@example.com", i))))
		if _, err := q.Enqueue(pickle.Str(fmt.Sprintf("From: x@example.com\nMessage-ID: <%d@example.com>\n\ntext\n", i)), data); err != nil {
			return err
		}
	}

	return nil
}

// Deliver has OutgoingRunner go through what waits on such a site, batch entries to a
// commit and a recipient to a transaction, with a mail server on a port of this
// machine. Errors are those of the file system.
func Deliver(ctx context.Context, dir string, batch, port int) error {
	p := site.Builtin()
	for name, v := range map[string]pickle.Value{"SMTPHOST": pickle.Str("127.0.0.1"), "SMTPPORT": pickle.Int(port), "SMTP_MAX_RCPTS": pickle.Int(1)} {
		p.Settings[name] = site.Setting{Value: v}
	}
	s := site.FromProfile(dir, p)
	env := txn.NewEnv(s)
	defer env.Log.Close()
	d, err := detect.New(s.Profile)
	if err != nil {
		return err
	}

	h := outgoing.New(s, bounce.NewRefusals(bounce.New(d, membership.NewServices(s))), outgoing.Options{})
	engines, err := engine.Open(env, h, 0, 1)
	if err != nil {
		return err
	}

	for _, e := range engines {
		e.BatchSize = batch
		_, err := e.Drain(ctx)
		if err := errors.Join(err, e.Close()); err != nil {
			return err
		}
	}

	return nil
}

// mailbox is a mail server that counts what it is given.
type mailbox struct {
	server *smtp.Server
	ln     net.Listener

	mu    sync.Mutex
	given map[string]int // by recipient
}

// NewMailbox starts a mail server on a free port of this machine. The error is for
// want of one.
func NewMailbox() (*mailbox, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}

	m := &mailbox{ln: ln, given: map[string]int{}}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }))
	m.server.ErrorLog = log.New(io.Discard, "", 0) // a client that is killed is no error
	go m.server.Serve(ln)
	return m, nil
}

// Port is where it listens.
func (m *mailbox) Port() int { return m.ln.Addr().(*net.TCPAddr).Port }

// Close ends it.
func (m *mailbox) Close() error { return m.server.Close() }

// Take is how often each recipient was given a message since it was last asked.
func (m *mailbox) Take() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	given := m.given
	m.given = map[string]int{}
	return given
}

// delivery is one session.
type delivery struct {
	box *mailbox
	to  []string
}

func (d *delivery) Reset()                               { d.to = nil }
func (d *delivery) Logout() error                        { return nil }
func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "refused"):
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	case strings.HasPrefix(to, "later"):
		return &smtp.SMTPError{Code: 450, Message: "not now"}
	}
	d.to = append(d.to, to)
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	d.box.mu.Lock()
	defer d.box.mu.Unlock()
	for _, to := range d.to {
		d.box.given[to]++
	}
	return nil
}

// delivered counts the messages that were given to a mail server by processes
// that died.
type delivered struct {
	Kills int
	Lost  int // recipients that had nothing
	Twice int // copies that a recipient had beside the first
	Wrong []string
}

// Count adds what a mailbox was given of MakeOutgoing's messages, and counts the rest of
// them in dir.
func (d *delivered) Count(dir string, messages int, given map[string]int) error {
	for i := range messages {
		for _, who := range []string{"a", "b"} {
			switch n := given[fmt.Sprintf("%s%d@example.com", who, i)]; {
			case n == 0:
				d.Lost++
			default:
				d.Twice += n - 1
			}
		}
	}

	s := site.FromProfile(dir, site.Builtin())
	for queue, want := range map[string]int{"out": 0, "retry": messages, bounce.RefusedQueue: 0, "shunt": 0} {
		left, err := filepath.Glob(filepath.Join(s.QueueDir(queue), "*"))
		if err != nil {
			return err
		}

		if len(left) != want {
			d.Wrong = append(d.Wrong, fmt.Sprintf("%s: got %d files, need %d", queue, len(left), want))
		}
	}

	left, err := filepath.Glob(filepath.Join(s.DataDir(), "mmrunner-delivered-*"))
	if err != nil {
		return err
	}

	if len(left) > 0 {
		d.Wrong = append(d.Wrong, fmt.Sprintf("%v left", left))
	}

	return nil
}

// TortureOutgoing kills the worker, a command to which "--smtp-port=PORT DIR" is
// added, at random times while it delivers, and counts what the mail server was
// given. The error is for what keeps it from trying.
func TortureOutgoing(ctx context.Context, dir string, worker []string, messages, kills int, seed uint64) (*delivered, error) {
	box, err := NewMailbox()
	if err != nil {
		return nil, err
	}
	defer box.Close()
	worker = append(worker[:len(worker):len(worker)], fmt.Sprintf("--smtp-port=%d", box.Port()))
	rnd := rand.New(rand.NewPCG(seed, 0))
	total := &delivered{}
	var alone time.Duration
	for round := 0; total.Kills < kills && ctx.Err() == nil; round++ {
		site := filepath.Join(dir, fmt.Sprintf("out-%d", round))
		if err := os.Mkdir(site, 0o755); err != nil {
			return nil, err
		}
		if err := makeOutgoing(site, messages); err != nil {
			return nil, err
		}

		// The first round shows how long it takes.
		for killed := round > 0; killed; {
			err := run(ctx, worker, site, time.Duration(1+rnd.Float64()*float64(alone)))
			if killed = errors.Is(err, errKilled); killed {
				total.Kills++
			} else if err != nil {
				return nil, err
			}

			killed = killed && rnd.IntN(3) > 0
		}

		start := time.Now()
		if err := run(ctx, worker, site, 0); err != nil {
			return nil, err
		}

		if round == 0 {
			alone = time.Since(start)
		}

		if err := total.Count(site, messages, box.Take()); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(site); err != nil {
			return nil, err
		}
	}

	return total, ctx.Err()
}
