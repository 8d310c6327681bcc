package bench

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// listName is the list that mail comes to.
const listName = demo.ListName

// Intake says what of the way in is measured.
type Intake struct {
	Messages int // by LMTP, and for the disk alone
	Piped    int // by pipe, each by a program of its own
	Members  int // of the list, for the whole way to its saved state

	// Serve starts an LMTP server for the site in dir as a process of its own.
	Serve func(dir string) (*Served, error)
	// Drain runs one runner over all that waits on the site in dir.
	Drain func(dir, runner string) (Drained, error)
	// Postfix starts a Postfix, with further lines for main.cf and lines of an alias
	// file; nil where there is none.
	Postfix func(settings, aliases string) (*MailServer, error)
	// Installed is the Mailman whose scripts are measured; nil measures none.
	Installed *site.Site
	// Mmpost is the path of mmpost; "" measures none.
	Mmpost string
	// Progress is told what goes on; it may be nil.
	Progress func(what string)
}

// Served is a running LMTP server.
type Served struct {
	PID     int
	Address string // HOST:PORT for mail
	Maps    string // HOST:PORT of its socketmap
	Stop    func() error
}

// MailServer is a running Postfix.
type MailServer struct {
	PID     int          // of the process that started all others of it
	Address string       // HOST:PORT of its SMTP server
	Log     string       // its log file
	Stop    func() error `json:"-"`
}

// IntakeRow is one way of putting messages into a queue.
type IntakeRow struct {
	Way         string  `json:"way"`
	Messages    int     `json:"messages"`
	Connections int     `json:"connections"` // or programs, at once
	Elapsed     float64 `json:"elapsed_seconds"`
	CPU         float64 `json:"cpu_seconds"` // of the server, or of the programs
}

// Ways that are compared.
const (
	wayFlush = "a flush of the disk"
	wayFile  = "a file and its name, flushed"
	wayLMTP  = "LMTP"
	wayPost  = "mmpost, a process each"
	wayPipe  = "Mailman's script, a Python each"
)

// Rate is in messages a second.
func (r IntakeRow) Rate() float64 { return float64(r.Messages) / r.Elapsed }

// Each is the processor time of one message, in seconds.
func (r IntakeRow) Each() float64 { return r.CPU / float64(r.Messages) }

// connections are how many there are at once: one, one for each core of a small machine, and as
// many as a busy mail server has.
var connections = []int{1, 2, 8}

// rounds are how often the disk and LMTP are measured, each with a part of the messages.
const rounds = 3

// Run measures how fast messages are put into a queue and flushed: by the disk alone,
// by LMTP, by mmpost and by Mailman's script. Errors are those of what was started.
func (o Intake) Run() (rows []IntakeRow, err error) {
	// All is removed together, see Loads.
	top, err := os.MkdirTemp("", "mmrunner-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(top)

	// The disk and LMTP by turns: the median of some rounds says more than one long round where others use the machine.
	for _, n := range connections {
		ways := []func(dir string, atOnce int) (IntakeRow, error){o.flushes, o.files, o.lmtp}
		measured := make([][]IntakeRow, len(ways))
		for range rounds {
			for i, way := range ways {
				dir, err := os.MkdirTemp(top, "")
				if err != nil {
					return rows, err
				}
				row, err := way(dir, n)
				if err != nil {
					return rows, err
				}
				measured[i] = append(measured[i], row)
			}
		}

		for _, m := range measured {
			rows = append(rows, medianRow(m))
		}
	}

	if o.Mmpost != "" {
		row, err := o.pipe(filepath.Join(top, "mmpost"), wayPost, func(s *site.Site) ([]string, error) {
			return mmpostAt(o.Mmpost, s, listName)
		})
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}

	if o.Installed != nil {
		row, err := o.pipe(filepath.Join(top, "script"), wayPipe, func(s *site.Site) ([]string, error) {
			return script(o.Installed, s, listName)
		})
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}

	return rows, nil
}

// medianRow is the row of median rate.
func medianRow(rows []IntakeRow) IntakeRow {
	slices.SortFunc(rows, func(a, b IntakeRow) int { return cmp.Compare(a.Rate(), b.Rate()) })
	return rows[len(rows)/2]
}

func (o Intake) tell(format string, a ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, a...))
	}
}

// intakeSite makes a site with a small list in dir, and bounces for it.
func intakeSite(dir string, messages int) (s *site.Site, texts []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	s, mails, _, err := demo.Prepare(dir, demo.Options{Members: 100, Bounces: messages, Now: time.Now()})
	if err != nil {
		return nil, nil, err
	}

	for _, queue := range []string{"in", "bounces", "commands"} {
		if err := os.Mkdir(s.QueueDir(queue), 0o770); err != nil {
			return nil, nil, err
		}
	}

	for _, m := range mails {
		texts = append(texts, m.Text)
	}
	return s, texts, nil
}

// lmtp measures a server, whose clients send what comes after a message together
// with its end (RFC 2920).
func (o Intake) lmtp(dir string, clients int) (row IntakeRow, err error) {
	messages := max(1, o.Messages/rounds)
	o.tell("LMTP, %d messages on %d connections", messages, clients)
	_, texts, err := intakeSite(dir, messages)
	if err != nil {
		return row, err
	}

	served, err := o.Serve(dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, served.Stop()) }()
	conns := make([]*mailClient, clients)
	for i := range conns {
		if conns[i], err = dialMail(served.Address, "LHLO"); err != nil {
			return row, err
		}
		defer conns[i].Close()
	}

	before, err := treeTime(served.PID)
	if err != nil {
		return row, err
	}
	began := time.Now()
	err = shareOut(len(texts), clients, func(client, i int) error {
		return conns[client].send(listName+"-bounces", texts[i], listName+"-bounces")
	})
	if err != nil {
		return row, err
	}

	took := time.Since(began)
	after, err := treeTime(served.PID)
	return IntakeRow{
		Way: wayLMTP, Messages: len(texts), Connections: clients, Elapsed: took.Seconds(), CPU: (after - before).Seconds(),
	}, err
}

// pipe measures a program that is started for each message.
func (o Intake) pipe(dir, way string, command func(*site.Site) ([]string, error)) (row IntakeRow, err error) {
	o.tell("%s, %d messages", way, o.Piped)
	s, texts, err := intakeSite(dir, o.Piped)
	if err != nil {
		return row, err
	}

	argv, err := command(s)
	if err != nil {
		return row, err
	}
	took, cpu, err := piped(argv, texts)
	return IntakeRow{Way: way, Messages: len(texts), Connections: 1, Elapsed: took.Seconds(), CPU: cpu.Seconds()}, err
}

// shareOut calls f for 0 to n-1 on some goroutines, whose numbers it is told, until
// one call fails.
func shareOut(n, goroutines int, f func(goroutine, i int) error) error {
	var next atomic.Int64
	errs := make([]error, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for errs[g] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[g] = f(g, i)
			}
		})
	}

	wg.Wait()
	return errors.Join(errs...)
}
