package verify

import (
	"fmt"

	"github.com/mmrunner/mmrunner/pickle"
)

// Content is what a file holds.
type Content struct {
	Path  string // for findings
	Bytes []byte
}

// Pair compares two files of pickles by value and kind: had is judged by wanted. The error is for a file that holds
// nothing to compare.
func Pair(had, wanted Content, o Options) ([]Finding, error) {
	if o.Max == 0 {
		o.Max = DefaultMax
	}

	// Each file must pass its own checks first.
	first := &checker{python: o.Python, max: o.Max, file: File{Path: had.Path}}
	first.run(had.Bytes)
	second := &checker{python: o.Python, max: o.Max, file: File{Path: wanted.Path}}
	second.run(wanted.Bytes)

	for _, f := range []*checker{first, second} {
		if f.size == 0 {
			return nil, fmt.Errorf("%s: got an empty file, need one that holds a pickle", f.file.Path)
		}
	}

	// Then pickle by pickle.
	found := append(first.findings, second.findings...)
	c := &checker{max: o.Max, file: File{Path: had.Path}}

	if n, m := len(first.values), len(second.values); n != m && len(found) == 0 {
		c.find(checkPair, "the file", count(n), count(m))
	}

	for i := range min(len(first.values), len(second.values)) {
		c.differ(checkPair, c.at(i), pickle.Diff(first.values[i], second.values[i], o.Max))
	}
	return append(found, c.findings...), nil
}
