package pickle_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// cuts pickles what pending.pck and the like hold, and prints what cPickle raises
// for each of its beginnings, read from a file.
const cuts = `
import cPickle, cStringIO, json, os, sys, tempfile
class C: pass
c = C(); c.a = 'b'
db = {'evictions': {'a' * 40: 1.5e9, 'b' * 40: 12L}, 'version': 2, 'a' * 40: ('S', c), 'b' * 40: (7, 'a@b', None, True), 'c' * 40: ['U', u'caf\xe9']}
out, name = [], tempfile.mktemp()
for proto in (0, 1):
    s = cPickle.dumps(db, proto)
    for i in range(len(s)):
        open(name, 'w').write(s[:i])
        try:
            cPickle.load(open(name))
        except Exception, e:
            out.append((s[:i].encode('base64'), (e.__class__.__name__ + ': ' + str(e)).rstrip(': ')))
os.unlink(name)
json.dump(out, sys.stdout)
`

// A file that was cut off anywhere is refused as cPickle refuses it.
func TestCutPicklesAreErrors(t *testing.T) {
	t.Parallel()
	var rows [][2]string
	if err := json.Unmarshal(mmtest.PlainPython(t, nil, cuts), &rows); err != nil {
		t.Fatal(err)
	}

	for _, row := range rows {
		b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(row[0], "\n", ""))
		if err != nil {
			t.Fatal(err)
		}

		_, _, err = pickle.Load(b)
		had := "EOFError"
		var syntax *pickle.SyntaxError
		if errors.As(err, &syntax) {
			had = syntax.Python
		} else if !errors.Is(err, io.EOF) {
			had = "nothing"
		}

		if had != row[1] {
			t.Errorf("%q: got %q (%v), need %q", b, had, err, row[1])
		}
	}
}

// A unicode of ASCII is a key as good as the str that it is equal to, in either
// protocol, and stays one.
func TestUnicodeKeys(t *testing.T) {
	inner := pickle.NewDict()
	inner.Set(pickle.Unicode("a"), pickle.Int(1))
	d := pickle.NewDict()
	d.Set(pickle.Unicode("dict"), inner)
	d.Set(pickle.Unicode("set"), pickle.Int(1))
	d.Set(pickle.Unicode("kept"), pickle.Int(1))

	for proto := range 3 {
		b, err := pickle.Dump(d, proto)
		if err != nil {
			t.Fatal(err)
		}

		doc, err := pickle.OpenDocument(b)
		if err != nil {
			t.Fatalf("protocol %d: %v", proto, err)
		}

		if v, ok, err := doc.Get("kept"); !ok || err != nil || v != pickle.Int(1) {
			t.Errorf("protocol %d: got %v, %v, %v", proto, v, ok, err)
		}

		view, err := doc.Dict("dict")
		if err != nil {
			t.Fatal(err)
		}

		view.Set("a", pickle.Int(2))
		doc.Set("set", pickle.Int(2))
		doc.Set("new", pickle.Int(2))
		out, err := doc.Bytes()
		if err != nil {
			t.Fatal(err)
		}

		want := pickle.NewDict()
		changed := pickle.NewDict()
		changed.Set(pickle.Unicode("a"), pickle.Int(2))
		want.Set(pickle.Unicode("dict"), changed)
		want.Set(pickle.Unicode("set"), pickle.Int(2))
		want.Set(pickle.Unicode("kept"), pickle.Int(1))
		want.SetStr("new", pickle.Int(2))

		if got := load(t, out); !pickle.Equal(got, want) {
			t.Errorf("protocol %d: got %s, need %s", proto, pickle.Repr(got, 400), pickle.Repr(want, 400))
		}
	}
}
