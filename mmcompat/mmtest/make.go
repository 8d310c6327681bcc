package mmtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// ListSpec says what list MakeLists is to make.
type ListSpec struct {
	// Name is the list's internal name; "mailman" is the site list, which the
	// runners want to exist.
	Name string `json:"name"`
	// Members are subscribed in order, each with password "pwN" (N from 0),
	// regular delivery and the list's language.
	Members []string `json:"members"`
	// Python is run with the open, locked list in `m` before it is saved, the
	// way to set attributes: "m.bounce_score_threshold = 2.0". Mailman's
	// mm_cfg, MailList, Message, Errors, Pending, UserDesc, Utils are imported.
	Python string `json:"python"`
}

// MakeLists has Mailman make (or open, where they exist) and save lists: owner
// owner@example.com, host lists.example.com, administrator password "adminpw".
func MakeLists(t testing.TB, prefix string, specs ...ListSpec) {
	t.Helper()
	b, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}

	RunPythonInput(t, prefix, b, `
import json
from Mailman import mm_cfg, MailList, Message, Errors, Pending, UserDesc, Utils
def text(u):
    return u.encode('utf-8')
for spec in json.load(sys.stdin):
    name = text(spec['name'])
    if os.path.exists(os.path.join(mm_cfg.LIST_DATA_DIR, name)):
        m = MailList.MailList(name, lock=1)
    else:
        omask = os.umask(2)
        m = MailList.MailList()
        m.Create(name, 'owner@example.com', Utils.sha_new('adminpw').hexdigest(),
                 urlhost='lists.example.com', emailhost='lists.example.com')
        os.umask(omask)
    try:
        for i, a in enumerate(spec['members'] or []):
            m.addNewMember(text(a), password='pw%d' % i, digest=0, language=m.preferred_language)
        exec text(spec['python']) in globals()
        m.Save()
    finally:
        m.Unlock()
`)
}

// EntrySpec says what queue entry Enqueue is to make.
type EntrySpec struct {
	// Queue is the directory below qfiles ("bounces", "commands", ...).
	Queue string `json:"queue"`
	// List is the metadata's listname; "" leaves it out.
	List string `json:"list"`
	// Text is the message's bytes.
	Text []byte `json:"text"`
	// Pickled makes it a pickled Mailman.Message instead of raw text.
	Pickled bool `json:"pickled"`
	// Data is more metadata, as a Python dict display: "{'tojoin': 1}".
	Data string `json:"data"`
}

// Enqueue has Mailman's own Switchboard write queue entries, in order, and
// returns their file bases.
func Enqueue(t testing.TB, prefix string, specs ...EntrySpec) []string {
	t.Helper()
	b, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}

	out := RunPythonInput(t, prefix, b, `
import json, email
from Mailman import mm_cfg, Message
from Mailman.Queue.Switchboard import Switchboard
made = []
for spec in json.load(sys.stdin):
    text = spec['text'].decode('base64')
    data = eval(spec['data'].encode('utf-8') or '{}')
    if spec['list']:
        data['listname'] = spec['list'].encode('utf-8')
    if spec['pickled']:
        msg = email.message_from_string(text, Message.Message)
    else:
        msg = text
        data['_plaintext'] = 1
    made.append(Switchboard(os.path.join(mm_cfg.QUEUE_DIR, spec['queue'])).enqueue(msg, data))
json.dump(made, sys.stdout)
`)

	var made []string
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatalf("%v in %q", err, out)
	}

	return made
}

// Drain runs Mailman's own qrunner for runner ("BounceRunner") until the
// directory qfiles/queue is empty, then stops it as mailmanctl does, so that
// what it keeps for later is done too.
func Drain(t testing.TB, prefix, runner, queue string) {
	t.Helper()
	cmd := exec.Command(Python(t), filepath.Join(prefix, "bin", "qrunner"), "--runner="+runner+":0:1", "-s")
	cmd.Env = pythonEnv(prefix)

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	done := make(chan struct{})
	go func() {
		// The exit status is SIGTERM's number when all is well.
		_ = cmd.Wait()
		close(done)
	}()

	dir := filepath.Join(prefix, "qfiles", queue)
	empty := false
	for end := time.Now().Add(10 * time.Minute); !empty && time.Now().Before(end); {
		left, err := os.ReadDir(dir)
		if empty = err == nil && len(left) == 0; empty {
			break
		}

		select {
		case <-done:
			t.Fatalf("%s ended with %d entries left in %s", runner, len(left), dir)
		case <-time.After(50 * time.Millisecond):
		}
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}

	<-done
	if !empty {
		t.Fatalf("%s did not empty %s within 10 minutes", runner, dir)
	}
}
