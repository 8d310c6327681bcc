package pickle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// collect puts together what Items takes apart.
func collect(b []byte) (*pickle.Dict, error) {
	d := pickle.NewDict()
	err := pickle.Items(b, func(k pickle.Value, value []byte) error {
		v, rest, err := pickle.Load(value)
		if err != nil || len(rest) > 0 {
			return fmt.Errorf("value of %s, %q: %v, %d bytes left", pickle.Repr(k, 80), value, err, len(rest))
		}
		d.Set(k, v)
		return nil
	})
	return d, err
}

func checkItems(t *testing.T, b []byte) {
	t.Helper()
	got, err := collect(b)
	if err != nil {
		t.Fatalf("%v in %.2000q", err, b)
	}
	for _, d := range pickle.Diff(got, load(t, b), 5) {
		t.Errorf("%s: had %s, wanted %s in %.2000q", d.Path, d.A, d.B, b)
	}
}

// Dicts from both of Python's picklers, in all protocols, whose values share
// keys, strings, class names and more.
func TestItemsOfPython(t *testing.T) {
	out := mmtest.PlainPython(t, nil, `
import sys, pickle, cPickle, random, struct
class Old: pass
class New(object): pass
r = random.Random(3)
names = ['name', 'it\'s', 'x\n\\', u'\u20ac', u'a\nb', 'S', '']
shared = [1, [2]]
def value(depth=0):
    k = r.randrange(14)
    if depth > 3 or k < 4: return r.choice(names)
    if k == 4: return r.choice([0, -1, 300, 70000, 2**40, 2**70, -5L, 1.5, 1e300, None, True, False])
    if k == 5: return r.choice([(), [], {}])
    if k == 6: return tuple(value(depth + 1) for i in range(r.randrange(5)))
    if k == 7: return [value(depth + 1) for i in range(r.randrange(5))]
    if k == 8: return dict((r.choice(names), value(depth + 1)) for i in range(r.randrange(5)))
    if k == 9:
        o = r.choice([Old, New])()
        o.address = value(depth + 1); o.name = value(depth + 1)
        return o
    if k == 10: return r.choice([Old, len])
    if k == 11: v = value(depth + 1); return (v, v, [v])
    if k == 12: v = []; v.append(v); return v
    return depth == 0 and r.randrange(8) == 0 and shared or set([1, 'name'])
for i in range(300):
    keys = ['%040x' % j for j in range(r.choice([0, 1, 2, 20]))]
    if i == 7: keys = ['%040x' % j for j in range(2500)]
    d = dict((k, value()) for k in keys)
    d['times'] = dict((k, 1.5) for k in keys)
    if r.randrange(4) == 0: d[3] = d[(1, 'name')] = 'other keys'
    for m in (pickle, cPickle):
        for p in (0, 1, 2):
            s = m.dumps(d, p)
            sys.stdout.write(struct.pack('<I', len(s)) + s)
`)
	all := frames(t, out)
	for _, b := range all {
		checkItems(t, b)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d dicts", len(all))
}

// What cPickle writes for pending records is split without being loaded: a
// class by name, attribute names and cookies that were PUT by other values.
func TestItemsRepeatsStrings(t *testing.T) {
	b := "(dp1\nS'c1'\np2\n(S'S'\np3\n(iM\nC\np4\n(dp5\nS'a'\np6\nS'x'\nsbtp7\nsS'c2'\np8\n(g3\n(iM\nC\n(dg6\nI1\nsbtsS'ev'\n(dg2\nF1.5\nsg8\nF2.5\nss."
	var got []string
	if err := pickle.Items([]byte(b), func(k pickle.Value, value []byte) error {
		got = append(got, fmt.Sprintf("%s %s", k, value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"c1 (S'S'\n(iM\nC\n(dS'a'\nS'x'\nsbt.",
		"c2 (S'S'\n(iM\nC\n(dS'a'\nI1\nsbt.",
		"ev (dS'c1'\nF1.5\nsS'c2'\nF2.5\ns.",
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("had\n%q, wanted\n%q", got, want)
	}
}

// Values joined into one dict use each memo id many times.
func TestItemsUsesIDsAgain(t *testing.T) {
	b := "(dp1\nS'a'\np1\n(lp2\ng1\nag1\nasS'b'\np1\n(lp2\ng1\nag1\nasS'c'\np2\n(g1\ng2\nts."
	checkItems(t, []byte(b))
}

func TestItemsErrors(t *testing.T) {
	whole := "(dp1\nS'a'\np2\n(lp3\ng2\nasS'b'\np4\nI5\ns."
	checkItems(t, []byte(whole))
	for n := range len(whole) {
		_, err := collect([]byte(whole[:n]))
		var syn *pickle.SyntaxError
		if !errors.As(err, &syn) && !errors.Is(err, io.EOF) {
			t.Errorf("%q: had %v", whole[:n], err)
		}
	}
	for _, b := range []string{"]q\x01.", "I1\n.", "(S'a'\nt."} {
		_, err := collect([]byte(b))
		var kind *pickle.NotDictError
		if !errors.As(err, &kind) {
			t.Errorf("%q: had %v, wanted a NotDictError", b, err)
		}
	}
	broken := errors.New("broken")
	if err := pickle.Items([]byte(whole), func(pickle.Value, []byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("had %v, wanted fn's error", err)
	}
}

// Whatever Load takes for a dict, Items takes apart into the same.
func FuzzItems(f *testing.F) {
	f.Add([]byte("(dp1\nS'a'\np2\n(lp3\ng2\nasS'b'\np4\ng3\ns."))
	f.Add([]byte("}q\x01(U\x01aq\x02]q\x03(h\x02h\x02eU\x01bh\x02u."))
	f.Add([]byte("\x80\x02}q\x01(U\x01aq\x02(U\x01x\x88\x89tU\x01bh\x02u."))
	f.Add([]byte("(dp1\nS'a'\np1\n(lp2\ng1\nag2\nas."))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := collect(b)
		v, _, lerr := pickle.Load(b)
		want, ok := v.(*pickle.Dict)
		if lerr != nil || !ok {
			return // what is wrong inside a value may pass
		}
		if err != nil {
			t.Fatalf("had %v, wanted none", err)
		}
		if ds := pickle.Diff(got, want, 3); len(ds) > 0 {
			t.Fatalf("%+v", ds)
		}
	})
}

func BenchmarkItems(b *testing.B) {
	var buf bytes.Buffer
	buf.WriteString("(dp1\n")
	for i := range 100000 {
		fmt.Fprintf(&buf, "S'%040x'\np%d\n(S'E'\np2\nS'list'\np3\nS'user%d@example.net'\np%d\ntp%d\ns", i, 3*i+4, i, 3*i+5, 3*i+6)
	}
	buf.WriteString(".")
	b.SetBytes(int64(buf.Len()))
	for b.Loop() {
		if err := pickle.Items(buf.Bytes(), func(pickle.Value, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
