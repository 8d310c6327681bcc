package requests

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

var record = flag.Bool("record", false, "write testdata from the installed Mailman")

const start = 1700000000

// step is one operation. Ref is the id meant.
type step struct {
	Op   string `json:"op"`
	Ref  int    `json:"ref"`
	Addr string `json:"addr"`
	U    bool   `json:"u"`
}

func randomSteps(r *rand.Rand, n int) []step {
	ops := []string{"sub", "sub", "unsub", "discard", "record", "ids", "num"}
	steps := make([]step, n)
	for i := range steps {
		steps[i] = step{ops[r.IntN(len(ops))], r.IntN(i + 2), fmt.Sprintf("User%d@example.net", i), r.IntN(2) == 0}
	}
	return steps
}

// pySteps does what run does, with Mailman's ListAdmin.
const pySteps = `
import json, cPickle, time
from Mailman import mm_cfg, MailList, Errors
steps = json.load(sys.stdin)
m = MailList.MailList(sys.argv[1], lock=1)
clock = time.time
m.admin_immed_notify = 0
def do(s):
    a, op = s['addr'].encode('latin-1'), s['op']
    if op == 'sub': return m.HoldSubscription(a, s['u'] and u'N\xe4me' or '', 'pw', s['ref'] % 2, 'en')
    if op == 'unsub': return m.HoldUnsubscription(a)
    if op == 'discard': return m.HandleRequest(s['ref'], mm_cfg.DISCARD)
    if op == 'record': return m.GetRecordType(s['ref']), m.GetRecord(s['ref'])
    if op == 'ids': return m.GetHeldMessageIds(), m.GetSubscriptionIds(), m.GetUnsubscriptionIds()
    return m.NumRequestsPending()
out = []
try:
    for i, s in enumerate(steps):
        time.time = lambda: 1700000000.0 + i
        try:
            out.append(do(s))
        except Exception, e:
            out.append(e.__class__.__name__)
    time.time = clock
    m.Save()
finally:
    time.time = clock
    m.Unlock()
cPickle.dump((out, cPickle.load(open(os.path.join(m.fullpath(), 'request.pck'))), m.next_request_id), sys.stdout, 1)
`

func ids(db *DB, k Kind) pickle.Value {
	v := pickle.NewList()
	for _, id := range db.IDs(k) {
		v.Items = append(v.Items, pickle.Int(id))
	}
	return v
}

func (s step) do(db *DB) (pickle.Value, error) {
	switch s.Op {
	case "sub":
		var name pickle.Value = pickle.Str("")
		if s.U {
			name = pickle.Unicode("N\u00e4me")
		}
		db.AddSubscription(s.Addr, name, pickle.Str("pw"), pickle.Int(s.Ref%2), "en")
	case "unsub":
		db.AddUnsubscription(s.Addr)
	case "discard":
		return nil, db.Delete(s.Ref)
	case "record":
		k, v, err := db.Record(s.Ref)
		return pickle.NewTuple(pickle.Int(k), v), err
	case "ids":
		return pickle.NewTuple(ids(db, HeldMsg), ids(db, Subscription), ids(db, Unsubscription)), nil
	case "num":
		return pickle.Int(db.NumPending()), nil
	}

	return nil, nil
}

func run(t *testing.T, s *site.Site, steps []step) (out *pickle.List, l *maillist.List) {
	t.Helper()
	l, err := maillist.Open(s, "l", maillist.Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	now := time.Unix(start, 0)
	db, err := Open(l, Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}

	out = pickle.NewList()
	for i, s := range steps {
		now = time.Unix(start+int64(i), 0)
		v, err := s.do(db)
		if errors.Is(err, ErrNoRequest) {
			v = pickle.Str("KeyError")
		} else if err != nil {
			t.Fatal(err)
		}

		out.Items = append(out.Items, v)
	}

	publish(t, db)
	return out, l
}

func publish(t *testing.T, db *DB) {
	t.Helper()
	files, err := db.Stage()
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range files {
		if err := f.Publish(nil); err != nil {
			t.Fatal(err)
		}
	}
}

func load(t *testing.T, name string) pickle.Value {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return unpickle(t, b)
}

func unpickle(t *testing.T, b []byte) pickle.Value {
	t.Helper()
	v, _, err := pickle.Load(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustEqual(t *testing.T, what string, got, want pickle.Value) {
	t.Helper()
	for _, d := range pickle.Diff(got, want, 20) {
		t.Errorf("%s%s: got %s, need %s", what, d.Path, d.A, d.B)
	}
}

func writeFile(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// pyHeld makes a list with two held messages, a used id ahead, and a file that
// is lost.
const pyHeld = `
import email
for i in range(2):
    m.HoldMessage(email.message_from_string('From: u%d@x\nSubject: s\n\nbody\n' % i, Message.Message), 'reason', {'x': i})
m.HoldUnsubscription('gone@example.net')
m.next_request_id -= 1
m.bounce_matching_headers = m.digest_footer = m.msg_footer = ''
`

// TestAgainstMailman has Mailman and us do the same random operations.
func TestAgainstMailman(t *testing.T) {
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testAgainstMailman(t, mmtest.CloneOf(t, prefix)) })
	}
}

func testAgainstMailman(t *testing.T, prefix string) {
	s, err := site.Open(prefix, site.Options{Python: mmtest.Python(t), NoCache: true})
	if err != nil {
		t.Fatal(err)
	}

	for i, python := range []string{"", pyHeld} {
		name := fmt.Sprint(i)
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(s.ListDataDir(), "l")
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}

			// A list that was just created writes its requests elsewhere.
			mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "l"}, mmtest.ListSpec{Name: "l", Python: python})
			before := t.TempDir()
			if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}

			steps := randomSteps(rand.New(rand.NewPCG(uint64(i), 3)), 150)
			input, err := json.Marshal(steps)
			if err != nil {
				t.Fatal(err)
			}

			b := mmtest.RunPythonInput(t, prefix, input, pySteps, "l")
			want := unpickle(t, b).(*pickle.Tuple).Items
			mode, err := os.Stat(dir + "/request.pck")
			if err != nil {
				t.Fatal(err)
			}

			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}

			if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
				t.Fatal(err)
			}

			check(t, s, steps, want)
			if st, err := os.Stat(dir + "/request.pck"); err != nil || st.Mode() != mode.Mode() {
				t.Errorf("got mode %v, %v, need %v", st.Mode(), err, mode.Mode())
			}

			if *record && i == 1 && mmtest.Version(t, prefix) == mmtest.Version(t, mmtest.Prefix(t)) {
				for from, to := range map[string]string{"config.pck": "config.pck", "request.pck": "before.pck"} {
					b, err := os.ReadFile(filepath.Join(before, from))
					if err != nil {
						t.Fatal(err)
					}
					writeFile(t, filepath.Join("testdata", to), b)
				}

				writeFile(t, "testdata/steps.json", input)
				writeFile(t, "testdata/after.pck", b)
			}
		})
	}
}

func check(t *testing.T, s *site.Site, steps []step, want []pickle.Value) {
	t.Helper()
	got, l := run(t, s, steps)
	mustEqual(t, "results", got, want[0])
	mustEqual(t, "request.pck", load(t, l.FullPath()+"/request.pck"), want[1])
	next, _ := l.Get("next_request_id")
	mustEqual(t, "next_request_id", next, want[2])
}

// TestRecordedOperationsOfMailmanGiveTheSame is TestAgainstMailman on what it recorded of Mailman 2.1.39.
func TestRecordedOperationsOfMailmanGiveTheSame(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	dir := filepath.Join(s.ListDataDir(), "l")
	for from, to := range map[string]string{"config.pck": "config.pck", "before.pck": "request.pck"} {
		b, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, to), b)
	}

	b, err := os.ReadFile("testdata/steps.json")
	if err != nil {
		t.Fatal(err)
	}

	var steps []step
	if err := json.Unmarshal(b, &steps); err != nil {
		t.Fatal(err)
	}

	check(t, s, steps, load(t, "testdata/after.pck").(*pickle.Tuple).Items)
}

// madeList is a list without Mailman.
func madeList(t *testing.T) *maillist.List {
	t.Helper()
	s := site.FromProfile(t.TempDir(), site.Builtin())
	d := pickle.NewDict()
	d.SetStr("data_version", pickle.Int(s.Profile.DataFileVersion))
	d.SetStr("next_request_id", pickle.Int(1))
	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	writeFile(t, filepath.Join(s.ListDataDir(), "l", "config.pck"), b)
	l, err := maillist.Open(s, "l", maillist.Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	return l
}

// A list without a request.pck gets one at its next save after a caller looked.
func TestLookMakesAMissingFileAtTheNextSave(t *testing.T) {
	l := madeList(t)
	db, err := Open(l, Options{})
	if err != nil {
		t.Fatal(err)
	}

	if n := db.NumPending(); n != 0 {
		t.Errorf("got %d requests, need none", n)
	}

	publish(t, db)
	want := pickle.NewDict()
	want.SetStr("version", pickle.NewTuple(pickle.Int(0), pickle.Int(l.Site().Profile.RequestsSchemaVersion)))
	mustEqual(t, "request.pck", load(t, l.FullPath()+"/request.pck"), want)

	if st, err := os.Stat(l.FullPath() + "/request.pck"); err != nil || st.Mode().Perm() != 0o660 {
		t.Errorf("got %v, %v, need mode 0660", st, err)
	}
}

// removals are the files that a commit is to remove.
type removals []string

func (r *removals) Remove(path string)       { *r = append(*r, path) }
func (r *removals) Removed(path string) bool { return slices.Contains(*r, path) }

// A held message's file goes with the commit, once, whatever becomes of the request.
func TestHeldMessagesFileGoesWithTheCommit(t *testing.T) {
	l := madeList(t)
	gone := &removals{}
	db, err := Open(l, Options{Removals: gone})
	if err != nil {
		t.Fatal(err)
	}

	h, err := ParseHeld(pickle.NewTuple(1.5, pickle.Str("a@x"), pickle.Unicode("s"), pickle.Str("r"), pickle.Str("heldmsg-l-1.pck"), pickle.NewDict()))
	if err != nil {
		t.Fatal(err)
	}

	if missing, err := db.RemoveFile(h); !missing || err != nil {
		t.Errorf("got %v, %v, need a missing file", missing, err)
	}

	writeFile(t, db.Path(h), []byte("x"))
	sp := db.Savepoint()
	if missing, err := db.RemoveFile(h); missing || err != nil {
		t.Errorf("got %v, %v", missing, err)
	}

	db.Rollback(sp)
	if missing, err := db.RemoveFile(h); !missing || err != nil {
		t.Errorf("the second time: got %v, %v", missing, err)
	}

	if _, err := os.Stat(db.Path(h)); err != nil {
		t.Error("it went before the commit")
	}

	if len(*gone) != 1 || (*gone)[0] != db.Path(h) {
		t.Errorf("got %q to be removed, need %q", *gone, db.Path(h))
	}
}

// What is no file is an error now, not one of the commit.
func TestRemoveDirectory(t *testing.T) {
	l := madeList(t)
	db, err := Open(l, Options{Removals: &removals{}})
	if err != nil {
		t.Fatal(err)
	}

	h := &Held{Filename: "heldmsg-l-1.pck"}
	if err := os.MkdirAll(db.Path(h), 0o770); err != nil {
		t.Fatal(err)
	}

	if _, err := db.RemoveFile(h); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("got %v, need EISDIR", err)
	}
}

// Kinds and ids are equal as Python has them: a long, a bool or a float to an int.
func TestKindsAndIDsEqualAsInPython(t *testing.T) {
	l := madeList(t)
	d := pickle.NewDict()
	d.Set(big.NewInt(1), pickle.NewTuple(3.0, pickle.Str("a@x")))
	d.Set(pickle.Int(2), pickle.NewList(big.NewInt(2), pickle.NewList()))
	d.Set(pickle.Int(3), pickle.NewTuple(true, nil))
	d.Set(pickle.Int(4), pickle.NewTuple(pickle.Str("1"), nil))
	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	writeFile(t, l.FullPath()+"/request.pck", b)
	db, err := Open(l, Options{})
	if err != nil {
		t.Fatal(err)
	}

	for i, want := range []Kind{Unsubscription, Subscription, HeldMsg, unknownKind} {
		if kind, _, err := db.Record(i + 1); err != nil || kind != want {
			t.Errorf("%d: got kind %d, %v, need %d", i+1, kind, err, want)
		}
	}
}

func TestRollbackForgetsChanges(t *testing.T) {
	l := madeList(t)
	db, err := Open(l, Options{})
	if err != nil {
		t.Fatal(err)
	}

	kept := db.AddUnsubscription("kept@x")
	sp, lsp := db.Savepoint(), l.Savepoint()
	db.AddUnsubscription("lost@x")

	if err := db.Delete(kept); err != nil {
		t.Fatal(err)
	}

	db.Rollback(sp)
	l.Rollback(lsp)
	if got := db.IDs(Unsubscription); len(got) != 1 || got[0] != kept {
		t.Errorf("got %v, need %v", got, kept)
	}

	if again := db.AddUnsubscription("again@x"); again != kept+1 {
		t.Errorf("got id %d, need %d", again, kept+1)
	}
}

func TestCorruptFileIsReported(t *testing.T) {
	l := madeList(t)
	for _, contents := range []string{"", "garbage", "}q\x01(", "]q\x01."} {
		writeFile(t, l.FullPath()+"/request.pck", []byte(contents))
		if _, err := Open(l, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: got %v, need ErrCorrupt", contents, err)
		}
	}

	for _, v := range []pickle.Value{nil, pickle.Int(1), pickle.NewTuple(pickle.Int(1)), pickle.NewTuple(1.0, nil, nil, nil, nil, nil)} {
		if _, err := ParseHeld(v); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v: got %v, need ErrCorrupt", v, err)
		}
	}
}
