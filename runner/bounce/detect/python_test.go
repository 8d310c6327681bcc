package detect

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// scanPython runs every module of BouncerAPI's pipeline, and those that are named
// as arguments, over messages: one JSON string a line. Modules that find nothing
// are left out of the answer.
const scanPython = `
import json, email
from Mailman import mm_cfg, Message
from Mailman.Bouncers import BouncerAPI
EXTRA = sys.argv[1:]
out = sys.stdout
sys.stdout = sys.stderr
def latin(s):
    if s is None:
        return ''
    return s.decode('latin-1') if isinstance(s, str) else s
for line in sys.stdin:
    text = json.loads(line).encode('latin-1')
    try:
        msg = email.message_from_string(text, Message.Message)
    except Exception, e:
        print >> out, json.dumps([{'Module': 'parse', 'Error': e.__class__.__name__}])
        continue
    all = []
    for name in BouncerAPI.BOUNCE_PIPELINE + EXTRA:
        __import__('Mailman.Bouncers.' + name)
        r = {'Module': name}
        try:
            addrs = sys.modules['Mailman.Bouncers.' + name].process(msg)
        except Exception, e:
            # What Python was at when its stack was full is of no use to anybody.
            r['Error'] = e.__class__.__name__ + ': ' + str(e).replace('exceeded in cmp', 'exceeded')
        else:
            if not addrs:
                continue
            if addrs is BouncerAPI.Stop:
                r['Stop'] = True
            else:
                # Of those that are None or empty, which BounceRunner leaves out, we keep one.
                addrs = [latin(a) for a in addrs]
                r['Addrs'] = [a for i, a in enumerate(addrs) if a or not i]
        all.append(r)
    print >> out, json.dumps(all)
`

// found holds the addresses that one module finds in a message. The module "parse" is the parser,
// which only fails.
type found struct {
	Module string
	Addrs  []string // None is ""
	Stop   bool
	Error  string
}

func latin(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// askPython returns the addresses that the Mailman at prefix finds in messages.
func askPython(t testing.TB, prefix string, messages []string, extra ...string) [][]found {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, m := range messages {
		if err := enc.Encode(latin(m)); err != nil {
			t.Fatal(err)
		}
	}

	dec := json.NewDecoder(bytes.NewReader(mmtest.RunPythonInput(t, prefix, in.Bytes(), scanPython, extra...)))
	all := make([][]found, len(messages))
	for i := range all {
		if err := dec.Decode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}

	return all
}

// ours returns the addresses that each module of a detector finds in a message.
func ours(d *Detector, text string) []found {
	m, err := message.Parse(text)
	var exception *py.Error
	if errors.As(err, &exception) {
		return []found{{Module: "parse", Error: exception.Class}}
	}

	s := &scan{m: m, tags: d.tags}
	all := []found{}
	for _, st := range d.pipeline {
		v := st.module.process(s)
		f := found{Module: st.name, Stop: v.stop}

		if v.err != nil {
			f.Error = v.err.Error()
		} else {
			for _, a := range v.addrs {
				f.Addrs = append(f.Addrs, latin(a))
			}
		}

		if len(f.Addrs) > 0 || f.Stop || f.Error != "" {
			all = append(all, f)
		}
	}

	return all
}

// checkScan holds Scan against the first of what the modules find.
func checkScan(t *testing.T, d *Detector, text string, all []found) {
	t.Helper()
	m, err := message.Parse(text)
	if err != nil {
		return
	}

	r := d.Scan(m)
	if len(all) == 0 {
		if r.Module != "" || r.Err != nil || r.NeedPython != "" {
			t.Errorf("Scan finds %+v in %q, want nothing", r, text)
		}
		return
	}

	first := all[0]
	var addrs []string
	for _, a := range first.Addrs {
		if a != "" {
			addrs = append(addrs, a)
		}
	}

	for i := range r.Addrs {
		r.Addrs[i] = latin(r.Addrs[i])
	}
	if r.Module != first.Module || r.Stop != first.Stop || !slices.Equal(r.Addrs, addrs) || (r.Err != nil) != (first.Error != "") {
		t.Errorf("Scan finds %+v in %q, want %+v", r, text, first)
	}
}

// samples are the installation's own test samples, and ours.
func samples(t testing.TB, prefix string) (texts []string) {
	t.Helper()
	patterns := []string{"../../../testdata/bounces/*.eml"}

	if prefix != "" {
		patterns = append(patterns, filepath.Join(prefix, "tests", "bounces", "*.txt"))
	}

	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}

		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(b))
		}
	}

	return texts
}

// compare holds a detector against a Mailman, on some messages, and counts what
// the modules found.
func compare(t *testing.T, d *Detector, prefix string, texts []string, counts map[string]int, extra ...string) {
	t.Helper()
	for i, want := range askPython(t, prefix, texts, extra...) {
		if diff := cmp.Diff(want, ours(d, texts[i]), cmpopts.EquateEmpty()); diff != "" {
			sum := sha1.Sum([]byte(texts[i]))
			file := filepath.Join(os.TempDir(), fmt.Sprintf("mmrunner-detect-%x.eml", sum[:4]))
			_ = os.WriteFile(file, []byte(texts[i]), 0o600)
			t.Errorf("%s: Python -, we +:\n%s", file, diff)
		}

		checkScan(t, d, texts[i], want)
		for _, f := range want {
			counts[f.Module]++
			if f.Error != "" {
				counts["exceptions"]++
			}
		}
	}
}

// TestSamplesAgainstPython holds every module against every installed Mailman, on
// its own samples and ours.
func TestSamplesAgainstPython(t *testing.T) {
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) {
			d := detectorOf(t, prefix, "Sina")
			texts := samples(t, prefix)
			counts := map[string]int{}
			compare(t, d, prefix, texts, counts, "Sina")
			t.Logf("%d samples; found by module %v", len(texts), counts)
		})
	}
}

// TestMutationsAgainstPython does the same with mutations of the samples:
// MMRUNNER_TEST_MUTATIONS of them, from MMRUNNER_TEST_SEED on.
func TestMutationsAgainstPython(t *testing.T) {
	count := envInt(t, "MMRUNNER_TEST_MUTATIONS", 3000)
	seed := envInt(t, "MMRUNNER_TEST_SEED", 1)
	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) {
			d := detectorOf(t, prefix, "Sina")
			m := &mutator{rand.New(rand.NewSource(int64(seed))), samples(t, prefix)}
			counts, done := map[string]int{}, 0
			for done < count && !t.Failed() {
				var batch []string
				for len(batch) < min(1000, count-done) {
					batch = append(batch, m.mutate())
				}
				compare(t, d, prefix, batch, counts, "Sina")
				done += len(batch)
			}

			t.Logf("%d mutations; found by module %v", done, counts)
		})
	}
}

func envInt(t testing.TB, name string, usual int) int {
	s := os.Getenv(name)
	if s == "" {
		return usual
	}

	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s is %q, want a number", name, s)
	}

	return n
}
