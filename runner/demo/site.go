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
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
)

// Make makes the site in dir, which must be empty, with its mail in the queues. It returns the site, and what it will be
// like when the queues are drained. The error is for options that make no sense, or that of the file system or of
// o.Progress.
func Make(dir string, o Options) (*site.Site, *expected, error) {
	s, mails, want, err := Prepare(dir, o)
	if err != nil {
		return nil, nil, err
	}

	for _, queue := range []string{"bounces", "commands"} {
		if err := os.Mkdir(s.QueueDir(queue), 0o770); err != nil {
			return nil, nil, err
		}
	}

	// Entries arrive a tenth of a millisecond apart, bounces and commands at the same time.
	numbers := map[string]int{}
	for _, m := range mails {
		n := numbers[m.queue]
		numbers[m.queue]++

		if err := Enqueue(s, m.queue, ListName, m.flag, m.Text, o.Now.Add(time.Duration(n)*100*time.Microsecond)); err != nil {
			return nil, nil, err
		}
		if err := o.report(m.queue, n+1, o.mails(m.queue)); err != nil {
			return nil, nil, err
		}
	}

	return s, want, nil
}

// Mail is a message for an address of the list.
type Mail struct {
	Recipient string
	Text      string // with LF as line ends
	queue     string // the queue it goes to
	flag      string // of its entry's metadata; "" for no flag
}

// Prepare makes the site as Make does, and returns the mail that Make would put into
// its queues, the bounces first.
func Prepare(dir string, o Options) (s *site.Site, mails []Mail, want *expected, err error) {
	if o.Bounces < 0 || o.Commands < 0 || o.Members <= o.Commands {
		return nil, nil, nil, fmt.Errorf("got %d members, %d bounces and %d commands, need more members than commands, and none of them negative",
			o.Members, o.Bounces, o.Commands)
	}
	s = site.FromProfile(dir, site.Builtin())

	// The directories that Mailman's installation makes.
	for _, d := range []string{"lists", "logs", "locks", "data", "qfiles", "archives", "archives/public", "archives/private"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o775); err != nil {
			return nil, nil, nil, err
		}
	}

	// The last members send commands, and the mail of the others bounces.
	want = &expected{Members: o.Members}
	limit := o.Members - o.Commands
	if err := makeList(s, siteList, o, 0, 0); err != nil {
		return nil, nil, nil, err
	}
	if err := makeList(s, ListName, o, o.Members, limit); err != nil {
		return nil, nil, nil, err
	}

	b, err := newBounces(limit, want)
	if err != nil {
		return nil, nil, nil, err
	}

	for n := range o.Bounces {
		mails = append(mails, b.next(n))
	}
	b.finish()

	commands, err := makeCommands(s, o, limit, want)
	return s, append(mails, commands...), want, err
}

// mails returns how many messages there are for a queue.
func (o Options) mails(queue string) int {
	if queue == "bounces" {
		return o.Bounces
	}
	return o.Commands
}

// Enqueue puts a message for a list into a queue as text, as Mailman's scripts do. flag
// is the key that says to which of the list's addresses it came, for example
// "torequest"; "" for none. The error is the file system's.
func Enqueue(s *site.Site, queue, list, flag, text string, at time.Time) error {
	data := qfile.NewData()
	data.Set("listname", list)

	if flag != "" {
		data.Set(flag, 1)
	}

	base, b, err := qfile.Encode(pickle.Str(text), data, maillist.Seconds(at), s.Profile.QfileSchemaVersion)
	if err != nil {
		return err
	}
	return qfile.WriteFile(filepath.Join(s.QueueDir(queue), base+qfile.Waiting), b, false)
}

// makeCommands makes up the commands, and saves the requests that some of them confirm. The first command is from member
// first.
func makeCommands(s *site.Site, o Options, first int, want *expected) (mails []Mail, err error) {
	logs := mlog.Open(s.LogDir())
	defer logs.Close()
	l, err := maillist.Open(s, ListName, maillist.Options{Log: logs})
	if err != nil {
		return nil, err
	}

	db, err := pending.Open(l, pending.Options{Now: func() time.Time { return o.Now }})
	if err != nil {
		return nil, err
	}

	for n := range o.Commands {
		c, err := commandFor(n, first+n, db, want)
		if err != nil {
			return nil, err
		}
		mails = append(mails, c.mail(n))
	}

	// pending.pck is on the disk before the commands are: a confirmation must find its request.
	files, err := db.Stage()
	if err != nil {
		return nil, err
	}
	return mails, stage.PublishAll(files)
}
