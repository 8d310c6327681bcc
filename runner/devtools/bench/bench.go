package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/pyworker"
)

// queues are the runners that are measured, and the queues they empty: the whole way
// from what comes in to the mail server.
var queues = append(slices.Clone(runner.Kinds), runner.Outgoing)

// Run measures batches on lists of each size, a row for each runner. Errors are those
// of the file system and of what Drain runs.
func Run(o Options) ([]Row, error) {
	var rows []Row
	for _, members := range o.Members {
		more, err := o.list(members)
		if err != nil {
			return rows, fmt.Errorf("a list of %d members: %w", members, err)
		}
		rows = append(rows, more...)
	}

	return rows, nil
}

func (o Options) tell(format string, a ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, a...))
	}
}

// list measures one list.
func (o Options) list(members int) (rows []Row, err error) {
	dir, err := os.MkdirTemp("", "mmrunner-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o.tell("making a list of %d members", members)
	s, _, err := demo.Make(dir, demo.Options{Members: members, Bounces: o.Bounces, Commands: o.Commands, Now: time.Now()})
	if err != nil {
		return nil, err
	}

	config := filepath.Join(s.ListDataDir(), demo.ListName, "config.pck")
	for _, q := range queues {
		before, err := copyTimes(config)
		if err != nil {
			return nil, err
		}

		o.tell("%s, %d members", q.Name, members)
		row := Row{Members: members}
		if row.Drained, err = o.Drain(dir, q.Name); err != nil {
			return nil, err
		}

		after, err := copyTimes(config)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(config)
		if err != nil {
			return nil, err
		}

		row.Copy, row.Bytes = median(append(before, after...)), info.Size()
		rows = append(rows, row)
	}

	return rows, nil
}

// Mailman has the own runners of an installation handle some entries each of a
// list like the rows', and sets what one of them takes in those rows whose list
// has that many members. The mail server that they have is at a port of this machine.
func Mailman(s *site.Site, rows []Row, members, entries, smtpPort int, progress func(string)) error {
	dir, err := os.MkdirTemp("", "mmrunner-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, _, err := demo.Make(dir, demo.Options{Members: members, Bounces: entries, Commands: entries, Now: time.Now()}); err != nil {
		return err
	}

	at := s.At(dir)
	at.Profile.Settings["SMTPHOST"] = site.Setting{Value: pickle.Str("127.0.0.1")}
	at.Profile.Settings["SMTPPORT"] = site.Setting{Value: pickle.Int(smtpPort)}

	for _, q := range queues {
		if progress != nil {
			progress(fmt.Sprintf("Mailman's %s, %d members", q.Name, members))
		}

		each, err := mailman(at, q.Name, q.Queue)
		if err != nil {
			return err
		}

		for i := range rows {
			if rows[i].Members == members && rows[i].Stats.Runner == q.Name {
				rows[i].Mailman = each
			}
		}
	}

	return nil
}

// mailman has Mailman's own runner empty a queue, and returns the time for one
// entry.
func mailman(s *site.Site, runner, queue string) (each time.Duration, err error) {
	waiting, err := filepath.Glob(filepath.Join(s.QueueDir(queue), "*.pck"))
	if err != nil {
		return 0, err
	}

	bases := make([]string, len(waiting))
	for i, file := range waiting {
		name := filepath.Base(file)
		bases[i] = name[:len(name)-len(".pck")]
	}

	w := pyworker.New(s, runner)
	defer func() {
		if e := w.Close(); err == nil {
			err = e
		}
	}()

	// Starting Python is not counted.
	if _, err := w.Handle(noLimit, nil); err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := w.Handle(noLimit, bases); err != nil {
		return 0, err
	}

	each = time.Since(start) / time.Duration(max(len(bases), 1))
	if shunted, _ := filepath.Glob(filepath.Join(s.QueueDir("shunt"), "*.pck")); len(shunted) > 0 {
		return 0, fmt.Errorf("mailman's %s shunted %d of %d entries", runner, len(shunted), len(bases))
	}

	return each, nil
}

// noLimit is for work that is not interrupted.
var noLimit = context.Background()
