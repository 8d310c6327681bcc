package bench

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/demo"
)

// openTheList has a load's list subscribe each asker at once, with a welcome.
func openTheList(s *site.Site) error {
	for name, v := range map[string]int{"subscribe_policy": 0, "send_welcome_msg": 1} {
		if err := change(s, demo.ListName, name, pickle.Int(v)); err != nil {
			return err
		}
	}
	return nil
}

// join is one of a load's requests to be subscribed.
func (l load) join(i int) string {
	return fmt.Sprintf("From: joiner%06d@host%03d.example.org\nTo: %s-request@lists.example.com\nSubject: subscribe\nMessage-ID: <join.%[1]d@example.org>\n\n",
		i, i%500, l.list(0))
}

// runner is the runner that a load is for, queue its queue.
func (l load) runner() string {
	if l.joins {
		return "CommandRunner"
	}
	return "BounceRunner"
}

func (l load) queue() string {
	if l.joins {
		return "commands"
	}
	return "bounces"
}
