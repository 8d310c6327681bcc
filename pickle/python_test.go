package pickle_test

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// values is a Python 2 program that pickles what Mailman's files hold, and the
// corners of each kind, with both picklers in each protocol, and then checks
// what comes back: "check" reads pickles from its input and compares with what
// it made, types, sharing and cycles included.
const values = `
import sys, cPickle, pickle, struct
class Old: pass
class New(object): pass
class L(list): pass
class D(dict): pass
import __main__, types
def make():
    o = Old(); o.score = 1.0; o.date = (2026, 11, 23); o.me = o
    n = New(); n.x = u'\u20ac\U0001f600\\\n'; n.l = [n]
    l = L([1, 2]); l.attr = 1
    d = D({1: 2}); d.attr = u'a'
    rec = []; t = (rec, 1); rec.append(t)
    big = dict((('user%04d@example.com' % i), i) for i in range(2500))
    return [None, True, False, 0, 1, -1, 255, 256, 65535, 65536, 2**31-1, -2**31, 2**31, 2**62, -2**63, 2**63, -2**64, 0L, 1L, -1L, -128L, 128L, 255L, 2**2000, -2**2000,
      0.0, -0.0, 1.5, 1e16, 1e-5, 1e300, float('inf'), 0.1, '', 'a', "it's", '"', '\'"', '\x00\xff\n\\', 'x' * 300, u'', u'\xe9', u'\ud800', u'\\u0041', u'\\\\u', (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4),
      [], [1], [1, [2, [3]]], {}, {'a': 1}, {1: 'x', u'\xe9': 2, (1, 'a'): 3, None: 4}, o, [o, o], n, l, d, t, rec, big, range(2500),
      set([1, 2]), frozenset('ab'), complex(1, 2), Old, len, [[1]] * 3]
def canon(v, seen, out):
    if isinstance(v, (list, tuple, dict, Old, New)):
        if id(v) in seen:
            out.append('ref %d' % seen[id(v)]); return
        seen[id(v)] = len(seen)
    out.append(v.__class__.__name__ if isinstance(v, Old) else type(v).__name__)
    if isinstance(v, (list, tuple)):
        out.append(str(len(v)))
        for x in v: canon(x, seen, out)
    if isinstance(v, dict):
        for k in sorted(v, key=repr): canon(k, seen, out); canon(v[k], seen, out)
    elif isinstance(v, (set, frozenset)): out.append(repr(sorted(v)))
    elif not isinstance(v, (list, tuple, Old, New)): out.append(repr(v))
    if hasattr(v, '__dict__') and not isinstance(v, (type, types.ClassType)): canon(v.__dict__, seen, out)
    return out
want = make()
if sys.argv[1] == 'make':
    for v in want:
        for proto in (0, 1, 2):
            for p in (pickle, cPickle):
                s = p.dumps(v, proto)
                sys.stdout.write(struct.pack('<I', len(s)) + s)
else:
    bad = 0
    for v in want:
        for proto in (0, 1, 2):
            for p in (pickle, cPickle):
                for q in (0, 1, 2):
                    n = struct.unpack('<I', sys.stdin.read(4))[0]
                    s = sys.stdin.read(n)
                    a = canon(v, {}, [])
                    for name, loads in (('pickle', pickle.loads), ('cPickle', cPickle.loads)):
                        try: b = canon(loads(s), {}, [])
                        except Exception, e: b = repr(e)
                        if a != b:
                            bad += 1
                            print 'from protocol', proto, p.__name__, 'to', q, name, str(a)[:300], '!=', str(b)[:300], repr(s)[:200]
    print bad, 'differences'
`

func TestRoundTripThroughPython(t *testing.T) {
	python := mmtest.Python(t)
	made, err := exec.Command(python, "-c", values, "make").Output()
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	n := 0
	for len(made) > 0 {
		size := int(made[0]) | int(made[1])<<8 | int(made[2])<<16 | int(made[3])<<24
		p := made[4 : 4+size]
		made = made[4+size:]
		v, rest, err := pickle.Load(p)
		if err != nil || len(rest) != 0 {
			t.Fatalf("Load of %.200q: %v, %d bytes left", p, err, len(rest))
		}
		for proto := 0; proto <= 2; proto++ {
			out, err := pickle.Dump(v, proto)
			if err != nil {
				t.Fatalf("Dump of %.200q: %v", p, err)
			}
			back.Write([]byte{byte(len(out)), byte(len(out) >> 8), byte(len(out) >> 16), byte(len(out) >> 24)})
			back.Write(out)
		}
		n++
	}
	check := exec.Command(python, "-c", values, "check")
	check.Stdin = &back
	out, err := check.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.HasSuffix(out, []byte("\n0 differences\n")) && !bytes.Equal(out, []byte("0 differences\n")) {
		t.Errorf("of %d pickles:\n%.3000s", n, out)
	}
}
