package pickle_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// model is the dict that a Document must equal, decoded. Its values are
// changed in the way that Python code would change them.
type model struct{ d *pickle.Dict }

func load(t testing.TB, b []byte) *pickle.Dict {
	t.Helper()
	v, _, err := pickle.Load(b)
	if err != nil {
		t.Fatalf("%v\n%.200q", err, b)
	}
	return v.(*pickle.Dict)
}

// Documents that Python wrote are opened, changed at random, rolled back in part
// and written; what Go and Python then read is what the same changes make of the
// decoded dict, sharing included.
func TestDocumentIsTheDict(t *testing.T) {
	t.Parallel()
	docs := frames(t, run(t, nil, "documents.py", setting("SEED", "11"), setting("COUNT", "25")))
	var written []byte
	n := 0
	for i, b := range docs {
		rnd := rand.New(rand.NewSource(int64(i)))
		d, err := pickle.OpenDocument(b)
		if err != nil {
			t.Fatalf("document %d: %v", i, err)
		}

		m := &model{load(t, b)}
		compare(t, fmt.Sprintf("document %d, unchanged", i), d, m)
		for round := range 4 {
			at := fmt.Sprintf("document %d, round %d", i, round)
			sp := d.Savepoint()
			back := m.copy()
			for range rnd.Intn(30) {
				change(t, rnd, d, m)
			}

			if rnd.Intn(3) == 0 {
				d.Rollback(sp)
				m = back
				compare(t, at+", rolled back", d, m)
				back = m.copy()
				for range rnd.Intn(10) {
					change(t, rnd, d, m)
				}
				d.Rollback(sp)
				m = back
				compare(t, at+", rolled back again", d, m)
				for range rnd.Intn(10) {
					change(t, rnd, d, m)
				}
			}

			d.Release()
			out := compare(t, at, d, m)
			want, err := pickle.Dump(m.d, 2)
			if err != nil {
				t.Fatal(err)
			}

			written = frame(frame(written, out), want)
			n++
			switch rnd.Intn(4) {
			case 0:
				if d, err = pickle.OpenDocument(out); err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				m = &model{load(t, out)}
			case 1:
				if err := d.Compact(); err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				m = &model{load(t, out)}
			}
		}
	}

	out := run(t, written, "documents.py", "compare")
	if string(out) != fmt.Sprintf("0 differences in %d\n", n) {
		t.Errorf("%.4000s", out)
	}
}

func (m *model) copy() *model {
	b, err := pickle.Dump(m.d, 2)
	if err != nil {
		panic(err)
	}

	v, _, err := pickle.Load(b)
	if err != nil {
		panic(err)
	}
	return &model{v.(*pickle.Dict)}
}

// compare holds a document against the model, and what it writes too.
func compare(t *testing.T, at string, d *pickle.Document, m *model) []byte {
	t.Helper()
	keys := d.Keys()
	if len(keys) != m.d.Len() {
		t.Fatalf("%s: got keys %q, need %d", at, keys, m.d.Len())
	}

	for k, want := range m.d.All() {
		key := string(k.(pickle.Str))
		have, ok, err := d.Get(key)
		if err != nil || !ok || !d.Has(key) {
			t.Fatalf("%s: Get %q: %v, %v", at, key, ok, err)
		}

		if diff := pickle.DiffShared(want, have, 3); diff != nil {
			t.Fatalf("%s: Get %q: %v", at, key, diff)
		}

		dict, isDict := want.(*pickle.Dict)
		view, err := d.Dict(key)
		if (err == nil) != isDict {
			t.Fatalf("%s: Dict %q of a %T: %v", at, key, want, err)
		}

		if isDict {
			compareView(t, at+", Dict "+strconv.Quote(key), view, dict)
		}
	}

	b, err := d.Bytes()
	if err != nil {
		t.Fatalf("%s: Bytes: %v", at, err)
	}

	var buf bytes.Buffer
	if n, err := d.WriteTo(&buf); err != nil || n != int64(buf.Len()) || !pickle.Equal(load(t, buf.Bytes()), load(t, b)) {
		t.Fatalf("%s: WriteTo: %d, %v", at, n, err)
	}

	if diff := pickle.DiffShared(m.d, load(t, b), 3); diff != nil {
		t.Fatalf("%s: written: %v", at, diff)
	}

	return b
}

func compareView(t *testing.T, at string, v *pickle.DictView, want *pickle.Dict) {
	t.Helper()
	if v.Len() != want.Len() {
		t.Fatalf("%s: got %d items, need %d", at, v.Len(), want.Len())
	}

	n := 0
	for k, have := range v.All() {
		n++
		w, ok := want.Get(k)
		if isObject(k) {
			continue // found by identity only
		}

		if !ok || !pickle.Equal(w, have) {
			t.Fatalf("%s: item %s: got %s", at, pickle.Repr(k, 60), pickle.Repr(have, 200))
		}

		again, ok, err := v.Get(k)
		if err != nil || !ok || !v.Has(k) || !pickle.Equal(w, again) {
			t.Fatalf("%s: Get %s: %v, %v", at, pickle.Repr(k, 60), ok, err)
		}
	}

	if n != want.Len() || v.Err() != nil {
		t.Fatalf("%s: All yielded %d items, wanted %d; %v", at, n, want.Len(), v.Err())
	}

	if n2 := len(slices.Collect(v.Keys())); n2 != n {
		t.Fatalf("%s: Keys yielded %d, wanted %d", at, n2, n)
	}

	if _, ok, err := v.GetStr("nobody"); ok || err != nil || v.HasStr("nobody") {
		t.Fatalf("%s: Get of a key that is not there: %v, %v", at, ok, err)
	}
}

func isObject(k pickle.Value) bool {
	switch k.(type) {
	case *pickle.Instance, *pickle.Reduce:
		return true
	}
	return false
}

// change makes one change to both.
func change(t *testing.T, rnd *rand.Rand, d *pickle.Document, m *model) {
	t.Helper()
	keys := d.Keys()
	if len(keys) == 0 || rnd.Intn(12) == 0 {
		key := "new" + strconv.Itoa(rnd.Intn(5))
		v := someValue(rnd)
		d.Set(key, v)
		m.d.SetStr(key, deepCopy(v))
		return
	}

	key := keys[rnd.Intn(len(keys))]
	old, _ := m.d.GetStr(key)
	switch n := rnd.Intn(20); {
	case n == 0:
		if !d.Delete(key) || d.Delete(key) {
			t.Fatalf("Delete %q", key)
		}
		m.d.Delete(pickle.Str(key))
	case n == 1:
		v := someValue(rnd)
		d.Set(key, v)
		m.d.SetStr(key, deepCopy(v))
	case n < 6: // get, change in place, set
		v, _, err := d.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		if mutate(rand.New(rand.NewSource(int64(n))), v) {
			mutate(rand.New(rand.NewSource(int64(n))), old)
			d.Set(key, v)
		}
	default:
		dict, ok := old.(*pickle.Dict)
		if !ok {
			return
		}

		view, err := d.Dict(key)
		if err != nil {
			t.Fatal(err)
		}

		changeItem(t, rnd, view, dict)
	}
}

func changeItem(t *testing.T, rnd *rand.Rand, view *pickle.DictView, dict *pickle.Dict) {
	t.Helper()
	var k pickle.Value = pickle.Str("somebody" + strconv.Itoa(rnd.Intn(9)))

	if keys := dict.Keys(); len(keys) > 0 && rnd.Intn(4) > 0 {
		k = keys[rnd.Intn(len(keys))]
	}

	if isObject(k) {
		return
	}
	old, had := dict.Get(k)
	switch rnd.Intn(4) {
	case 0:
		if view.DeleteKey(k) != had {
			t.Fatalf("DeleteKey %s: wanted %v", pickle.Repr(k, 50), had)
		}
		dict.Delete(k)
	case 1:
		v := someValue(rnd)
		view.SetKey(k, v)
		dict.Set(k, deepCopy(v))
	default:
		v, ok, err := view.Get(k)
		if err != nil || ok != had {
			t.Fatalf("Get %s: %v, %v", pickle.Repr(k, 50), ok, err)
		}

		n := rnd.Int63()
		if ok && mutate(rand.New(rand.NewSource(n)), v) {
			mutate(rand.New(rand.NewSource(n)), old)
			view.SetKey(k, v)
		}
	}
}

// mutate changes a value in place, if it can be.
func mutate(rnd *rand.Rand, v pickle.Value) bool {
	switch v := v.(type) {
	case *pickle.List:
		v.Items = append(v.Items, someValue(rnd))
	case *pickle.Dict:
		v.SetStr("mutated", someValue(rnd))
	case *pickle.Instance:
		if _, ok := v.State.(*pickle.Dict); !ok {
			return false
		}
		v.SetAttr("score", pickle.Int(rnd.Intn(99)))
	default:
		return false
	}

	return true
}

func someValue(rnd *rand.Rand) pickle.Value {
	switch rnd.Intn(7) {
	case 0:
		return pickle.Int(rnd.Intn(1 << 20))
	case 1:
		return pickle.Str(fmt.Sprint("a string ", rnd.Intn(99)))
	case 2:
		shared := pickle.NewList(pickle.Unicode("é"), nil)
		return pickle.NewTuple(shared, shared)
	case 3:
		l := pickle.NewList(true)
		l.Items = append(l.Items, l)
		return l
	case 4:
		in := pickle.NewOldInstance("__main__", "Old")
		in.SetAttr("score", 1.5)
		in.SetAttr("date", pickle.NewTuple(pickle.Int(2026), pickle.Int(11)))
		return in
	case 5:
		d := pickle.NewDict()
		for i := range rnd.Intn(5) {
			d.SetStr("user"+strconv.Itoa(i), pickle.NewList(pickle.Int(i)))
		}
		return d
	default:
		d, shared := pickle.NewDict(), pickle.NewList()
		d.SetStr("a", shared)
		d.SetStr("b", shared)
		return d
	}
}

func deepCopy(v pickle.Value) pickle.Value {
	b, err := pickle.Dump(v, 2)
	if err != nil {
		panic(err)
	}

	c, _, err := pickle.Load(b)
	if err != nil {
		panic(err)
	}
	return c
}
