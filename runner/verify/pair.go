package verify

import (
	"os"

	"github.com/mmrunner/mmrunner/pickle"
)

// Pair compares two files of pickles by value and kind: had, the one to judge,
// and wanted, the one to judge it by. An error is for a file that cannot be
// opened.
func Pair(had, wanted string, o Options) ([]Finding, error) {
	if o.Max == 0 {
		o.Max = DefaultMax
	}
	a, err := os.ReadFile(had)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(wanted)
	if err != nil {
		return nil, err
	}
	first := &checker{python: o.Python, max: o.Max, file: File{Path: had}}
	first.run(a)
	second := &checker{python: o.Python, max: o.Max, file: File{Path: wanted}}
	second.run(b)
	found := append(first.findings, second.findings...)
	c := &checker{max: o.Max, file: File{Path: had}}
	if n, m := len(first.values), len(second.values); n != m && len(found) == 0 {
		c.find(CheckPair, "the file", count(n), count(m))
	}
	for i := range min(len(first.values), len(second.values)) {
		c.differ(CheckPair, c.at(i), pickle.Diff(first.values[i], second.values[i], o.Max))
	}
	return append(found, c.findings...), nil
}
