package dump

import (
	"fmt"
	"sort"

	"github.com/mmrunner/mmrunner/pickle"
)

// each calls fn with each pickle of a file. The pickles before one that cannot be read are shown, and the error says where
// that one begins.
func each(name string, b []byte, fn func(n, of, size int, v pickle.Value) error) error {
	type one struct {
		v    pickle.Value
		size int
	}

	// All are read first, so that fn can say how many there are.
	var all []one
	var bad error
	rest := b
	for len(rest) > 0 {
		v, after, err := pickle.Load(rest)
		if err != nil {
			bad = fmt.Errorf("%s: the pickle that begins at byte %d of %d: %w", name, len(b)-len(rest), len(b), err)
			break
		}

		all = append(all, one{v, len(rest) - len(after)})
		rest = after
	}

	if len(b) == 0 {
		bad = fmt.Errorf("%s: got an empty file, need a pickle", name)
	}

	of := len(all)
	if bad != nil && len(b) > 0 {
		of++
	}

	for i, p := range all {
		if err := fn(i+1, of, p.size, p.v); err != nil {
			return err
		}
	}

	return bad
}

// sorted returns a dict's keys in an order that does not depend on how the dict was written: that of pprint where all
// keys are strings or all are ints.
func sorted(d *pickle.Dict) []pickle.Value {
	keys := d.Keys()
	sort.SliceStable(keys, func(i, j int) bool {
		a, aInt := keys[i].(pickle.Int)
		b, bInt := keys[j].(pickle.Int)
		if aInt && bInt {
			return a < b
		}
		return text(keys[i]) < text(keys[j])
	})

	return keys
}

func text(v pickle.Value) string {
	switch v := v.(type) {
	case pickle.Str:
		return string(v)
	case pickle.Unicode:
		return string(v)
	}
	return pickle.Repr(v, 200)
}
