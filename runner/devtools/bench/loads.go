package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// A load is a batch that is not one of usual bounces on one list.
type load struct {
	name    string
	lists   int
	members int // of each list
	bounces int
	bytes   int  // of each message, about
	nobody  bool // no address is found in them: they go to the owner
	disable bool // each disables its member
	saved   bool // another process saves the list twice a second
	memory  bool // it is the peak of memory that has a budget
	joins   bool // they are no bounces: each is a request to be subscribed at once
}

// loads are those that Loads measures.
var loads = []load{
	{name: "each disables a member", lists: 1, members: 5000, bounces: 3000, disable: true},
	{name: "the same, list saved twice a second", lists: 1, members: 5000, bounces: 3000, disable: true, saved: true},
	{name: "one on each of 1,000 lists", lists: 1000, members: 10, bounces: 1000},
	{name: "1,635 on 768 lists", lists: 768, members: 10, bounces: 1635},
	{name: "of 1 MB, all go to the owner", lists: 1, members: 138_000, bounces: 500, bytes: 1 << 20, nobody: true, memory: true},
	{name: "that join 3,000 members at once", lists: 1, members: 3000, bounces: 1000, joins: true},
	{name: "that join 4,900 members at once", lists: 1, members: 4900, bounces: 1000, joins: true},
	{name: "that join 6,000 members at once", lists: 1, members: 6000, bounces: 1000, joins: true},
}

// LoadRow has the figures of one load.
type LoadRow struct {
	Load    string  `json:"load"`
	Lists   int     `json:"lists"`
	Entries int     `json:"entries"`
	Bytes   int64   `json:"config_bytes"` // of the largest config.pck, after it
	Elapsed float64 `json:"elapsed_seconds"`
	Held    float64 `json:"lock_held_seconds"`         // in all
	Longest float64 `json:"lock_held_longest_seconds"` // at a time
	Copy    float64 `json:"copy_seconds"`              // a copy and fsync of config.pck
	Mailman float64 `json:"mailman_seconds,omitempty"` // what Mailman's runner took; 0 where it was not asked
	Peak    int64   `json:"peak_bytes"`
	limit   load    // what it was made from
}

// Loads measures loads that are not one batch of usual bounces on one list: bounces
// that disable members, quiet and beside a process that saves the list, on many small
// lists, and large ones; addresses that join lists at once. divide makes them smaller by that factor. s, which may be nil, is an
// installation whose own runner handles those on many lists, for the ratio.
func Loads(o Options, divide int, s *site.Site) (rows []LoadRow, err error) {
	// All sites are removed together: a file system that has just had thousands of files removed is slow to make new
	// ones (ext4 leaves their inodes alone for some seconds).
	top, err := os.MkdirTemp("", "mmrunner-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(top)

	for _, l := range loads {
		l.lists, l.members, l.bounces = max(1, l.lists/divide), max(10, l.members/divide), max(1, l.bounces/divide)
		row, err := o.load(top, l)
		if err == nil && s != nil && l.lists > 1 {
			row.Mailman, err = o.loadOfMailman(top, l, s)
		}

		if err != nil {
			return rows, fmt.Errorf("bounces %s: %w", l.name, err)
		}
		rows = append(rows, row)
	}

	return rows, nil
}

// load measures one load.
func (o Options) load(top string, l load) (row LoadRow, err error) {
	dir, err := os.MkdirTemp(top, "")
	if err != nil {
		return row, err
	}

	o.tell("making what %s is to do: %d %s", l.runner(), l.bounces, l.name)
	s, err := l.make(dir)
	if err != nil {
		return row, err
	}

	config := filepath.Join(maillist.ListPath(s, l.list(0)), "config.pck")
	before, err := copyTimes(config)
	if err != nil {
		return row, err
	}

	o.tell("%s: %d %s", l.runner(), l.bounces, l.name)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)

	if l.saved {
		go func() { ended <- saveTwiceASecond(ctx, s, l.list(0)) }()
	} else {
		ended <- nil
	}

	d, err := o.Drain(dir, l.runner())
	stop()
	if err2 := <-ended; err == nil {
		err = err2
	}

	if err != nil {
		return row, err
	}

	after, err := copyTimes(config)
	if err != nil {
		return row, err
	}

	info, err := os.Stat(config)
	if err != nil {
		return row, err
	}

	return LoadRow{
		Load: l.name, Lists: l.lists, Entries: d.Stats.Entries, Bytes: info.Size(), Elapsed: d.Stats.Elapsed.Seconds(),
		Held: d.Stats.Held.Seconds(), Longest: d.Stats.HeldLongest.Seconds(),
		Copy: median(append(before, after...)).Seconds(), Peak: d.Peak, limit: l,
	}, nil
}

// loadOfMailman is how long Mailman's own runner takes over a load, in seconds.
func (o Options) loadOfMailman(top string, l load, s *site.Site) (seconds float64, err error) {
	dir, err := os.MkdirTemp(top, "")
	if err != nil {
		return 0, err
	}
	if _, err := l.make(dir); err != nil {
		return 0, err
	}

	o.tell("Mailman's BounceRunner, %s", l.name)
	each, err := mailman(s.At(dir), "BounceRunner", "bounces")
	return each.Seconds() * float64(l.bounces), err
}

// list is the name of one of a load's lists.
func (l load) list(i int) string {
	if i == 0 {
		return demo.ListName
	}
	return fmt.Sprintf("%s%04d", demo.ListName, i)
}

// make makes a site in dir, with the load in its queue.
func (l load) make(dir string) (*site.Site, error) {
	now := time.Now()
	s, _, err := demo.Make(dir, demo.Options{Members: l.members, Now: now})
	if err != nil {
		return nil, err
	}

	if l.disable {
		if err := change(s, demo.ListName, "bounce_score_threshold", pickle.Int(1)); err != nil {
			return nil, err
		}
	}

	if l.joins {
		if err := openTheList(s); err != nil {
			return nil, err
		}
	}

	b, err := os.ReadFile(filepath.Join(maillist.ListPath(s, demo.ListName), "config.pck"))
	if err != nil {
		return nil, err
	}

	for i := 1; i < l.lists; i++ {
		path := maillist.ListPath(s, l.list(i))
		if err := os.Mkdir(path, 0o775); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(path, "config.pck"), b, 0o660); err != nil {
			return nil, err
		}
	}

	for i := range l.bounces {
		flag, text := "", ""
		if l.joins {
			flag, text = "torequest", l.join(i)
		} else {
			text = l.bounce(i)
		}

		at := now.Add(time.Duration(i) * 100 * time.Microsecond)
		if err := demo.Enqueue(s, l.queue(), l.list(i%l.lists), flag, text, at); err != nil {
			return nil, err
		}
	}

	return s, nil
}

// bounce is one of a load's messages.
func (l load) bounce(i int) string {
	list := l.list(i % l.lists)
	to := list + "-bounces"

	if !l.nobody {
		member := i / l.lists % l.members
		to += fmt.Sprintf("+user%06d=host%03d.example.net", member, member%500)
	}

	text := fmt.Sprintf("From: MAILER-DAEMON@mx.example.net\nTo: %s@lists.example.com\nSubject: not delivered\nMessage-ID: <load.%d@mx.example.net>\n\n", to, i)
	if n := l.bytes - len(text); n > 0 {
		text += strings.Repeat(strings.Repeat("x", 71)+"\n", n/72)
	}

	return text + "Nobody is here.\n"
}

// saveTwiceASecond changes a list as a web page does, until ctx ends.
func saveTwiceASecond(ctx context.Context, s *site.Site, list string) error {
	lock, err := lockfile.New(maillist.LockPath(s, list), lockfile.Options{})
	if err != nil {
		return err
	}

	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}

		if err := lock.Lock(ctx, time.Minute); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}

		if err := change(s, list, "info", pickle.Str(fmt.Sprint("saved ", n))); err != nil {
			return err
		}
		if err := lock.Unlock(true); err != nil {
			return err
		}
	}
}

// change sets an attribute of a list, whose lock the caller has.
func change(s *site.Site, list, attr string, v pickle.Value) error {
	l, err := maillist.Open(s, list, maillist.Options{Held: true})
	if err != nil {
		return err
	}

	l.Set(attr, v)
	files, err := l.Stage()
	if err != nil {
		return err
	}
	return stage.PublishAll(files)
}

// PrintLoads writes the rows as a table.
func PrintLoads(w io.Writer, rows []LoadRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENTRIES\tTOOK\tMAILMAN\tTIMES AS FAST\tLOCK HELD, LONGEST\tCOPY + FSYNC\tPEAK MEMORY")

	for _, r := range rows {
		mailman, faster := "-", "-"
		if r.Mailman > 0 {
			mailman, faster = fmt.Sprintf("%.2f s", r.Mailman), fmt.Sprintf("%.1f", r.Mailman/r.Elapsed)
		}
		fmt.Fprintf(t, "%d %s\t%.2f s\t%s\t%s\t%.1f ms\t%.1f ms\t%s\n", r.Entries, r.Load, r.Elapsed, mailman, faster, r.Longest*1000, r.Copy*1000, megabytes(r.Peak))
	}

	return t.Flush()
}

// Budgets of loads: how many times as fast as Mailman many small lists have to be,
// and how much memory large messages may take over that of config.pck.
const (
	listsTimes = 3
	largeMore  = 128 << 20
)

// OverLoads returns a sentence for each figure over its budget.
func OverLoads(rows []LoadRow) (over []string) {
	for _, r := range rows {
		what := fmt.Sprintf("%d bounces %s", r.Entries, r.Load)
		if limit := lockTimes * r.Copy; r.limit.disable && r.Longest > limit {
			over = append(over, fmt.Sprintf("%s: held the lock for %.1f ms, need at most %.1f ms", what, r.Longest*1000, limit*1000))
		}

		if r.Mailman > 0 && r.Mailman < listsTimes*r.Elapsed {
			over = append(over, fmt.Sprintf("%s: got %.2f s, need Mailman's %.2f s divided by %d", what, r.Elapsed, r.Mailman, listsTimes))
		}

		if limit := memoryTimes*r.Bytes + largeMore; r.limit.memory && r.Peak > limit {
			over = append(over, fmt.Sprintf("%s: got a peak of %s, need at most %s", what, megabytes(r.Peak), megabytes(limit)))
		}
	}

	return over
}
