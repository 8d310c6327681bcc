package mailcheck

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

var (
	record    = flag.Bool("record", false, "write what Python sees in the samples to testdata")
	seed      = flag.Uint64("seed", 1, "of the mutations")
	mutations = flag.Int("mutations", 400, "how many to compare with Python")
)

func start(t *testing.T) *python {
	p, err := Start(mmtest.Python(t), mmtest.Prefix(t))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})

	return p
}

// What Python saw in each sample is in testdata, so that this needs no Python.
func TestRecordedAnswersOfPythonAreOurs(t *testing.T) {
	var p *python
	if *record {
		p = start(t)
	}

	for _, s := range Samples() {
		t.Run(s.Name, func(t *testing.T) {
			name := filepath.Join("testdata", s.Name+".facts")
			if *record {
				lines, err := p.Facts(s.Text)
				if err != nil {
					t.Fatal(err)
				}

				if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}

			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}

			want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
			have := Facts(message.DefaultCharsets(), s.Text)
			if n := len(want) - 1; len(have) == len(want) && samePickle(want[n], have[n]) {
				want, have = want[:n], have[:n]
			}

			if d := cmp.Diff(want, have); d != "" {
				t.Errorf("-Python +Go\n%s", d)
			}
		})
	}
}

func TestAgainstPython(t *testing.T) {
	p := start(t)
	done, err := p.Run(Samples(), *seed, *mutations, func(d Difference) bool {
		t.Error(d)
		return false
	})
	if err != nil {
		t.Fatal(err)
	}

	if want := len(Samples()) + *mutations; done != want {
		t.Errorf("got %d messages compared, need %d", done, want)
	}
}

func TestDefaultCharsetsArePythons(t *testing.T) {
	p := start(t)
	if d := cmp.Diff(p.Charsets, message.DefaultCharsets()); d != "" {
		t.Errorf("-Python +Go\n%s", d)
	}
}

// A mutation that is no mutation would make the count worth nothing.
func TestMutationsDiffer(t *testing.T) {
	m := newMutator(Samples(), newRand(1))
	seen := make(map[string]bool)
	const n = 2000
	for range n {
		seen[m.Next().Text] = true
	}

	if len(seen) < n*9/10 {
		t.Errorf("got %d different messages of %d", len(seen), n)
	}
}
