package outgoing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/outgoing"
)

// A site with a Decorate or a DELIVERY_MODULE of its own, and a list with an extend.py,
// are Python's: what they do to a message reaches the mail server, once.
func TestWhatIsChangedGoesToPython(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ file, text, settings string }{
		"Decorate": {"Mailman/Handlers/Decorate.py", `
shipped = process
def process(mlist, msg, msgdata):
    msg['X-Site'] = 'ours'
    shipped(mlist, msg, msgdata)
`, ""},
		"SMTPDirect": {"Mailman/Handlers/Mine.py", `
from Mailman.Handlers import SMTPDirect
def process(mlist, msg, msgdata):
    msg['X-Site'] = 'ours'
    SMTPDirect.process(mlist, msg, msgdata)
`, "DELIVERY_MODULE = 'Mine'"},
		"a list": {"lists/test/extend.py", `
from Mailman import MailList
class Elsewhere(MailList.MailList):
    def GetBouncesEmail(self):
        return 'bounces@elsewhere.example.com'
def extend(mlist):
    mlist.__class__ = Elsewhere
`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prefix := mmtest.Clone(t)
			s := newServer(t)
			settings(t, prefix, s.settings()+change.settings)
			mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test", Members: []string{"a@example.com"}})
			var entries []mmtest.EntrySpec
			for n := range 3 {
				entries = append(entries, mmtest.EntrySpec{Queue: "out", List: "test", Data: "{'recips': ['a@example.com', 'b@example.com']}",
					Text: fmt.Appendf(nil, "From: x@example.com\nMessage-ID: <%d@example.com>\n\ntext\n", n)})
			}
			mmtest.Enqueue(t, prefix, entries...)
			f, err := os.OpenFile(filepath.Join(prefix, change.file), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(change.text); err != nil {
				t.Fatal(err)
			}
			f.Close()

			if stats := drain(t, openSite(t, prefix), outgoing.Options{}); stats.Outcomes[runner.Delegated] != 3 {
				t.Errorf("got %v, need 3 delegated", stats.Outcomes)
			}

			given := s.take()
			if len(given) != 3 {
				t.Fatalf("got %d messages given to the server, need 3", len(given))
			}
			for i, text := range given {
				if !strings.Contains(text, "X-Site: ours") && !strings.Contains(text, "mail FROM:<bounces@elsewhere.example.com>") || !strings.Contains(text, fmt.Sprintf("<%d@example.com>", i)) {
					t.Errorf("message %d: got no trace of the site's own code, or another message:\n%s", i, text)
				}
			}

			if left, _ := filepath.Glob(filepath.Join(prefix, "qfiles", "*", "*")); len(left) > 0 {
				t.Errorf("got %v left, need nothing", left)
			}
		})
	}
}

// A site that says to ignore its changes has its mail delivered without them.
func TestChangesAreIgnoredWhereAsked(t *testing.T) {
	t.Parallel()
	prefix := mmtest.Clone(t)
	s := newServer(t)
	settings(t, prefix, s.settings()+"MMRUNNER_IGNORE_CHANGES = True")
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "test"})
	mmtest.Enqueue(t, prefix, mmtest.EntrySpec{Queue: "out", List: "test", Data: "{'recips': ['a@example.com']}", Text: []byte("From: x@example.com\n\ntext\n")})
	if err := os.WriteFile(filepath.Join(prefix, "Mailman", "Handlers", "Decorate.py"), []byte("def process(mlist, msg, msgdata):\n    msg['X-Site'] = 'ours'\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	if stats := drain(t, openSite(t, prefix), outgoing.Options{}); stats.Outcomes[runner.Delivered] != 1 {
		t.Errorf("got %v, need 1 delivered", stats.Outcomes)
	}
	if given := s.take(); len(given) != 1 || strings.Contains(given[0], "X-Site") || !strings.Contains(given[0], "Test mailing list") {
		t.Errorf("got %q given to the server, need the message with Mailman's footer alone", given)
	}
}
