package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/pending"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// Make makes the site in dir, which must be empty, and returns it with what it
// will be like when its queues are drained. The error is for options that make
// no sense, the file system's, and that of o.Progress.
func Make(dir string, o Options) (*site.Site, *Expected, error) {
	if o.Bounces < 0 || o.Commands < 0 || o.Members <= o.Commands {
		return nil, nil, fmt.Errorf("got %d members, %d bounces and %d commands, need more members than commands, and none of them negative",
			o.Members, o.Bounces, o.Commands)
	}
	s := site.FromProfile(dir, site.Builtin())

	for _, d := range []string{"lists", "logs", "locks", "data", "qfiles", "archives", "archives/public", "archives/private"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o775); err != nil {
			return nil, nil, err
		}
	}

	want := &Expected{Members: o.Members}
	// The last members send commands, the others' mail bounces.
	limit := o.Members - o.Commands
	if err := makeList(s, siteList, o, 0, 0); err != nil {
		return nil, nil, err
	}
	if err := makeList(s, ListName, o, o.Members, limit); err != nil {
		return nil, nil, err
	}
	if err := makeBounces(s, o, limit, want); err != nil {
		return nil, nil, err
	}

	return s, want, makeCommands(s, o, limit, want)
}

// enqueue leaves a message in a queue as the mail system's wrapper does: as
// text. The entries come in a tenth of a millisecond apart.
func enqueue(s *site.Site, queue string, n int, o Options, text, to string) error {
	data := qfile.NewData()
	data.Set("listname", ListName)

	if to != "" {
		data.Set(to, 1)
	}

	now := maillist.Seconds(o.Now.Add(time.Duration(n) * 100 * time.Microsecond))
	base, b, err := qfile.Encode(pickle.Str(text), data, now, s.Profile.QfileSchemaVersion)
	if err != nil {
		return err
	}
	return qfile.WriteFile(filepath.Join(s.QueueDir(queue), base+qfile.Waiting), b, false)
}

func makeBounces(s *site.Site, o Options, limit int, want *Expected) error {
	if err := os.Mkdir(s.QueueDir("bounces"), 0o770); err != nil {
		return err
	}
	b, err := newBounces(limit, want)
	if err != nil {
		return err
	}

	for n := range o.Bounces {
		if err := enqueue(s, "bounces", n, o, b.next(n), ""); err != nil {
			return err
		}
		if err := o.tell("bounces", n+1, o.Bounces); err != nil {
			return err
		}
	}

	b.settle()
	return nil
}

func makeCommands(s *site.Site, o Options, first int, want *Expected) error {
	if err := os.Mkdir(s.QueueDir("commands"), 0o770); err != nil {
		return err
	}
	logs := mlog.Open(s.LogDir())
	defer logs.Close()
	l, err := maillist.Open(s, ListName, maillist.Options{Log: logs})
	if err != nil {
		return err
	}

	db, err := pending.Open(l, pending.Options{Now: func() time.Time { return o.Now }})
	if err != nil {
		return err
	}

	for n := range o.Commands {
		c, err := commandFor(n, first+n, db, want)
		if err != nil {
			return err
		}
		if err := enqueue(s, "commands", n, o, c.mail(n), "to"+c.address); err != nil {
			return err
		}
		if err := o.tell("commands", n+1, o.Commands); err != nil {
			return err
		}
	}

	files, err := db.Stage()
	for _, f := range files {
		if err == nil {
			err = f.Publish(nil)
		}
	}

	return err
}
