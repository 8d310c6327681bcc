package bounce_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// oddRecords are records of a bounce of the member a, as Python. Mailman's own runner
// is asked what it makes of each alone.
var oddRecords = []string{
	"('one', a, today, msg)", "(u'one', a, today, msg)", "('one', unicode(a), today, msg)", "['one', a, today, msg]",
	"('one', a, tuple(map(long, today)), msg)", "('one', a, (today[0], True, today[2]), msg)", "('one', a, None, msg)",
	"('one', a, (2**70, 1, 1), msg)", "('one', a, 'today', msg)", "('one', a, (2026, 1), msg)",
	"('one', a, today, None)", "('one', a, today, 'To: x\\n\\nGone.\\n')", "('one', a, today, 7)", "('one', a, today, email.message_from_string('To: x\\n\\nGone.\\n'))",
	"('one', a, today, Foreign())", "('one', None, today, msg)", "('one', 7, today, msg)", "(None, a, today, msg)", "(7, a, today, msg)", "('nosuch', a, today, msg)", "('ONE', a, today, msg)",
	"('one', a, today)", "('one', a, today, msg, 1)", "('one', a)", "None", "'text'", "{}", "Foreign()", "('one', a, today, msg)",
}

// makeRecords pickles odd records, each by itself, and prints them with whether
// Mailman registers them.
const makeRecords = `
import cPickle, email, json, time, types
from Mailman import mm_cfg, MailList, Message
from Mailman.Queue.BounceRunner import BounceRunner
class Foreign: pass
foreign = sys.modules['nowhere'] = types.ModuleType('nowhere')
foreign.Foreign, Foreign.__module__ = Foreign, 'nowhere'
msg = email.message_from_string('To: x\n\nGone.\n', Message.Message)
today = time.localtime()[:3]
out = []
for i, record in enumerate(json.load(sys.stdin)):
    a = 'm%d@example.net' % i
    s = cPickle.dumps(eval(record), 1)
    r = BounceRunner(0, 1)
    r._bounce_events_file = os.path.join(mm_cfg.DATA_DIR, 'bounce-events-%05d.pck' % os.getpid())
    open(r._bounce_events_file, 'w').write(s)
    r._bounce_events_fp = open(r._bounce_events_file)
    r._bouncecnt = 1
    del sys.modules['nowhere']
    try:
        r._register_bounces()
    except Exception:
        pass
    sys.modules['nowhere'] = foreign
    m = MailList.MailList('one', lock=0)
    info = m.getBounceInfo(a)
    out.append([s.encode('base64'), info and str(info.score) or ''])
for f in os.listdir(mm_cfg.DATA_DIR):
    if f.startswith('bounce-events'):
        os.unlink(os.path.join(mm_cfg.DATA_DIR, f))
m = MailList.MailList('one')
m.bounce_info = {}
m.Save()
m.Unlock()
json.dump(out, sys.stdout)
`

// Each record of a dead runner's file stands for itself: what Mailman would have
// registered is, in between what is odd or torn, and what cannot be read is kept
// where no runner takes it up again, and said.
func TestOddBounceRecords(t *testing.T) {
	prefix := mmtest.Clone(t)
	var members []string
	for i := range oddRecords {
		members = append(members, fmt.Sprintf("m%d@example.net", i))
	}
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"}, mmtest.ListSpec{Name: "one", Members: members})
	in, err := json.Marshal(oddRecords)
	if err != nil {
		t.Fatal(err)
	}

	type record struct {
		pickled []byte
		score   string
	}

	var made []record
	var rows [][2]string
	if err := json.Unmarshal(mmtest.RunPythonInput(t, prefix, in, makeRecords), &rows); err != nil {
		t.Fatal(err)
	}

	for _, r := range rows {
		b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(r[0], "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, record{b, r[1]})
	}

	// A day that is no day is kept too: a later bounce would end Mailman's runner.
	refused := map[string]bool{"('one', a, (2**70, 1, 1), msg)": true, "('one', a, 'today', msg)": true, "('one', a, (2026, 1), msg)": true,
		"('one', a, today, 7)": true}
	var file []byte
	want := map[string]string{}
	for i, m := range made {
		if i%5 == 2 {
			file = append(file, m.pickled[:len(m.pickled)/2]...) // the process died, and another of its id went on
		}

		file = append(file, m.pickled...)
		if m.score != "" && !refused[oddRecords[i]] {
			want[members[i]] = m.score
		}
	}

	if len(want) < 10 {
		t.Errorf("Mailman has registered %d of the records, wanted 10 at least", len(want))
	}

	file = append(file, made[0].pickled[:20]...)
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	name := filepath.Join(s.DataDir(), "bounce-events-4194000.pck")
	write(t, name, string(file))
	drain(t, s)

	out := mmtest.RunPython(t, prefix, `
import json
from Mailman import MailList
m = MailList.MailList('one', lock=0)
json.dump(dict((a, str(m.getBounceInfo(a).score)) for a in m.getBouncingMembers()), sys.stdout)
`)

	had := map[string]string{}
	if err := json.Unmarshal(out, &had); err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(want, had); diff != "" {
		t.Errorf("scores, Mailman has -, mmrunner has +:\n%s", diff)
	}

	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}

	kept, err := filepath.Glob(filepath.Join(s.QueueDir("bad"), "bounce-events-4194000-*.pck"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("got %v, %v, need one file of what cannot be read", kept, err)
	}

	rest := read(t, kept[0])
	for i, m := range made {
		if refused[oddRecords[i]] && !bytes.Contains([]byte(rest), m.pickled) {
			t.Errorf("%s is not kept", oddRecords[i])
		}
	}

	if !strings.HasSuffix(rest, string(made[0].pickled[:20])) {
		t.Errorf("the torn end is not kept")
	}

	if log := read(t, filepath.Join(s.LogDir(), "error")); !strings.Contains(log, filepath.Base(kept[0])) {
		t.Errorf("the error log does not name %s:\n%s", kept[0], log)
	}

	drain(t, s)
	if again, _ := filepath.Glob(filepath.Join(s.QueueDir("bad"), "*")); len(again) != 1 {
		t.Errorf("got %q, need nothing taken up again", again)
	}
}
