package shadow

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// queue returns the entries of a queue directory as text.
func (c *comparer) queue(dir string) ([]string, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}

	var all []string
	for _, e := range names {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		ext := filepath.Ext(e.Name())
		all = append(all, ext+" file\n"+c.entry(strings.TrimSuffix(e.Name(), ext), b))
	}

	return all, nil
}

// bags compares items without an order: equal items are taken out in pairs, and what is left on either side differs.
func (c *comparer) bags(where string, a, b []string) {
	// Both sorted, so that one walk finds the pairs.
	sort.Strings(a)
	sort.Strings(b)
	var onlyA, onlyB []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case j == len(b) || i < len(a) && a[i] < b[j]:
			onlyA = append(onlyA, a[i])
			i++
		case i == len(a) || b[j] < a[i]:
			onlyB = append(onlyB, b[j])
			j++
		default:
			i++
			j++
		}
	}

	// What is left is shown in pairs, since an item that differs a little is on both sides. Only the first few are shown.
	for n := range min(max(len(onlyA), len(onlyB)), most) {
		x, y := nothing, nothing
		if n < len(onlyA) {
			x = onlyA[n]
		}

		if n < len(onlyB) {
			y = onlyB[n]
		}

		c.pair(where, x, y)
	}

	if n := max(len(onlyA), len(onlyB)); n > most {
		c.add(where, "more like these", fmt.Sprint(len(onlyA)-min(len(onlyA), most)), fmt.Sprint(len(onlyB)-min(len(onlyB), most)))
	}
}

// pair reports two texts that differ; of texts with many lines, the lines that differ.
func (c *comparer) pair(where, a, b string) {
	if a == nothing || b == nothing || !strings.Contains(a, "\n") || !strings.Contains(b, "\n") {
		c.add(where, "the whole of it", cut(a), cut(b))
		return
	}
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	first := 0
	for first < len(x) && first < len(y) && x[first] == y[first] {
		first++
	}
	for len(x) > first && len(y) > first && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	about := ""

	if first > 0 {
		about = ", after " + pickle.Repr(pickle.Str(x[first-1]), 60)
	}

	c.add(where, fmt.Sprintf("from line %d%s", first+1, about), cut(strings.Join(x[first:], "\n")), cut(strings.Join(y[first:], "\n")))
}

// shown is how many bytes of one side of a difference are shown.
const shown = 4000

func cut(s string) string {
	if s == "" {
		return nothing
	}
	if len(s) > shown {
		return s[:shown] + "..."
	}
	return s
}
