package command

import (
	"fmt"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// severalBatches are sizes for the same entries.
var severalBatches = []int{1, 2, 7, 0}

// squares are members whose keys get in each other's way in Python's dicts.
func squares() (members []string) {
	for i := range 25 {
		members = append(members, fmt.Sprintf("user%d@example.net", i*i))
	}
	return members
}

// TestRosterAfterBatches holds the order of the members against Mailman's: it must be
// the same wherever a batch ends.
func TestRosterAfterBatches(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(s *scene) {
		if mmtest.Version(t, s.prefix) != "2.1.14" {
			// That one keeps the dicts themselves, with gaps that no file has.
			s.batches = severalBatches
		}

		members := squares()
		s.settings("MAX_AUTORESPONSES_PER_DAY = 0")
		s.lists(mmtest.ListSpec{Name: "shows", Members: members, Python: "m.subscribe_policy = 0\nm.private_roster = 0\nm.send_welcome_msg = m.send_goodbye_msg = 0\n"})

		for i := range 12 {
			s.command("shows", fmt.Sprintf("in%d@example.org", i), "subscribe", "")
			s.command("shows", members[i%3], "who", "")
			s.command("shows", members[i], "", fmt.Sprintf("unsubscribe pw%d\nwho\n", i))
			s.command("shows", members[i%3], "", "who\nbogus\n")
		}
	})
}

// TestReplybotAfterBatches has the Replybot answer the same messages wherever a batch
// ends. Mailman's own answers to a quick series depend on when a second is over.
func TestReplybotAfterBatches(t *testing.T) {
	t.Parallel()
	s := newScene(t, mmtest.Prefix(t))
	s.alone = true
	s.batches = severalBatches
	s.settings("MAX_AUTORESPONSES_PER_DAY = 0")
	s.lists(mmtest.ListSpec{Name: "answers", Members: people, Python: "m.autorespond_requests = 2\nm.autoresponse_request_text = 'Yes?'\n"})
	answered := 0
	s.checks = append(s.checks, func(s *scene, got map[string]any) {
		answered = len(got["queues"].(map[string]any)["virgin"].([]any))
	})
	const n = 24
	for i := range n {
		s.command("answers", people[i%3], "echo "+fmt.Sprint(i), "")
		if i%8 == 0 {
			s.queue("answers", "torequest", fmt.Sprintf("From: %s\nX-Ack: yes\nSubject: echo ack\nMessage-ID: <ack%d@example.org>\n\n", people[(i+1)%3], i))
		}
	}

	s.compare()
	// Each command has an answer; the first sender's note is kept, and the others'
	// are lost each time.
	if want := n + n/8; answered < want+n/2 || answered > 2*want {
		t.Errorf("got %d messages, want two for most of %d commands", answered, want)
	}
}
