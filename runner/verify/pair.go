package verify

import (
	"fmt"
	"os"

	"github.com/mmrunner/mmrunner/pickle"
)

// Pair compares two files of pickles by value and kind: had is judged by wanted. The error is for a file that cannot be
// opened, and for a file that holds nothing to compare.
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

	// Each file must pass its own checks first.
	first := &checker{python: o.Python, max: o.Max, file: File{Path: had}}
	first.run(a)
	second := &checker{python: o.Python, max: o.Max, file: File{Path: wanted}}
	second.run(b)

	for _, f := range []*checker{first, second} {
		if f.size == 0 {
			return nil, fmt.Errorf("%s: got an empty file, need one that holds a pickle", f.file.Path)
		}
	}

	// Then pickle by pickle.
	found := append(first.findings, second.findings...)
	c := &checker{max: o.Max, file: File{Path: had}}

	if n, m := len(first.values), len(second.values); n != m && len(found) == 0 {
		c.find(checkPair, "the file", count(n), count(m))
	}

	for i := range min(len(first.values), len(second.values)) {
		c.differ(checkPair, c.at(i), pickle.Diff(first.values[i], second.values[i], o.Max))
	}
	return append(found, c.findings...), nil
}
