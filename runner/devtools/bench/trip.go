package bench

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// TripRow is the whole way of bounces: from the SMTP server that accepts them to the
// saved list. Times are processor times, in seconds.
type TripRow struct {
	Way        string  `json:"way"`
	Bounces    int     `json:"bounces"`
	Elapsed    float64 `json:"elapsed_seconds"`
	MailServer float64 `json:"mail_server_seconds"` // Postfix, and the programs that it pipes to
	Server     float64 `json:"server_seconds"`      // mmrunner lmtp
	Batch      float64 `json:"batch_seconds"`       // mmrunner's BounceRunner, its start included
}

// Each is the processor time of all processes for one bounce, in seconds.
func (r TripRow) Each() float64 { return (r.MailServer + r.Server + r.Batch) / float64(r.Bounces) }

// Trips measures the whole way through a real Postfix: by LMTP and, where a Mailman is
// installed, by its pipe. Without a Postfix it measures nothing.
func (o Intake) Trips() (rows []TripRow, err error) {
	if o.Postfix == nil {
		return nil, nil
	}

	top, err := os.MkdirTemp("", "mmrunner-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(top)

	// Postfix's pipes run as another user.
	if err := os.Chmod(top, 0o755); err != nil {
		return nil, err
	}

	t := trip{Intake: o, dir: filepath.Join(top, "lmtp"), way: "LMTP", bounces: o.Messages}
	row, err := t.byLMTP()
	if err != nil {
		return nil, err
	}
	rows = append(rows, row)

	if o.Installed != nil {
		t := trip{Intake: o, dir: filepath.Join(top, "pipe"), way: "pipe", bounces: o.Piped}
		row, err := t.byPipe()
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}

	return rows, nil
}

// trip is one of them.
type trip struct {
	Intake
	dir     string // of the site
	way     string
	bounces int

	site  *site.Site
	mails []demo.Mail
}

// make makes the site, with queues that pipes may write to.
func (t *trip) make() (err error) {
	t.tell("through Postfix by %s: %d bounces", t.way, t.bounces)
	if err := os.Mkdir(t.dir, 0o755); err != nil {
		return err
	}
	if t.site, t.mails, _, err = demo.Prepare(t.dir, demo.Options{Members: t.Members, Bounces: t.bounces, Now: time.Now()}); err != nil {
		return err
	}

	for _, queue := range []string{"in", "bounces", "commands"} {
		dir := t.site.QueueDir(queue)
		if err := errors.Join(os.Mkdir(dir, 0o777), os.Chmod(dir, 0o777)); err != nil {
			return err
		}
	}

	return nil
}

func (t *trip) byLMTP() (row TripRow, err error) {
	if err := t.make(); err != nil {
		return row, err
	}
	served, err := t.Serve(t.dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, served.Stop()) }()
	config, err := lmtp.Config(t.site, "postfix", lmtp.Addresses{Listen: []string{served.Address}, Maps: []string{served.Maps}})
	if err != nil {
		return row, err
	}

	before, err := treeTime(served.PID)
	if err != nil {
		return row, err
	}
	if row, err = t.through(config, ""); err != nil {
		return row, err
	}
	after, err := treeTime(served.PID)
	row.Server = (after - before).Seconds()
	return row, err
}

func (t *trip) byPipe() (row TripRow, err error) {
	if err := t.make(); err != nil {
		return row, err
	}
	command, err := script(t.Installed, t.site, listName)
	if err != nil {
		return row, err
	}

	// The first run compiles mm_cfg.py for those of other users.
	if _, _, err := piped(command, []string{"x\n"}); err != nil {
		return row, err
	}
	entries, err := filepath.Glob(filepath.Join(t.site.QueueDir("bounces"), "*.pck"))
	for _, e := range entries {
		err = errors.Join(err, os.Remove(e))
	}
	if err != nil {
		return row, err
	}

	for i := range t.mails {
		local, _, _ := strings.Cut(t.mails[i].Recipient, "@")
		t.mails[i].Recipient = local + "@pipe.example"
	}

	// Pipes run as the user that will read the queue; Postfix refuses root.
	settings := ""
	if u, err := user.Current(); err == nil && u.Uid != "0" {
		settings = "default_privs = " + u.Username
	}

	return t.through(settings, fmt.Sprintf("%s-bounces: \"|%s\"\n", listName, strings.Join(command, " ")))
}

// through sends the bounces to a Postfix, waits until all are queued, and saves the
// list.
func (t *trip) through(config, aliases string) (row TripRow, err error) {
	p, err := t.Postfix(config, aliases)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()

	before, err := treeTime(p.PID)
	if err != nil {
		return row, err
	}
	began := time.Now()
	if err := t.send(p.Address); err != nil {
		return row, err
	}
	if err := t.await(p); err != nil {
		return row, err
	}

	after, err := treeTime(p.PID)
	if err != nil {
		return row, err
	}
	drained, err := t.Drain(t.dir, "BounceRunner")
	if err != nil {
		return row, err
	}
	if drained.Stats.Entries != t.bounces {
		return row, fmt.Errorf("BounceRunner handled %d entries, need %d", drained.Stats.Entries, t.bounces)
	}

	return TripRow{
		Way: t.way, Bounces: t.bounces, Elapsed: time.Since(began).Seconds(), MailServer: (after - before).Seconds(), Batch: drained.CPU.Seconds(),
	}, nil
}

// send sends the bounces by SMTP on some connections.
func (t *trip) send(address string) (err error) {
	const clients = 4
	var conns [clients]*mailClient
	for i := range conns {
		if conns[i], err = dialMail(address, "EHLO"); err != nil {
			return err
		}
		defer conns[i].Close()
	}

	return shareOut(len(t.mails), clients, func(client, i int) error { return conns[client].send(t.mails[i].Recipient, t.mails[i].Text, "") })
}

// awaitLonger is how long the queue may stand still before it is given up.
const awaitLonger = time.Minute

// await returns when all bounces are in the queue.
func (t *trip) await(p *MailServer) error {
	had, since := -1, time.Now()
	for {
		queued, err := filepath.Glob(filepath.Join(t.site.QueueDir("bounces"), "*.pck"))
		if err != nil || len(queued) == t.bounces {
			return err
		}

		if len(queued) != had {
			had, since = len(queued), time.Now()
		}
		if time.Since(since) > awaitLonger {
			log, _ := os.ReadFile(p.Log)
			return fmt.Errorf("after %v, %d of %d bounces are in the queue; Postfix's log ends:\n%s", awaitLonger, had, t.bounces, log[max(0, len(log)-2000):])
		}

		time.Sleep(200 * time.Millisecond)
	}
}
