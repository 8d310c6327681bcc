package verify

import (
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/dump"
)

// Masked hides a password in a difference, and keeps its kind.
func Masked(d pickle.Difference) pickle.Difference {
	if dump.Secret(d.Path) || dump.Secret(d.A) || dump.Secret(d.B) {
		d.A, d.B = hidden(d.A), hidden(d.B)
	}
	return d
}

// hidden keeps the kind of a value: "a str 'abc'" becomes "a str (hidden)".
func hidden(s string) string {
	words := strings.SplitN(s, " ", 3)
	if len(words) < 3 {
		return s
	}
	return words[0] + " " + words[1] + " (hidden)"
}
