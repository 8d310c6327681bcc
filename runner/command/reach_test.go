package command

import (
	"fmt"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// A confirmation that changes an address on all lists comes, on each of them, after
// what came before it and before what came after: a list whose entries are handled
// first because its first entry came first must not run ahead.
func TestChangeOnAllListsKeepsItsPlace(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(s *scene) {
		first, second := s.newCookie(), s.newCookie()
		python := "m.send_welcome_msg = m.send_goodbye_msg = 0\nm.unsubscribe_policy = 0\nm.subscribe_policy = 0\n"
		s.lists(
			mmtest.ListSpec{Name: "across-a", Members: people, Python: python +
				fmt.Sprintf("pend(%q, 'C', 'anne@example.net', 'anna@example.org', 1)\npend(%q, 'C', 'anna@example.org', 'anita@example.org', 1)\n", first, second)},
			mmtest.ListSpec{Name: "across-b", Members: people, Python: python},
			mmtest.ListSpec{Name: "across-c", Members: people, Python: python},
		)

		s.command("across-b", "someone@example.org", "help", "")
		s.command("across-c", "anne@example.net", "", "set authenticate pw0\nset hide on\n")
		s.command("across-a", "anyone@example.org", "confirm "+first, "")
		s.command("across-c", "anna@example.org", "", "set authenticate pw0\nset show\n")
		s.command("across-b", "anna@example.org", "unsubscribe pw0", "")
		s.queue("across-a", "toconfirm", "From: anyone@example.org\nTo: across-a-confirm+"+second+"@lists.example.com\n\n")
		s.command("across-b", "anita@example.org", "", "set authenticate pw0\nset show\n")
		s.command("across-c", "anita@example.org", "unsubscribe pw0", "")
	})
}
