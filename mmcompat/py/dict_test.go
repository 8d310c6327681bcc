package py

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

const python = `
import json, sys
for line in sys.stdin:
    d = {}
    for op, key in json.loads(line):
        key = key.encode('latin-1')
        if op == '+':
            d[key] = 1
        else:
            d.pop(key, None)
    print json.dumps([k.decode('latin-1') for k in d.keys()])
`

// TestOrderIsPythons puts keys in and takes some out again, as a random history
// has it, and holds the order of what is left against Python's.
func TestOrderIsPythons(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var input []byte
	var want []string
	for round := range 300 {
		var d Dict
		history := [][2]string{}
		n := r.Intn(40)

		if round%50 == 0 {
			n = 60000 + r.Intn(60000)
		}

		for range n {
			op, key := "+", fmt.Sprintf("u%d@%c.example", r.Intn(n+1), 'a'+r.Intn(3))
			if r.Intn(4) == 0 {
				op = "-"
			}

			history = append(history, [2]string{op, key})
			if op == "+" {
				d.Set(key)
			} else {
				d.Delete(key)
			}

			if d.Has(key) != (op == "+") {
				t.Fatalf("after %s %s: Has is %v", op, key, d.Has(key))
			}
		}

		line, _ := json.Marshal(history)
		input = append(append(input, line...), '\n')
		keys := d.Clone().Keys()
		if len(keys) != d.Len() {
			t.Fatalf("%d keys, Len is %d", len(keys), d.Len())
		}

		k, _ := json.Marshal(keys)
		want = append(want, string(k))
	}

	dec := json.NewDecoder(bytes.NewReader(mmtest.PlainPython(t, input, python)))
	for i, w := range want {
		var keys []string
		if err := dec.Decode(&keys); err != nil {
			t.Fatal(err)
		}

		if got, _ := json.Marshal(keys); string(got) != w {
			t.Errorf("round %d: ours %s, Python's %s", i, w, got)
		}
	}
}

// TestDictsAreInPythonsOrder is one known order, for machines without Python.
func TestDictsAreInPythonsOrder(t *testing.T) {
	got := DictOrder([]string{"ann@example.com", "bob@example.com", "cyd@example.com", "", "dan@example.org", "ann@example.com", "eve@example.net", "fay@example.net", "guy@example.net"})
	want := []string{"", "dan@example.org", "bob@example.com", "eve@example.net", "guy@example.net", "cyd@example.com", "fay@example.net", "ann@example.com"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Reload gives what putting the keys into a new dict in their order gives, whatever
// history they have.
func TestReloadGivesTheOrderOfANewDict(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for round := range 200 {
		var d Dict
		n := r.Intn(60)

		if round%40 == 0 {
			n = 3000 + r.Intn(4000)
		}

		for range n {
			key := fmt.Sprintf("u%d@%c.example", r.Intn(n+1), 'a'+r.Intn(3))
			if r.Intn(4) == 0 {
				d.Delete(key)
			} else {
				d.Set(key)
			}

			if r.Intn(max(1, n/4)) != 0 {
				continue
			}
			var want Dict
			before := d.Keys()
			for _, k := range before {
				want.Set(k)
			}
			changed := d.Reload()

			if !slices.Equal(d.Keys(), want.Keys()) || len(d.slots) != len(want.slots) || d.fill != want.fill {
				t.Fatalf("round %d: got %d keys in %d slots, need %d in %d", round, d.Len(), len(d.slots), want.Len(), len(want.slots))
			}

			if changed != !slices.Equal(before, want.Keys()) {
				t.Fatalf("round %d: changed is %v", round, changed)
			}
		}
	}
}
