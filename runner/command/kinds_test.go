package command

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// otherKinds changes one value in the state of each of the lists whose names it is
// given with a number: a str to the unicode that is equal to it, or a number to an
// equal one of another type. Asked for the lists of a prototype it tells what each
// number stands for.
const otherKinds = `
import cPickle, json
from Mailman import mm_cfg
FILES = ('config.pck', 'pending.pck', 'request.pck')

def others(v, path):
    # With a float for a day mktime raises, and Mailman's runner ends.
    if 'bounce_info' in path and 'date' in path and isinstance(v, (int, long)):
        return isinstance(v, int) and [long(v)] or []
    if isinstance(v, str):
        try:
            return [v.decode('ascii')]
        except UnicodeError:
            return []
    if isinstance(v, bool):
        return [int(v), float(v)]
    if isinstance(v, int):
        return [long(v), float(v)] + (v in (0, 1) and [bool(v)] or [])
    if isinstance(v, long):
        return [int(v), float(v)]
    if isinstance(v, float) and v == int(v):
        return [int(v), long(v)]
    return []

class Change(Exception):
    pass

def walk(v, path, do):
    # Returns v, or what do wants in its place.
    for other in others(v, path):
        if do(path, v, other):
            return other
    if isinstance(v, dict):
        for k in sorted(v, key=lambda k: (isinstance(k, basestring), k)):
            if path:
                new = walk(k, path + ['key ' + repr(k)], do)
                if new is not k:
                    v[new] = v.pop(k)
                    k = new
            v[k] = walk(v[k], path + [k], do)
    elif isinstance(v, (list, tuple)):
        # Only what is one object in the whole is one here: no tuple holds itself.
        new = [walk(x, path + [i], do) for i, x in enumerate(v)]
        if isinstance(v, list):
            v[:] = new
        elif [1 for a, b in zip(v, new) if a is not b]:
            return tuple(new)
    elif hasattr(v, '__dict__'):
        for k in sorted(v.__dict__):
            v.__dict__[k] = walk(v.__dict__[k], path + [k], do)
    return v

def state(name, do):
    for f in FILES:
        file = os.path.join(mm_cfg.LIST_DATA_DIR, name, f)
        if os.path.exists(file):
            d = cPickle.load(open(file))
            if f == 'config.pck':
                for k in sorted(d):
                    d[k] = walk(d[k], [f, k], do)
            else:
                d = walk(d, [f], do)
            cPickle.dump(d, open(file, 'w'), f != 'pending.pck')

def number(name):
    found = []
    def do(path, v, other):
        found.append('%s: %r for %r' % ('/'.join(map(str, path)), other, v))
    state(name, do)
    return found

def change(name, n):
    count = [0]
    def do(path, v, other):
        count[0] += 1
        return count[0] == n + 1
    state(name, do)

what = json.load(sys.stdin)
if isinstance(what, list):
    print json.dumps([number(str(name)) for name in what])
else:
    for name, n in what.items():
        change(str(name), n)
`

// survivingRunner empties Mailman's bounces queue with a BounceRunner that shunts a
// bounce whose registration fails, as mmrunner does, where Mailman's would end and
// lose all that it has detected.
const survivingRunner = `
import cPickle
from Mailman import mm_cfg
from Mailman.Queue.BounceRunner import BounceRunner
class Surviving(BounceRunner):
    def _dispose(self, mlist, msg, msgdata):
        self.datas = getattr(self, 'datas', {})
        self.datas[msg['message-id']] = msgdata
        return BounceRunner._dispose(self, mlist, msg, msgdata)
    def _register_bounces(self):
        events = {}
        self._bounce_events_fp.seek(0)
        while True:
            try:
                listname, addr, day, msg = cPickle.load(self._bounce_events_fp)
            except EOFError:
                break
            events.setdefault(listname, []).append((addr, day, msg))
        for listname in events.keys():
            for addr, day, msg in events[listname]:
                mlist = self._open_list(listname)
                mlist.Lock()
                try:
                    try:
                        mlist.registerBounce(addr, msg, day=day)
                        mlist.Save()
                    except Exception, e:
                        self._log(e)
                        data = self.datas[msg['message-id']]
                        data['whichq'] = self._switchboard.whichq()
                        self._shunt.enqueue(msg, data)
                        from Mailman.Logging.Syslog import syslog
                        syslog('error', 'SHUNTING: %s', '<time>+<cookie>')
                finally:
                    mlist.Unlock()
        self._bounce_events_fp.close()
        self._bounce_events_fp = None
        os.unlink(self._bounce_events_file)
        self._bouncecnt = 0
r = Surviving(0, 1)
while os.listdir(os.path.join(mm_cfg.QUEUE_DIR, 'bounces')):
    r._oneloop()
r._cleanup()
`

// kindLists are lists with much in their state.
var kindLists = map[string]string{
	"ka": `
m.subscribe_policy = 1
m.unsubscribe_policy = 0
m.bounce_score_threshold = 2.0
m.bounce_notify_owner_on_bounce_increment = 1
m.bounce_notify_owner_on_disable = 1
m.bounce_you_are_disabled_warnings = 2
m.umbrella_list = 1
m.owner = ['owner@example.com', 'second@example.com']
m.moderator = ['mod@example.com']
m.private_roster = 1
m.info = 'What it is for.'
m.description = 'Described'
m.regular_include_lists = ['kz@lists.example.com']
`,
	"kb": `
m.subscribe_policy = 0
m.unsubscribe_policy = 1
m.bounce_score_threshold = 1
m.bounce_you_are_disabled_warnings = 0
m.bounce_notify_owner_on_removal = 1
m.admin_notify_mchanges = 1
m.send_welcome_msg = m.send_goodbye_msg = 1
m.welcome_msg = 'Welcome here.'
m.goodbye_msg = 'Farewell.'
m.available_languages = ['en', 'de']
m.autorespond_requests = 2
m.autoresponse_request_text = 'We have got it, %(listname)s.'
m.autoresponse_graceperiod = 0
m.ban_list = ['bad@example.org', '^worse']
m.digest_is_default = 1
m.default_member_moderation = 1
m.new_member_options = 256
m.private_roster = 0
m.topics = [('one', 'sub.*ject', 'about', 0)]
m.new_member_options = 260
m.topics_enabled = 1
`,
	"kc": `
m.subscribe_policy = 2
m.preferred_language = 'de'
m.available_languages = ['en', 'de']
m.subscribe_auto_approval = ['auto@example.org', '@kz', '^also']
m.admin_immed_notify = 1
m.bounce_processing = 0
m.private_roster = 2
m.host_name = 'other.example.com'
m.advertised = 1
m.obscure_addresses = 0
m.use_dollar_strings = 1
m.autorespond_requests = 1
m.autoresponse_request_text = 'We have got it, $listname.'
m.autoresponse_graceperiod = 0
`,
}

// kindMembers is state of members that the lists have in common.
const kindMembers = `
m.mod_password = Utils.sha_new('modpw').hexdigest()
m.setMemberName('cris@example.net', 'Cris Plain')
m.setMemberLanguage('cris@example.net', 'en')
m.setMemberOption('elle@example.net', mm_cfg.Digests, 1)
m.setDeliveryStatus('dora@example.net', 2)
m.setMemberTopics('fred@example.net', ['one'])
from Mailman.Bouncer import _BounceInfo
day = time.localtime(time.time() - 86400)[:3]
m.setBounceInfo('cris@example.net', _BounceInfo('cris@example.net', 1.0, day, 1))
m.setBounceInfo('fred@example.net', _BounceInfo('fred@example.net', 0.0, day, 3))
m.hold_and_cmd_autoresponses = {'anne@example.net': (time.localtime()[:3], 10), 'fred@example.net': (time.localtime()[:3], 3)}
held('Anne <anne@example.net>', 'first', 'Body.\n')
held('Anne <anne@example.net>', 'second', 'Body.\n')
m.HoldSubscription('new@example.org', 'New', 'pw', 0, 'en')
m.HoldUnsubscription('cris@example.net')
`

// kindMail is mail of all kinds for one of these lists; the cookies are those of
// its pending records.
func (s *scene) kindMail(name string, cookies []string) {
	s.bounce(name, "", "X-Failed-Recipients: anne@example.net\n\nGone.\n")
	s.bounce(name, "+cris=example.net", "\nGone.\n")
	s.bounce(name, "+dora=example.net", "\nGone.\n")
	s.bounce(name, "+Bart.Simpson=Mail.Example.NET", "\nGone.\n")
	s.bounce(name, "+guest=example.net", "\nGone.\n")
	s.bounce(name, "", "\nNobody knows what this is.\n")
	s.bounce(name, "+"+cookies[8], "\nGone.\n")

	s.command(name, people[0], "", "info\nlists\nset show\nset authenticate pw0\nset ack on\nset hide on\nset digest mime\nset digest off\nset delivery off\nset show\nwho\nwho pw0\n")
	s.command(name, "elle@example.net", "", "who pw4\npassword\npassword pw4 fresh\nset authenticate fresh\nset digest plain\nset show\n")
	s.command(name, "fred@example.net", "help", "")
	s.command(name, "Cris <cris@example.net>", "", "who modpw\nset authenticate pw2\nset show\n")
	s.command(name, "join@example.org", "subscribe", "")
	s.command(name, "also@example.org", "subscribe pw digest", "")
	s.command(name, "guest@example.net", "subscribe", "")
	s.command(name, "worse@example.org", "subscribe", "")
	s.command(name, "dora@example.net", "unsubscribe", "")
	s.command(name, "anne@example.net", "unsubscribe pw0", "")

	for i, c := range cookies[:8] {
		headers := ""
		if i == 0 {
			headers = "Approved: adminpw\n"
		}
		s.queue(name, "toconfirm", fmt.Sprintf("From: anne@example.net\nTo: %s-confirm+%s@lists.example.com\nSubject: confirm %[2]s\nMessage-ID: <m%d@example.org>\n%s\n", name, c, len(s.mail), headers))
	}
}

// kindRecords are the pending records of such a list.
var kindRecords = []string{
	"'H', 1", "'H', 2", "'H', 3", "'U', 'elle@example.net'", "'S', desc('new1@example.org', 'New', 'pw', 0, 'en')", "'S', desc('new2@example.org', 'New', 'pw', 1, 'de', m.internal_name())",
	"'E', m.internal_name(), 'dora@example.net'", "'C', 'bart.simpson@mail.example.net', 'bart@example.org', 0",
	"'P', 'fred@example.net', email.message_from_string('To: x\\n\\nGone.\\n', Message.Message)",
}

// kindList makes one list and its mail.
func (s *scene) kindList(proto, name string) {
	python := kindMembers + kindLists[proto]
	var cookies []string
	for _, record := range kindRecords {
		c := s.newCookie()
		cookies = append(cookies, c)
		python += fmt.Sprintf("pend(%q, %s)\n", c, record)
	}

	s.lists(mmtest.ListSpec{Name: name, Members: people, Python: python})
	s.kindMail(name, cookies)
}

// TestEqualKindsActAlike has each str in a list's state be an equal unicode, one at a time,
// and each number an equal one of another type, as scripts for config_list and
// withlist leave them. Bounces and commands then do the same as in Mailman.
// MMRUNNER_TEST_ALL has all of them; else every so many. Of all, MMRUNNER_TEST_KINDS
// picks those with that text ("bounce_info"), MMRUNNER_TEST_STRIPE=3/24 every 24th.
func TestEqualKindsActAlike(t *testing.T) {
	t.Parallel()
	eachRelease(t, equalKinds)
}

func equalKinds(s *scene) {
	guest := mmtest.ListSpec{Name: "kz", Members: []string{"guest@example.net"}}
	s.lists(guest)
	protos := []string{"ka", "kb", "kc"}
	probe := newScene(s.t, s.from)
	probe.lists(guest)
	for _, p := range protos {
		probe.kindList(p, p)
	}
	mmtest.MakeLists(s.t, probe.prefix, probe.specs...)
	in, err := json.Marshal(protos)
	if err != nil {
		s.t.Fatal(err)
	}

	var numbers [][]string
	if err := json.Unmarshal(mmtest.RunPythonInput(s.t, probe.prefix, in, otherKinds), &numbers); err != nil {
		s.t.Fatal(err)
	}

	changes := map[string]int{}
	only := os.Getenv("MMRUNNER_TEST_KINDS")
	stripe, stripes := 0, 0
	fmt.Sscanf(os.Getenv("MMRUNNER_TEST_STRIPE"), "%d/%d", &stripe, &stripes)

	for i, p := range protos {
		for n, what := range numbers[i] {
			if !wholeState && n%(len(numbers[i])/4) != i || stripes > 0 && n%stripes != stripe || only != "" && !strings.Contains(what, only) {
				continue
			}
			name := p + strconv.Itoa(n)
			changes[name] = n
			s.kindList(p, name)
		}
	}

	names := regexp.MustCompile(`k[abc][0-9]+`)
	s.told = func(where string) string {
		var odd []string
		for _, name := range names.FindAllString(where, -1) {
			if n, ok := changes[name]; ok && !slices.Contains(odd, numbers[name[1]-'a'][n]) {
				odd = append(odd, numbers[name[1]-'a'][n])
			}
		}
		return " {" + strings.Join(odd, "; ") + "}"
	}

	s.late = append(s.late, func() {
		in, err := json.Marshal(changes)
		if err != nil {
			s.t.Fatal(err)
		}
		mmtest.RunPythonInput(s.t, s.prefix, in, otherKinds)
	})
}
