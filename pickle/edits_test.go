package pickle_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// A Document that is edited as Python edits the dict, with changes taken back
// and writes in between, is written as what Python has then: values, types and
// what is shared.
func TestEditsAsInPython(t *testing.T) {
	t.Parallel()
	count, seed := setting("COUNT", "40"), setting("SEED", "5")
	made := frames(t, run(t, nil, "edits.py", "make", seed, count))
	var back []byte
	steps := 0
	for i := 0; i < len(made); i += 2 {
		script, _, err := pickle.Load(made[i+1])
		if err != nil {
			t.Fatal(err)
		}

		items := script.(*pickle.Tuple).Items
		e := editing{t: t, proto: int(items[0].(pickle.Int)), at: fmt.Sprintf("document %d", i/2)}
		e.open(made[i])

		for n, op := range items[1].(*pickle.List).Items {
			e.at = fmt.Sprintf("document %d, step %d", i/2, n)
			e.do(op.(*pickle.Tuple).Items, n)
			steps++
		}

		back = frame(back, e.write())
	}

	out := run(t, back, "edits.py", "check", seed, count)
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}

	if string(out) != fmt.Sprintf("0 differences in %d\n", 2*n) {
		t.Errorf("%.4000s", out)
	}

	t.Logf("%d documents, %d steps", n, steps)
}

// editing does a script of edits.py.
type editing struct {
	t     *testing.T
	at    string
	proto int
	doc   *pickle.Document
	mark  pickle.Savepoint
}

func (e *editing) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("%s: %v", e.at, err)
	}
}

func (e *editing) open(b []byte) {
	var err error
	e.doc, err = pickle.OpenDocument(b)
	e.check(err)
	if e.proto == 0 {
		e.doc.SetProtocol(0)
	}
}

func (e *editing) write() []byte {
	var out bytes.Buffer
	_, err := e.doc.WriteTo(&out)
	e.check(err)
	return out.Bytes()
}

func (e *editing) value(v pickle.Value) pickle.Value {
	v, _, err := pickle.Load([]byte(v.(pickle.Str)))
	e.check(err)
	return v
}

func (e *editing) do(op []pickle.Value, n int) {
	name, key := string(op[0].(pickle.Str)), ""
	if len(op) > 1 {
		key = string(op[1].(pickle.Str))
	}

	switch name {
	case "set":
		e.doc.Set(key, e.value(op[2]))
	case "del":
		e.doc.Delete(key)
	case "append":
		v, _, err := e.doc.Get(key)
		e.check(err)
		l := v.(*pickle.List)
		l.Items = append(l.Items, e.value(op[2]))
		e.doc.Set(key, l)
	case "setitem", "delitem", "appenditem":
		view, err := e.doc.Dict(key)
		e.check(err)
		e.item(name, view, op[2:])
		e.check(view.Err())
	case "mark":
		e.mark = e.doc.Savepoint()
	case "back":
		e.doc.Rollback(e.mark)
	case "write":
		// The next batch goes on with the same document, a compacted one, or reads the file.
		b := e.write()
		switch e.doc.Release(); n % 3 {
		case 0:
			e.check(e.doc.Compact())
		case 1:
			e.open(b)
		}
	}
}

func (e *editing) item(name string, view *pickle.DictView, op []pickle.Value) {
	switch name {
	case "setitem":
		view.SetKey(op[0], e.value(op[1]))
	case "delitem":
		view.DeleteKey(op[0])
	case "appenditem":
		v, _, err := view.Get(op[0])
		e.check(err)
		l := v.(*pickle.List)
		l.Items = append(l.Items, e.value(op[1]))
		view.SetKey(op[0], l)
	}
}
