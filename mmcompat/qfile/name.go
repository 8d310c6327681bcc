package qfile

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Extensions of an entry's file.
const (
	Waiting   = ".pck" // in the queue
	Claimed   = ".bak" // a runner works on it, or died while doing so
	Preserved = ".psv" // in the bad queue, for a human
	temporary = ".tmp" // being written; never listed
)

// name has the parts of an entry's base name.
type name struct {
	base   string
	time   float64 // seconds since the epoch
	digest string
}

// parseName reads TIME+DIGEST. The error says what the name is instead.
func parseName(base string) (name, error) {
	when, digest, ok := strings.Cut(base, "+")
	if !ok || strings.Contains(digest, "+") {
		return name{}, fmt.Errorf("got the name %q, need TIME+DIGEST", base)
	}

	t, err := strconv.ParseFloat(when, 64)
	if err != nil || t != t {
		return name{}, fmt.Errorf("got the name %q, need a time in seconds before the +", base)
	}
	return name{base, t, digest}, nil
}

// Arrival returns when an entry came, by its base name, in seconds since 1970; 0 for a name that no entry has.
// Entries are handled in this order.
func Arrival(base string) float64 {
	n, err := parseName(base)
	if err != nil {
		return 0
	}
	return n.time
}

// hashSpace is one more than the largest SHA-1.
var hashSpace = new(big.Int).Lsh(big.NewInt(1), 160)

// slice is the part of the hash space that one of several runners handles; nil bounds mean all of it.
type slice struct{ lower, upper *big.Int }

// newSlice computes the bounds as Switchboard.__init__ does: a single slice has no bounds, whatever its number.
func newSlice(n, of int) (slice, error) {
	if of == 1 {
		return slice{}, nil
	}
	if of < 1 || n < 0 {
		return slice{}, fmt.Errorf("got slice %d of %d, need one from 0 of at least 1", n, of)
	}

	bound := func(n int) *big.Int {
		b := new(big.Int).Mul(hashSpace, big.NewInt(int64(n)))
		return b.Div(b, big.NewInt(int64(of)))
	}

	return slice{bound(n), new(big.Int).Sub(bound(n+1), big.NewInt(1))}, nil
}

// has tells whether an entry belongs to the slice. The digest must be a number only where there are several slices;
// the error says that it is not.
func (s slice) has(n name) (bool, error) {
	if s.lower == nil {
		return true, nil
	}
	d, ok := new(big.Int).SetString(n.digest, 16)
	if !ok {
		return false, fmt.Errorf("got the name %q, need a hexadecimal digest after the +", n.base)
	}
	return s.lower.Cmp(d) <= 0 && d.Cmp(s.upper) <= 0, nil
}
