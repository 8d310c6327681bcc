package pending

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

var record = flag.Bool("record", false, "write testdata from the installed Mailman")

// step is one operation on the database.
type step struct {
	Op       string  `json:"op"`
	At       float64 `json:"at"`  // the clock, in whole and half seconds
	Ref      int     `json:"ref"` // the step whose cookie is meant, -1 for an unknown one, -2 for "version"
	Kind     string  `json:"kind"`
	Addr     string  `json:"addr"`
	Lifetime float64 `json:"lifetime"`
}

const (
	day   = 24 * 60 * 60
	start = 1700000000
)

func randomSteps(r *rand.Rand, n int, refuse bool) []step {
	ops := []string{"new", "new", "new", "newfor", "confirm", "confirm", "peek", "repend"}
	if refuse {
		ops = append(ops, "check", "check")
	}

	kinds := []string{Subscription, Unsubscription, ChangeOfAddress, HeldMessage, ReEnable, ProbeBounce}
	at := float64(start)
	steps := make([]step, n)
	for i := range steps {
		at += []float64{0, 0.5, 60, day / 4, day}[r.IntN(5)]
		if r.IntN(20) == 0 {
			at -= day // clocks do go back
		}

		steps[i] = step{
			Op:       ops[r.IntN(len(ops))],
			At:       at,
			Ref:      r.IntN(i+3) - 2,
			Kind:     kinds[r.IntN(len(kinds))],
			Addr:     fmt.Sprintf("User%d@Example.net", r.IntN(8)),
			Lifetime: float64(r.IntN(5)-1) * day / 2,
		}
	}

	return steps
}

func (s step) content() []pickle.Value {
	addr := pickle.Str(s.Addr)
	switch s.Kind {
	case Subscription:
		u := &UserDesc{Address: addr, FullName: pickle.Unicode("N\u00e4me"), Password: pickle.Str("pw"), Digest: pickle.Int(1), Language: pickle.Str("en")}
		return []pickle.Value{u.Pickled()}
	case ChangeOfAddress:
		return []pickle.Value{addr, pickle.Str("new@example.org"), pickle.Int(0)}
	case HeldMessage:
		return []pickle.Value{pickle.Int(7)}
	case ReEnable:
		return []pickle.Value{pickle.Str("l"), addr}
	case ProbeBounce:
		return []pickle.Value{addr, pickle.Str("From: x\n\nbody\n")}
	}

	return []pickle.Value{addr}
}

// pySteps does the same as run, with Mailman's own database, one load and save
// for each step, and pickles what came back and what is left, with the numbers
// of steps for cookies.
const pySteps = `
import json, cPickle, time
from Mailman import mm_cfg, MailList, Errors, Pending, UserDesc
mm_cfg.REFUSE_SECOND_PENDING = True
steps = json.load(sys.stdin)
m = MailList.MailList(sys.argv[1], lock=1)
clock = time.time
cookies = {}
def content(s):
    a = s['addr'].encode('latin-1')
    k = s['kind']
    if k == 'S': return [UserDesc.UserDesc(a, u'N\xe4me', 'pw', 1, 'en')]
    if k == 'C': return [a, 'new@example.org', 0]
    if k == 'H': return [7]
    if k == 'E': return ['l', a]
    if k == 'P': return [a, 'From: x\n\nbody\n']
    return [a]
def cookie(s):
    if s['ref'] == -2: return 'version'
    return cookies.get(s['ref'], 'none')
def do(i, s):
    op, c, k = s['op'], content(s), s['kind'].encode('ascii')
    if op == 'new': cookies[i] = m.pend_new(k, *c)
    elif op == 'newfor': cookies[i] = m.pend_new(k, *c, lifetime=float(s['lifetime']))
    elif op == 'confirm': return m.pend_confirm(cookie(s))
    elif op == 'peek': return m.pend_confirm(cookie(s), expunge=False)
    elif op == 'repend' and s['ref'] >= 0: return m.pend_repend(cookie(s), tuple([k] + c))
    elif op == 'check': return bool(m.CheckPending(s['addr'].encode('latin-1'), s['ref'] % 2 != 0))
out = []
try:
    for i, s in enumerate(steps):
        time.time = lambda: float(s['at'])
        try:
            out.append(do(i, s))
        except Exception, e:
            out.append(e.__class__.__name__)
finally:
    time.time = clock
    m.Unlock()
f = os.path.join(m.fullpath(), 'pending.pck')
db = None
if os.path.exists(f):
    db = cPickle.load(open(f))
cPickle.dump((out, db, cookies), sys.stdout, 1)
`

// run does the steps on one DB, and returns what came back and the cookies.
func run(t *testing.T, db *DB, now *time.Time, steps []step) (*pickle.List, map[int]string) {
	t.Helper()
	out, cookies := pickle.NewList(), map[int]string{}
	for i, s := range steps {
		*now = time.UnixMilli(int64(s.At * 1000))
		v, err := s.do(db, i, cookies)
		switch {
		case errors.Is(err, ErrKey):
			v = pickle.Str("KeyError")
		case errors.Is(err, ErrCorrupt):
			v = pickle.Str("AttributeError")
		case err != nil:
			t.Fatalf("step %d, %+v: %v", i, s, err)
		}

		out.Items = append(out.Items, v)
	}

	return out, cookies
}

func (s step) do(db *DB, i int, cookies map[int]string) (v pickle.Value, err error) {
	cookie := "none"
	if c, ok := cookies[s.Ref]; ok {
		cookie = c
	} else if s.Ref == -2 {
		cookie = version
	}

	switch s.Op {
	case "new":
		cookie, err = db.New(s.Kind, s.content()...)
		if err == nil {
			cookies[i] = cookie
		}
	case "newfor":
		cookie, err = db.NewFor(time.Duration(s.Lifetime)*time.Second, s.Kind, s.content()...)
		if err == nil {
			cookies[i] = cookie
		}
	case "confirm":
		v, _, err = db.Confirm(cookie)
	case "peek":
		v, _ = db.Peek(cookie)
	case "repend":
		if s.Ref >= 0 {
			err = db.Repend(cookie, pickle.NewTuple(append([]pickle.Value{pickle.Str(s.Kind)}, s.content()...)...))
		}
	case "check":
		v, err = db.HasPending(s.Addr, s.Ref%2 != 0)
	}

	return v, err
}

// rename puts the numbers of steps in the place of cookies.
func rename(v pickle.Value, names map[string]int) pickle.Value {
	d, ok := v.(*pickle.Dict)
	if !ok {
		return v
	}

	out := pickle.NewDict()
	for k, v := range d.All() {
		key, _ := k.(pickle.Str)
		if key == evictions {
			v = rename(v, names)
		}

		if i, ok := names[string(key)]; ok {
			out.Set(pickle.Int(i), v)
		} else {
			out.Set(k, v)
		}
	}

	return out
}

func open(t *testing.T, s *site.Site, name string) (*DB, *time.Time) {
	t.Helper()
	l, err := maillist.Open(s, name, maillist.Options{Held: true})
	if err != nil {
		t.Fatal(err)
	}

	now := new(time.Time)
	*now = time.Unix(start, 0)
	db, err := Open(l, Options{Now: func() time.Time { return *now }, PID: 42})
	if err != nil {
		t.Fatal(err)
	}

	return db, now
}

func save(t *testing.T, db *DB) {
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

	if err := db.Published(); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, name string) pickle.Value {
	t.Helper()
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

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

// odd databases, as older programs and broken disks leave them.
var odd = map[string]string{
	"none":             "",
	"empty":            "{'evictions': {}}",
	"old":              "{'evictions': {'a': 1.0, 'b': 1800000000L, 'c': 1800000000.5}, 'a': ('E', 'l', 'x@y'), 'b': ('U', u'u@x'), 'c': ('E', 'l', 'x'), 'version': 1}",
	"bogus evictions":  "{'evictions': {'a': 1.0, 'gone': 5, 7: 8, u'unicode': 1.0}, 'a': ('H', 3)}",
	"no eviction":      "{'evictions': {}, 'a': ('U', 'x@y'), 'version': 2}",
	"no evictions":     "{'version': 2}",
	"unicode 'n stuff": "{'evictions': {'a': 1900000000}, 'a': ('C', u'\\u20ac', 'x', 0, [1, {2: 3.5}])}",
}

// TestAgainstMailman has Mailman and us do the same random operations, Mailman
// with one load and save each, we with one for all.
func TestAgainstMailman(t *testing.T) {
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testAgainstMailman(t, mmtest.CloneOf(t, prefix)) })
	}
}

func testAgainstMailman(t *testing.T, prefix string) {
	mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "l"})
	s, err := site.Open(prefix, site.Options{Python: mmtest.Python(t), NoCache: true})
	if err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(s.ListDataDir(), "l", "pending.pck")
	for i, name := range slices.Sorted(maps.Keys(odd)) {
		seed, source := uint64(i), odd[name]
		t.Run(name, func(t *testing.T) {
			reset := func() {
				if err := os.RemoveAll(file); err != nil {
					t.Fatal(err)
				}
				if source != "" {
					mmtest.RunPython(t, prefix, "import cPickle; cPickle.dump("+source+", open(sys.argv[1], 'w'))", file)
				}
			}

			refuse := s.Profile.HexVersion >= 0x02011e00
			steps := randomSteps(rand.New(rand.NewPCG(seed, 2)), 300, refuse)
			input, err := json.Marshal(steps)
			if err != nil {
				t.Fatal(err)
			}

			reset()
			b := mmtest.RunPythonInput(t, prefix, input, pySteps, "l")
			want := unpickle(t, b).(*pickle.Tuple).Items
			reset()
			check(t, s, steps, file, want)

			// What we wrote is Mailman's to read, in its protocol.
			if source != "" || load(t, file) != nil {
				mmtest.RunPython(t, prefix, "import cPickle; from Mailman import UserDesc; cPickle.load(open(sys.argv[1]))", file)
			}

			if *record && name == "old" && mmtest.Version(t, prefix) == mmtest.Version(t, mmtest.Prefix(t)) {
				reset()
				copyFile(t, file, "testdata/before.pck")

				for name, b := range map[string][]byte{"testdata/steps.json": input, "testdata/after.pck": b} {
					if err := os.WriteFile(name, b, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

func check(t *testing.T, s *site.Site, steps []step, file string, want []pickle.Value) {
	t.Helper()
	db, now := open(t, s, "l")
	got, cookies := run(t, db, now, steps)
	save(t, db)
	mustEqual(t, "results", got, want[0])
	ours, theirs := map[string]int{}, map[string]int{}
	for i, c := range cookies {
		ours[c] = i
	}
	for k, v := range want[2].(*pickle.Dict).All() {
		theirs[string(v.(pickle.Str))] = int(k.(pickle.Int))
	}
	mustEqual(t, "pending.pck", rename(load(t, file), ours), rename(want[1], theirs))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// madeList is a list without Mailman.
func madeList(t testing.TB) (s *site.Site, file string) {
	t.Helper()
	s = site.FromProfile(t.TempDir(), site.Builtin())
	d := pickle.NewDict()
	d.SetStr("data_version", pickle.Int(s.Profile.DataFileVersion))
	b, err := pickle.Dump(d, 1)
	if err != nil {
		t.Fatal(err)
	}

	dir := filepath.Join(s.ListDataDir(), "l")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "config.pck"), b, 0o644); err != nil {
		t.Fatal(err)
	}

	return s, filepath.Join(dir, "pending.pck")
}

// TestRecordedOperationsOfMailmanGiveTheSame is TestAgainstMailman on what it recorded of Mailman 2.1.39.
func TestRecordedOperationsOfMailmanGiveTheSame(t *testing.T) {
	s, file := madeList(t)
	copyFile(t, "testdata/before.pck", file)
	b, err := os.ReadFile("testdata/steps.json")
	if err != nil {
		t.Fatal(err)
	}

	var steps []step
	if err := json.Unmarshal(b, &steps); err != nil {
		t.Fatal(err)
	}

	check(t, s, steps, file, load(t, "testdata/after.pck").(*pickle.Tuple).Items)
}
