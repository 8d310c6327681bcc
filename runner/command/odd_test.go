package command

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// oddScene is of lists as no web page makes them: templates of their own in each
// place where Mailman looks, languages that are not installed, address changes
// over all lists that some of them refuse.
func oddScene(s *scene) {
	for file, text := range map[string]string{
		"templates/site/en/help.txt":                "Site's help for %(listname)s:\n%(commands)s\n%(nosuch)s\n",
		"templates/lists.example.com/en/unsub.txt":  "Host's way to leave %(listname)s: %(cookie)s\nlong long long long long long long long long long long long long long long long lines\n   kept\n",
		"lists/odd/en/verify.txt":                   "List's own: %(email)s %(cookie)s 100%\n",
		"lists/odd/en/subscribeack.txt":             "Welcome %(user)s, %(password)s, \xe9t\xe9\n",
		"lists/odd/de/subscribeack.txt":             "Willkommen %(user)s %(real_name)d\n",
		"lists/odd/fr/adminunsubscribeack.txt":      "",
		"templates/site/en/nomoretoday.txt":         "No more for %(sender)s, %(num)d, %(num)s.\n",
		"templates/site/fr/adminsubscribeack.txt":   "%(member)s\r\n%(whence)s\r\n",
		"templates/lists.example.com/fr/invite.txt": "never used\n",
	} {
		file = filepath.Join(s.prefix, file)
		s.late = append(s.late, func() {
			if err := os.MkdirAll(filepath.Dir(file), 0o775); err != nil {
				s.t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o664); err != nil {
				s.t.Fatal(err)
			}
		})
	}

	var pend strings.Builder
	changes := []string{"'one@example.net', 'two@example.net', 1", "'three@example.net', 'four@example.net', 1", "'five@example.net', 'banned@example.net', 1", "'six@example.net', 'Six@example.net', 1", "'nobody@example.net', 'two@example.net', 1", "'seven@example.net', 'new7@example.net', 1", "'eight@example.net', 'new8@example.net', 0"}
	var cookies []string
	for _, change := range changes {
		c := s.newCookie()
		cookies = append(cookies, c)
		fmt.Fprintf(&pend, "pend(%q, 'C', %s)\n", c, change)
	}

	members := []string{"one@example.net", "three@example.net", "five@example.net", "six@example.net", "seven@example.net", "eight@example.net"}
	with := func(more ...string) []string { return append(append([]string{}, members...), more...) }
	s.lists(
		mmtest.ListSpec{Name: "odd", Members: members, Python: "m.preferred_language = 'en'\nm.available_languages = ['en', 'de', 'fr']\nm.subscribe_policy = 1\nm.admin_notify_mchanges = 1\nm.setMemberLanguage('six@example.net', 'de')\n" + pend.String()},
		// What is changed before a list refuses stays with those before it.
		mmtest.ListSpec{Name: "odd-b", Members: with("Two@example.net"), Python: "m.admin_notify_mchanges = 1\n"},
		mmtest.ListSpec{Name: "odd-c", Members: with("two@example.net", "Four@Example.net"), Python: "m.ban_list = ['banned@example.net', '^new7']\nm.preferred_language = 'fr'\nm.admin_notify_mchanges = 1\n"},
		mmtest.ListSpec{Name: "odd-d", Members: members, Python: "m.host_name = 'elsewhere.example.com'\n"},
		mmtest.ListSpec{Name: "odd-e", Members: members, Python: "m.subscribe_policy = 0\nm.preferred_language = 'xx'\n"},
		mmtest.ListSpec{Name: "odd-f", Members: members, Python: "m.subscribe_policy = 0\nm.preferred_language = 'fr'\nm.available_languages = []\nm.admin_notify_mchanges = 1\nm.hold_and_cmd_autoresponses = {'one@example.net': (time.localtime()[:3], 10)}\n"},
		mmtest.ListSpec{Name: "odd-g", Members: members, Python: "m.digestable = m.nondigestable = 0\nm.subscribe_policy = 0\nm.info = m.description = None\n"},
		mmtest.ListSpec{Name: "odd-h", Members: members, Python: "m.host_name = ''\nm.subscribe_policy = 0\nm.admin_notify_mchanges = 1\n"},
	)

	for _, c := range cookies {
		s.command("odd", "someone@example.org", "confirm "+c, "")
	}
	for _, list := range []string{"odd", "odd-b", "odd-c", "odd-d", "odd-e", "odd-f", "odd-g", "odd-h"} {
		s.command(list, "one@example.net", "help", "")
		s.command(list, "new@example.org", "subscribe secret", "")
		s.command(list, "new2@example.org", "subscribe secret digest", "")
		s.command(list, "six@example.net", "", "set authenticate pw3\nset digest mime\nset show\n")
		s.command(list, "seven@example.net", "unsubscribe", "")
		s.command(list, "eight@example.net", "unsubscribe pw5", "info\nlists\n")

		// Half of it is done when the rest fails.
		s.command(list, "three@example.net", "", "set authenticate pw1\nset hide on\nconfirm evictions\n")
		s.command(list, "three@example.net", "", "unsubscribe pw1\nset show\npassword\n")
	}
}

// listed holds the records of a test's name server; all other names do not exist.
var listed = map[string]string{
	"['listed', 'example'].dbl.spamhaus.org":               "127.0.1.2",
	"['refused', 'example'].dbl.spamhaus.org":              "127.0.1.255",
	"['elsewhere', 'example'].dbl.spamhaus.org":            "127.0.0.4",
	"['sub', 'listed', 'example', 'org'].dbl.spamhaus.org": "127.0.1.106",
	"example.listed.sub.addr@x.zen.spamhaus.org":           "127.0.0.4",
	"example.fine.sub.addr@x.zen.spamhaus.org":             "127.0.0.9",
}

// names is a name server that answers from listed.
type names struct{}

func (names) LookupA(name string) []netip.Addr {
	if a, ok := listed[name]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}
	}
	return nil
}

// TestSpamhausListedAddressesAreRefused has a site ask which addresses and domains are listed, and no
// network: Python has a package dns of ours.
func TestSpamhausListedAddressesAreRefused(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(s *scene) {
		s.resolver = names{}
		var answers strings.Builder
		for name, a := range listed {
			fmt.Fprintf(&answers, "    %q: %q,\n", name, a)
		}

		s.settings(`
import sys, types
def _module(name, **attributes):
    m = sys.modules[name] = types.ModuleType(name)
    m.__dict__.update(attributes)
    if '.' in name:
        setattr(sys.modules[name.split('.')[0]], name.split('.')[1], m)
class DNSException(Exception):
    pass
_listed = {
` + answers.String() + `}
class _Answer:
    def __init__(self, name, address):
        self.text, self.rrset = '%s. 60 IN A %s' % (name, address), self
    def to_text(self):
        return self.text
class _Resolver:
    def query(self, name, kind):
        if name not in _listed:
            raise DNSException, name
        return _Answer(name, _listed[name])
_module('dns')
_module('dns.exception', DNSException=DNSException)
_module('dns.rdatatype', A=1, TXT=16, CNAME=5)
_module('dns.resolver', Resolver=_Resolver)
BLOCK_SPAMHAUS_LISTED_IP_SUBSCRIBE = BLOCK_SPAMHAUS_LISTED_DBL_SUBSCRIBE = 1
`)

		for policy := range 4 {
			if !thorough && policy%2 == 1 {
				continue
			}
			name := fmt.Sprintf("spam%d", policy)
			s.lists(mmtest.ListSpec{Name: name, Python: fmt.Sprintf("m.subscribe_policy = %d\nm.ban_list = ['^banned']\n", policy)})

			for _, from := range []string{"x@listed.example", "X@Listed.EXAMPLE", "x@refused.example", "x@elsewhere.example", "x@fine.example", "x@sub.listed.example.org", "x@addr.sub.listed.example", "x@addr.sub.fine.example", "banned@listed.example"} {
				s.command(name, from, "subscribe", "")
				s.queue(name, "tojoin", "From: sender@example.org\nSubject: x\nReply-To: "+from+"\n\n")
				s.command(name, "other@example.org", "subscribe pw address="+from, "")
			}
		}
	})
}
