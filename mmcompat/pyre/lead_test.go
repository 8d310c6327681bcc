package pyre

import (
	"math/rand"
	"slices"
	"testing"
)

// TestStartsThatAreLeftOut holds a search that leaves starts out against one that
// tries them all.
func TestStartsThatAreLeftOut(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	pieces := []string{
		`\s*`, `\S+`, `(a+)`, `[^\s@]+`, `[ab]*`, `(\S*?)`, `a+?`, `b{2,}`, `[ab]{1,2}`, `a?`, `(?:ab)*`, `(a|b)+`,
		`@`, `b`, `$`, `\b`, `^`, `\s`, `x`,
	}

	const letters = "aab @x\n"
	left, found := 0, 0
	for range 4000 {
		pattern := ""
		for range 1 + r.Intn(5) {
			pattern += pieces[r.Intn(len(pieces))]
		}
		re, err := Compile(pattern, 0)
		if err != nil {
			continue // a repeat of a repeat
		}

		every := *re
		every.lead = byteSet{}
		if re.lead != every.lead {
			left++
		}

		for range 20 {
			b := make([]byte, r.Intn(12))
			for i := range b {
				b[i] = letters[r.Intn(len(letters))]
			}
			text := string(b)
			had, want := re.Search(text), every.Search(text)
			if (had == nil) != (want == nil) || had != nil && !slices.Equal(had.caps, want.caps) {
				t.Fatalf("%q in %q: %v, want %v", pattern, text, had, want)
			}

			if had != nil {
				found++
			}
		}
	}

	if left < 1000 || found < 1000 {
		t.Fatalf("only %d patterns left starts out, %d texts had a match", left, found)
	}
}
