package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/stage"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// wholeLoad is what waits in the queues before the whole way begins: bounces, the first
// of which disable their members, and commands of other members.
type wholeLoad struct {
	members  int
	bounces  int
	disable  int
	commands int
}

// fullScore is the list's bounce_score_threshold: a member's second bounce disables.
const fullScore = 2

// stagedIn is where the entries of a queue are until the runners are ready.
func stagedIn(s *site.Site, queue string) string { return filepath.Join(s.Prefix, "staged", queue) }

// staged are the queues that are filled.
var staged = []string{"bounces", "commands"}

// make makes the site, with the entries not yet in their queues.
func (l wholeLoad) make(dir string) (*site.Site, error) {
	if l.members < l.bounces+l.commands+1 {
		return nil, fmt.Errorf("--members: got %d, need more than %d bounces and %d commands together", l.members, l.bounces, l.commands)
	}

	now := time.Now()
	s, _, err := demo.Make(dir, demo.Options{Members: l.members, Commands: l.commands, Now: now})
	if err != nil {
		return nil, err
	}
	if err := l.weaken(s, now.AddDate(0, 0, -1)); err != nil {
		return nil, err
	}

	for i := range l.bounces {
		at := now.Add(time.Duration(i) * 100 * time.Microsecond)
		if err := demo.Enqueue(s, "bounces", demo.ListName, "", l.bounce(i), at); err != nil {
			return nil, err
		}
	}

	if err := os.Mkdir(filepath.Join(dir, "staged"), 0o770); err != nil {
		return nil, err
	}
	for _, queue := range staged {
		err := errors.Join(os.Rename(s.QueueDir(queue), stagedIn(s, queue)), os.Mkdir(s.QueueDir(queue), 0o770))
		if err != nil {
			return nil, err
		}
	}

	return s, nil
}

// member is the address of bounce i's member. The last members are those of the
// commands.
func (l wholeLoad) member(i int) string {
	n := l.members - 1 - l.commands - i
	return fmt.Sprintf("user%06d@host%03d.example.net", n, n%500)
}

// bounce is one of the bounces.
func (l wholeLoad) bounce(i int) string {
	to := fmt.Sprintf("%s-bounces+%s@lists.example.com", demo.ListName, strings.Replace(l.member(i), "@", "=", 1))
	return fmt.Sprintf("From: MAILER-DAEMON@mx.example.net\nTo: %s\nSubject: not delivered\nMessage-ID: <whole.%d@mx.example.net>\n\nNo such mailbox.\n", to, i)
}

// weaken has the first bounces' members, and no other, be those that bounced the day
// before.
func (l wholeLoad) weaken(s *site.Site, day time.Time) error {
	list, err := maillist.Open(s, demo.ListName, maillist.Options{Held: true})
	if err != nil {
		return err
	}

	list.Set("bounce_score_threshold", pickle.Int(fullScore))
	for i := range l.bounces {
		var info *maillist.BounceInfo
		if i < l.disable {
			info = maillist.NewBounceInfo(l.member(i), fullScore-1.0, maillist.DateOf(day), pickle.Int(3), time.Local)
		}
		if err := list.SetBounceInfo(l.member(i), info); err != nil {
			return err
		}
	}

	files, err := list.Stage()
	if err != nil {
		return err
	}
	return stage.PublishAll(files)
}

// release puts the entries into their queues, in their order.
func (l wholeLoad) release(s *site.Site) error {
	for _, queue := range staged {
		entries, err := os.ReadDir(stagedIn(s, queue)) // sorted by name, which begins with the time
		if err != nil {
			return err
		}

		for _, e := range entries {
			if err := os.Rename(filepath.Join(stagedIn(s, queue), e.Name()), filepath.Join(s.QueueDir(queue), e.Name())); err != nil {
				return err
			}
		}
	}

	return nil
}

// check says what of the load was not done.
func (l wholeLoad) check(s *site.Site) error {
	if shunted, _ := filepath.Glob(filepath.Join(s.QueueDir("shunt"), "*.pck")); len(shunted) > 0 {
		log, _ := os.ReadFile(filepath.Join(s.LogDir(), "error"))
		return fmt.Errorf("%d entries were shunted; logs/error ends:\n%s", len(shunted), log[max(0, len(log)-2000):])
	}

	list, err := maillist.Open(s, demo.ListName, maillist.Options{Held: true})
	if err != nil {
		return err
	}
	for i := range l.bounces {
		status, err := list.GetDeliveryStatus(l.member(i))
		if err != nil {
			return err
		}
		if disabled := status == maillist.ByBounce; disabled != (i < l.disable) {
			return fmt.Errorf("after its bounce, %s is disabled: got %v, need %v", l.member(i), disabled, !disabled)
		}
	}

	return nil
}
