package command

import (
	"fmt"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// TestBatchesDoNotShow has what a batch keeps in mind from one entry to the next:
// whom the Replybot has answered, and in what order Python's dicts have the members.
// It must be the same wherever a batch ends.
func TestBatchesDoNotShow(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(s *scene) {
		if mmtest.Version(t, s.prefix) != "2.1.14" {
			// That one keeps the dicts themselves, with gaps that no file has.
			s.batches = []int{1, 2, 7, 0}
		}
		var members []string
		for i := range 25 {
			members = append(members, fmt.Sprintf("user%d@example.net", i*i))
		}
		s.settings("MAX_AUTORESPONSES_PER_DAY = 0")
		s.lists(
			mmtest.ListSpec{Name: "answers", Members: members, Python: "m.autorespond_requests = 2\nm.autoresponse_request_text = 'Yes?'\n"},
			mmtest.ListSpec{Name: "shows", Members: members, Python: "m.subscribe_policy = 0\nm.private_roster = 0\nm.send_welcome_msg = m.send_goodbye_msg = 0\n"},
		)
		for i := range 12 {
			from := members[i%3]
			s.command("answers", from, "echo "+fmt.Sprint(i), "")
			s.command("shows", fmt.Sprintf("in%d@example.org", i), "subscribe", "")
			s.command("shows", from, "who", "")
			s.command("shows", members[i], "", fmt.Sprintf("unsubscribe pw%d\nwho\n", i))
			s.command("shows", from, "", "who\nbogus\n")
			if i%4 == 0 {
				s.queue("answers", "torequest", fmt.Sprintf("From: %s\nX-Ack: yes\nSubject: echo ack\nMessage-ID: <ack%d@example.org>\n\n", members[(i+1)%3], i))
			}
		}
	})
}
