package pickle_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// recorded returns the pickles of testdata/recorded.txt.
func recorded(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile("testdata/recorded.txt")
	if err != nil {
		t.Fatal(err)
	}

	var all [][]byte
	for line := range bytes.Lines(b) {
		f := bytes.Split(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"))
		s, _, err := pickle.Load([]byte("S'" + string(f[3]) + "'\n.")) // the table is in string-escape
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, []byte(s.(pickle.Str)))
	}

	return all
}

// hostile are pickles that no pickler writes.
var hostile = []string{
	"", ".", "N", "0.", "1.", "2.", "a.", "(.", "(a.", "(0.", "(1N.", "N2N00.", "]2a.", "}2]s.", "}]Ns.", "}(s.", "}(Ns.", "}(NNu.", "(Nd.", "(NNd.",
	"\x80\x03.", "\x80", "\x82\x01.", "\x83\x01\x00.", "\x84\x01\x00\x00\x00.", "Pid\n.", "NQ.", "B.",
	"I\n.", "I010\n.", "I 1\n.", "I-0\n.", "L1\n.", "LL\n.", "F\n.", "F0x1p4\n.", "F1_0\n.", "F1e999\n.", "K", "J\x00\x00", "\x8a\x02\x00", "\x8b\xff\xff\xff\xff.", "\x8b\x00\x00\x00\x7f.",
	"S'\n.", "S''\n.", "Sabc\n.", "S'\\'\n.", "S'\\x4'\n.", "S'\\400\\8\\q\\\n.", "V\\u12\n.", "V\\U00110000\n.", "T\xff\xff\xff\xff.", "T\xff\xff\xff\x7f.", "U\x05abc.", "X\x01\x00\x00\x00\xff.", "X\x03\x00\x00\x00\xed\xa0\x80.",
	"Np-1\n.", "Np01\n.", "g5\n.", "h\x05.", "j\xff\xff\xff\xff.", "Nr\xff\xff\xff\x7fj\xff\xff\xff\x7f.", "q\x01.",
	"c\n\n.", "ca\nb", "(ia\nb\n.", "(o.", "(No.", "(ca\nb\nNo.", "NNR.", "ca\nb\nNR.", "ca\nb\n)R.", "ca\nb\n)R}b}b.", "ca\nb\n)RNbNb.", "ca\nb\n)\x81Nb.", "N)\x81.", "]}b.",
	"ca\nb\n)R(NNNe.", "ca\nb\n)R(NNu.", "(ca\nb\no}b.", "ccopy_reg\n_reconstructor\n(ca\nb\nc__builtin__\nobject\nNtR.", "ccopy_reg\n__newobj__\n(ca\nb\nNtR.", "ccopy_reg\n__newobj__\n)R.",
	"}q\x01(U\x01ah\x01u.", "}(U\x01aNU\x01aK\x01u.", "}(U\x01aNX\x01\x00\x00\x00aK\x01u.", "}(K\x01NI01\nNG?\xf0\x00\x00\x00\x00\x00\x00NL1L\nNu.", "}U\x01a}(]Nus.",
	"}q\x01U\x01a]q\x02s(U\x01bh\x02U\x01ch\x02u.", "}q\x01U\x01a]q\x02h\x02as.", "}U\x01a((]q\x01h\x01tq\x021h\x02s.", "(]q\x01(h\x01tq\x02a1h\x02.", "\x80\x02]q\x01h\x01\x85q\x02a0h\x02.",
	"(((t(tt.", "(lp0\n(g0\ntp1\na00g1\n.", "}(U\x01a}q\x01(U\x01xh\x01uu.", "}U\x01a}(ca\nb\nN(ca\nb\noNus.",
}

func addSeeds(f *testing.F) {
	for _, b := range recorded(f) {
		f.Add(b)
	}
	for _, s := range hostile {
		f.Add([]byte(s))
	}
}

// Load neither panics nor hangs, takes no more memory than a multiple of its
// input, and says where a bad pickle is bad.
func FuzzLoad(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, rest, err := pickle.Load(b)
		runtime.ReadMemStats(&after)

		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+maxMultiple*len(b)); took > most {
			t.Fatalf("%d bytes took %d of memory, wanted at most %d", len(b), took, most)
		}

		if err != nil {
			var bad *pickle.SyntaxError
			switch {
			case len(b) == 0:
			case !errors.As(err, &bad):
				t.Fatalf("got %v, need a SyntaxError", err)
			case bad.Offset < 0 || bad.Offset > int64(len(b)) || bad.Offset < int64(len(b)) && bad.Opcode != b[bad.Offset] || bad.Reason == "":
				t.Fatalf("got %#v", bad)
			}

			if v != nil || len(rest) != len(b) {
				t.Fatalf("got a value or took bytes, and failed: %v", err)
			}

			return
		}

		if !bytes.HasSuffix(b, rest) || b[len(b)-len(rest)-1] != '.' {
			t.Fatalf("got %q left of %q", rest, b)
		}

		if _, _, err := pickle.Load(b[:len(b)-len(rest)]); err != nil {
			t.Fatalf("without the rest: %v", err)
		}

		pickle.Repr(v, 200)
	})
}

// maxMultiple is how many bytes of memory, in all, a byte of a pickle may cost.
const maxMultiple = 250

// What Load reads, Dump writes in each protocol so that Load reads the same.
func FuzzRoundTrip(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := pickle.Load(b)
		if err != nil {
			return
		}

		for proto := range 3 {
			out, err := pickle.Dump(v, proto)
			if err != nil {
				if errors.Is(err, pickle.ErrDepth) {
					continue // an object in its own arguments without end
				}
				t.Fatalf("protocol %d: %v", proto, err)
			}

			w, rest, err := pickle.Load(out)
			if err != nil || len(rest) != 0 {
				t.Fatalf("protocol %d: %v, %d bytes left of %q", proto, err, len(rest), out)
			}

			if d := pickle.DiffShared(v, w, 3); d != nil && !argumentsHold(v) {
				t.Fatalf("protocol %d: %q: %v", proto, out, d)
			}
		}
	})
}

// argumentsHold reports whether the arguments that some object is made with hold
// what can change: Python too loses it where that leads back to the object.
func argumentsHold(v pickle.Value) bool {
	seen := map[pickle.Value]bool{}
	found := false
	var walk func(v pickle.Value, inArgs bool)
	walk = func(v pickle.Value, inArgs bool) {
		if found {
			return
		}

		each := func(vs []pickle.Value, inArgs bool) {
			for _, x := range vs {
				walk(x, inArgs)
			}
		}

		object := func(args *pickle.Tuple, list []pickle.Value, dict *pickle.Dict, state pickle.Value) {
			if seen[v] {
				return
			}
			seen[v] = true

			if args != nil {
				each(args.Items, true)
			}

			each(list, false)
			if dict != nil {
				walk(dict, false)
			}

			walk(state, false)
		}

		switch x := v.(type) {
		case *pickle.Tuple:
			if inArgs || !seen[v] {
				seen[v] = true
				each(x.Items, inArgs)
			}
		case *pickle.List:
			found = found || inArgs
			if !seen[v] {
				seen[v] = true
				each(x.Items, false)
			}
		case *pickle.Dict:
			found = found || inArgs
			if !seen[v] {
				seen[v] = true
				for k, y := range x.All() {
					walk(k, false)
					walk(y, false)
				}
			}
		case *pickle.Instance:
			found = found || inArgs
			object(x.Args, x.ListItems, x.DictItems, x.State)
		case *pickle.Reduce:
			found = found || inArgs
			object(x.Args, x.ListItems, x.DictItems, x.State)
		}
	}

	walk(v, false)
	return found
}

// A Document opens what Load reads as a dict with str keys, and nothing else; it
// holds the same values, unchanged and after changes.
func FuzzDocument(f *testing.F) {
	addSeeds(f)
	for _, s := range []string{"}.", "}q\x01(U\x01ah\x01u.", "}(U\x05ownerq\x01]q\x02(U\x05annieq\x03e" + "U\x07membersq\x04}q\x05(h\x03K\x00U\x03bobq\x06K\x01uU\x07optionsq\x07}(h\x03K\x08h\x06M\x00\x01u" + "U\x05otherh\x02u."} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := pickle.Load(b)
		dict, isDict := v.(*pickle.Dict)
		strs := isDict

		if isDict {
			for k := range dict.All() {
				_, ok := k.(pickle.Str)
				strs = strs && ok
			}
		}

		d, openErr := pickle.OpenDocument(b)
		if (openErr == nil) != (err == nil && strs) {
			if err == nil && strs && (holdsItself(dict) || argumentsHold(v)) {
				return
			}
			t.Fatalf("Load: %v, a dict %v; OpenDocument: %v", err, strs, openErr)
		}

		if openErr != nil || argumentsHold(v) {
			return
		}
		m := &model{dict}
		compare(t, "as it is", d, m)
		sp := d.Savepoint()
		for _, key := range d.Keys() {
			value, _ := dict.GetStr(key)
			if _, ok := value.(*pickle.Dict); !ok {
				continue
			}

			view, err := d.Dict(key)
			if err != nil {
				t.Fatal(err)
			}

			for k := range view.Keys() {
				view.DeleteKey(k)
			}
			view.Set("new", pickle.Int(1))
			d.Rollback(sp)
		}

		compare(t, "rolled back", d, m)
		// Take the keys away one after the other: each removes PUTs that others need.
		for _, key := range d.Keys() {
			value, _ := dict.GetStr(key)
			if items, ok := value.(*pickle.Dict); ok {
				view, err := d.Dict(key)
				if err != nil {
					t.Fatal(err)
				}

				for i, k := range items.Keys() {
					if i%2 == 0 && !isObject(k) {
						view.DeleteKey(k)
						items.Delete(k)
					}
				}

				compare(t, fmt.Sprintf("without half of %q", key), d, m)
			}

			d.Delete(key)
			dict.Delete(pickle.Str(key))
			d.Set("new "+key, pickle.Str(key))
			dict.SetStr("new "+key, pickle.Str(key))
			compare(t, fmt.Sprintf("without %q", key), d, m)
		}
	})
}

// holdsItself reports whether a value leads back to the dict.
func holdsItself(d *pickle.Dict) bool {
	b, err := pickle.Dump(pickle.NewTuple(d, d), 1)
	if err != nil {
		return true
	}

	one, err := pickle.Dump(d, 1)
	if err != nil {
		return true
	}
	_, openErr := pickle.OpenDocument(one)
	return openErr != nil && bytes.Count(b, []byte("h\x01")) > 0
}
