package maillist

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
	"github.com/mmrunner/mmrunner/pickle"
)

// pyDamaged has Mailman load a list once for each of the contents that
// config.pck is to have, with config.pck.last sound, and tells what came of it.
const pyDamaged = `
import json, cPickle, shutil
from Mailman import MailList, mm_cfg
error = os.path.join(mm_cfg.LOG_DIR, 'error')
dir = os.path.join(mm_cfg.LIST_DATA_DIR, 'l')
main = os.path.join(dir, 'config.pck')
out = []
last = open(main + '.last').read()
for c in json.load(sys.stdin):
    for f in os.listdir(dir):
        os.remove(os.path.join(dir, f))
    for name, b in ((main, c.decode('base64')), (main + '.last', last)):
        fp = open(name, 'wb')
        fp.write(b)
        fp.close()
    open(error, 'w').close()
    try:
        m = MailList.MailList('l', lock=0)
        r = str(len(m.getMembers()))
    except Exception, e:
        r = e.__class__.__name__
    out.append((r, open(error).read(), ' '.join(sorted(os.listdir(dir)))))
sys.stdout.write(cPickle.dumps(out, 1))
`

// TestDamagedBytes has Mailman and us load a list whose config.pck has random
// bytes changed, cut off, doubled or lost. MMRUNNER_TEST_COUNT is how many.
func TestDamagedBytes(t *testing.T) {
	t.Parallel()
	count := 60

	if s := os.Getenv("MMRUNNER_TEST_COUNT"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}

	for _, prefix := range mmtest.Releases(t) {
		t.Run(mmtest.Version(t, prefix), func(t *testing.T) { testDamagedBytes(t, mmtest.CloneOf(t, prefix), count) })
	}
}

func testDamagedBytes(t *testing.T, prefix string, count int) {
	for _, members := range [][]string{{"a@example.net", "b@example.net"}, {"c@example.net"}} {
		mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "l", Members: members})
	}
	s := testSite(t, prefix)
	dir := filepath.Join(s.ListDataDir(), "l")
	main := filepath.Join(dir, "config.pck")
	sound, last := readFile(t, main), readFile(t, main+".last")
	var contents [][]byte
	for i := range count {
		contents = append(contents, damaged(rand.New(rand.NewPCG(uint64(i), 5)), sound))
	}
	in, err := json.Marshal(contents)
	if err != nil {
		t.Fatal(err)
	}

	all := loadPickle(t, mmtest.RunPythonInput(t, prefix, in, pyDamaged)).(*pickle.List).Items
	differ, wrong := 0, 0
	for i, b := range contents {
		want := all[i].(*pickle.Tuple).Items
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}

		writeFile(t, main, b)
		writeFile(t, main+".last", last)
		var log lines
		l, err := Open(s, "l", Options{Log: &log, Held: true})
		got := outcome(l, err)
		what := fmt.Sprintf("damage %d", i)
		class, _, _ := strings.Cut(string(want[0].(pickle.Str)), " ")
		if known(class, err, log) {
			differ++
			continue
		}

		if got != class {
			wrong++
			t.Logf("%s: got %s, need %s; logged %q, Mailman %q", what, got, class, log, want[1])
			continue
		}

		if got, want := strings.Join(log, "\n"), unstamped(string(want[1].(pickle.Str))); got != want {
			wrong++
			t.Logf("%s: logged\n%s\nwanted\n%s", what, got, want)
			continue
		}

		var names []string
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}

		if got := strings.Join(names, " "); err != nil || got != string(want[2].(pickle.Str)) {
			t.Errorf("%s: got files %s, need %s; %v", what, got, want[2], err)
		}
	}

	t.Logf("%d damaged files: %d that Python sees otherwise, %d with another log line", count, differ, wrong)
	// cPickle's words for opcodes that make no sense depend on much that is its own.
	if differ > 5+count/10 || wrong > 3+count/50 {
		t.Errorf("that is too many")
	}
}

// known tells the damages that Python sees otherwise: it imports the classes
// that a pickle names, misses attributes only when they are asked for, and lets
// pass what no pickler writes as a number or a memo id.
func known(class string, err error, log lines) bool {
	text := strings.Join(log, "\n")
	lost := errors.Is(err, ErrCorruptList) || errors.Is(err, ErrUnknownList)
	switch {
	case strings.HasSuffix(class, "Error"):
		return err == nil && len(log) == 0 && class == "AttributeError" || class == "ImportError" || err != nil && !lost
	case err != nil && !lost:
		return true
	}

	return strings.Contains(text, "wanted a memo id") || strings.Contains(text, "could not convert") || strings.Contains(text, "invalid literal")
}

// damaged returns b with one thing wrong.
func damaged(rnd *rand.Rand, b []byte) []byte {
	at := rnd.IntN(len(b))
	n := min(1+rnd.IntN(20), len(b)-at)
	out := append([]byte(nil), b[:at]...)

	switch rnd.IntN(6) {
	case 0: // cut off
		return out
	case 1: // a byte lost
		return append(out, b[at+1:]...)
	case 2: // some bytes twice
		return append(append(out, b[at:at+n]...), b[at:]...)
	case 3: // a bit flipped
		out = append(out, b[at:]...)
		out[at] ^= 1 << rnd.IntN(8)
		return out
	case 4: // another byte
		out = append(out, b[at:]...)
		out[at] = byte(rnd.IntN(256))
		return out
	default: // zeros, as a file system may leave
		out = append(out, make([]byte, n)...)
		return append(out, b[at+n:]...)
	}
}
