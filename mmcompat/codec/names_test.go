package codec

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// Each name of a codec gives the one that Python's lookup gives.
func TestNamesArePythons(t *testing.T) {
	var names []string
	for name := range codecModules {
		if !strings.HasSuffix(name, "_e") && !strings.HasSuffix(name, "_i") { // Mailman's own
			names = append(names, name, strings.ReplaceAll(strings.ToUpper(name), "_", "-"))
		}
	}

	names = append(names, "x-none", "", "utf.8", "latin.1")
	slices.Sort(names)
	in, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(mmtest.Python(t), "-c", `
import sys, json, codecs
def name(n):
    try:
        return codecs.lookup(n.encode('ascii')).name
    except LookupError:
        return ''
print json.dumps([name(n) for n in json.load(sys.stdin)])`)

	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}

	var want []string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}

	for i, n := range names {
		if had, _ := Name(n); had != want[i] {
			t.Errorf("%q: got %q, Python has %q", n, had, want[i])
		}
	}
}
