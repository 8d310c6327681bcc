package pickle_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// run runs a script of testdata with Python 2.7.
func run(t testing.TB, input []byte, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(mmtest.Python(t), append([]string{filepath.Join("testdata", script)}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%.2000s", script, args, err, out)
	}

	return out
}

// setting returns the environment's setting for tests with random input, in
// MMRUNNER_TEST_COUNT and MMRUNNER_TEST_SEED.
func setting(name, usual string) string {
	if s := os.Getenv("MMRUNNER_TEST_" + name); s != "" {
		return s
	}
	return usual
}

// frames cuts a stream of pickles, each after its length.
func frames(t testing.TB, b []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for len(b) > 0 {
		n := int(binary.LittleEndian.Uint32(b))
		all = append(all, b[4:4+n])
		b = b[4+n:]
	}
	return all
}

func frame(to, p []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(p))), p...)
}

// What pickle and cPickle write in any protocol comes back to both as equal
// values of equal types that share what they shared, whichever protocol it went
// through here.
func TestPythonReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	seed, n := setting("SEED", "20261123"), setting("COUNT", "150")
	var back []byte
	made := frames(t, run(t, nil, "pickles.py", "make", seed, n))
	for _, p := range made {
		v, rest, err := pickle.Load(p)
		if err != nil || len(rest) != 0 {
			t.Fatalf("Load of %.200q: %v, %d bytes left", p, err, len(rest))
		}

		for proto := range 3 {
			out, err := pickle.Dump(v, proto)
			if err != nil {
				t.Fatalf("Dump of %.200q in protocol %d: %v", p, proto, err)
			}

			back = frame(back, out)
			again, _, err := pickle.Load(out)
			if err != nil {
				t.Fatalf("Load of our own %.200q: %v", out, err)
			}

			if d := pickle.DiffShared(v, again, 3); d != nil {
				t.Fatalf("protocol %d: %.200q: %v", proto, p, d)
			}
		}
	}

	out := run(t, back, "pickles.py", "check", seed, n)
	if want := fmt.Sprintf("0 differences in %d\n", 6*len(made)); string(out) != want {
		t.Errorf("%.4000s", out)
	}
}

// Where no order of a dict comes between, Dump writes byte for byte what cPickle
// writes for a value that it has just read.
func TestSameBytesAsCPickle(t *testing.T) {
	t.Parallel()
	var in []byte
	var values []pickle.Value
	var comparable [][3]bool
	for _, p := range frames(t, run(t, nil, "pickles.py", "make", setting("SEED", "7"), setting("COUNT", "200"))) {
		v, _, err := pickle.Load(p)
		if err != nil {
			t.Fatal(err)
		}

		var ok [3]bool
		for proto := range ok {
			ok[proto] = fixed(v, proto, map[pickle.Value]bool{})
		}
		values, comparable = append(values, v), append(comparable, ok)
		in = frame(in, p)
	}

	want := frames(t, run(t, in, "pickles.py", "again"))
	same, differ := 0, 0
	for i, v := range values {
		for proto := range 3 {
			out, err := pickle.Dump(v, proto)
			if err != nil {
				t.Fatal(err)
			}

			if !comparable[i][proto] {
				continue
			}
			if bytes.Equal(out, want[3*i+proto]) {
				same++
				continue
			}

			if differ++; differ <= 5 {
				t.Errorf("protocol %d:\n have %.300q\n want %.300q", proto, out, want[3*i+proto])
			}
		}
	}

	t.Logf("%d the same, %d not", same, differ)
}

// fixed reports whether there is one way only for cPickle to write v: no dict or
// set that could come out in another order, no object that would be made in
// another way than that by which it was read.
func fixed(v pickle.Value, proto int, seen map[pickle.Value]bool) bool {
	switch v.(type) {
	case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Instance, *pickle.Reduce:
		if seen[v] {
			return true
		}
		seen[v] = true
	}

	all := func(vs ...pickle.Value) bool {
		for _, x := range vs {
			if !fixed(x, proto, seen) {
				return false
			}
		}
		return true
	}

	switch v := v.(type) {
	case *pickle.List:
		return all(v.Items...)
	case *pickle.Tuple:
		return all(v.Items...)
	case *pickle.Dict:
		for k, x := range v.All() {
			if !all(k, x) {
				return false
			}
		}
		return v.Len() < 2
	case *pickle.Instance:
		if v.Kind == pickle.NewStyle && proto < 2 || v.Kind == pickle.Reconstructed && proto == 2 {
			return false
		}

		if v.Kind == pickle.Reconstructed {
			if _, ok := v.Args.Items[2].(*pickle.Dict); ok {
				return false // copied when it is read
			}
		}

		return v.DictItems == nil && v.ListItems == nil && all(v.State) && (v.Args == nil || all(v.Args))
	case *pickle.Reduce:
		return false
	}

	return true
}

// A table of small pickles that Python 2.7.18 wrote and how it writes the values
// itself: testdata/pickles.py record.
func TestPicklesOfPythonAreReadAsPythonReadsThem(t *testing.T) {
	b, err := os.ReadFile("testdata/recorded.txt")
	if err != nil {
		t.Fatal(err)
	}

	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	for _, line := range lines {
		f := bytes.Split(line, []byte("\t"))
		if len(f) != 4 {
			t.Fatalf("got a line of %d fields, need 4: %q", len(f), line)
		}

		s, _, err := pickle.Load([]byte("S'" + string(f[3]) + "'\n.")) // the table is in string-escape
		if err != nil {
			t.Fatal(err)
		}

		p := []byte(s.(pickle.Str))
		v, rest, err := pickle.Load(p)
		if err != nil || len(rest) != 0 {
			t.Errorf("%s %s: Load of %q: %v, %d bytes left", f[1], f[2], p, err, len(rest))
			continue
		}

		if have := pickle.Repr(v, 1<<20); have != string(f[0]) {
			t.Errorf("%s %s: got %s, need %s", f[1], f[2], have, f[0])
		}

		if string(f[1]) != "cPickle" {
			continue
		}
		proto := int(f[2][0] - '0')
		again, err := pickle.Dump(v, proto)
		if err != nil {
			t.Errorf("Dump of %s: %v", f[0], err)
		}

		w, _, err := pickle.Load(again)
		if err != nil || !pickle.Equal(v, w) {
			t.Errorf("protocol %d of %s: got %q, need %q", proto, f[0], again, p)
		}
	}

	if len(lines) < 300 {
		t.Errorf("got %d lines, need the whole table", len(lines))
	}
}
