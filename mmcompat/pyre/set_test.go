package pyre

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// linesSlowly does by Search what Set.Lines does.
func linesSlowly(patterns []*Regexp, text string) (all []string) {
	at := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		var hits []int
		for k, re := range patterns {
			if line != "" && re.Search(line) != nil {
				hits = append(hits, k)
			}
		}

		if len(hits) > 0 {
			all = append(all, fmt.Sprint(at, at+len(line), hits))
		}

		at += len(line)
	}

	return all
}

func needles(patterns []*Regexp) (all []Needle) {
	for _, re := range patterns {
		all = append(all, re.Needle())
	}
	return all
}

func lines(s *Set, text string) (all []string) {
	s.Lines(text, func(start, end int, hits []int) bool {
		all = append(all, fmt.Sprint(start, end, hits))
		return true
	})
	return all
}

func TestSetFindsWhatSearchFinds(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewSource(2))}
	compared, hits := 0, 0
	for compared < cases(t, 20000) {
		var patterns []*Regexp
		for n := 1 + m.Intn(5)*m.Intn(20); len(patterns) < n; {
			if re, err := Compile(m.alternatives(2), m.flags()); err == nil {
				patterns = append(patterns, re)
			}
		}

		s := NewSet(needles(patterns)...)
		s.window = 1 + m.Intn(20)
		for range 20 {
			text := m.text()
			for range m.Intn(4) {
				text += m.pick("\n", "", "\n\n") + m.text()
			}
			got, want := lines(s, text), linesSlowly(patterns, text)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				var all []string
				for _, re := range patterns {
					all = append(all, fmt.Sprintf("%q %d", re.Pattern(), re.Flags()))
				}
				t.Fatalf("%s on %q: %v, want %v", all, text, got, want)
			}

			compared++
			hits += len(got)
		}
	}

	t.Logf("%d texts, %d lines with hits", compared, hits)
}

func TestSetForgetsStatesAndGoesOn(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewSource(3))}
	var patterns []*Regexp
	for _, p := range []string{`a.{1,9}b`, `x[^x]{3,12}<`, `(?:a|b)+.{7}\s`, `@.{11}$`} {
		patterns = append(patterns, MustCompile(p, 0))
	}
	s := NewSet(needles(patterns)...)
	s.room = 100
	var b strings.Builder
	for b.Len() < 300000 {
		for range 1 + m.Intn(6) {
			b.WriteString(strings.ReplaceAll(m.text(), "\n", "ab"))
		}
		b.WriteByte('\n')
	}

	got, want := lines(s, b.String()), linesSlowly(patterns, b.String())
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}

	if n := len(s.free[0].states); n > s.room+1 {
		t.Errorf("%d states kept, want at most %d", n, s.room+1)
	}
}

// TestSetMissesNoLine: what matches a stripped line is never missed by the needles
// that look for candidates.
func TestSetMissesNoLine(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewSource(5))}
	matched := 0
	for matched < cases(t, 5000) {
		re, err := Compile(m.alternatives(2), m.flags())
		if err != nil {
			continue
		}

		s := NewSet(re.Stripped(), re.Relaxed())
		for range 10 {
			line := strings.ReplaceAll(m.pick(" ", "", "\t\f")+m.text(), "\n", " ") + m.pick("", "\n", " \n")
			var hits []int
			s.Lines(line, func(_, _ int, patterns []int) bool {
				hits = append(hits, patterns...)
				return true
			})

			const white = " \t\n\v\f\r"
			for _, piece := range []string{strings.Trim(line, white), strings.TrimRight(line, white)} {
				if line != "" && re.Match(piece) != nil {
					matched++
					if len(hits) == 0 || hits[0] != 0 {
						t.Fatalf("%q matches %q, but %q is no candidate", re.Pattern(), piece, line)
					}
				}

				if line != "" && re.Search(piece) != nil && (len(hits) == 0 || hits[len(hits)-1] != 1) {
					t.Fatalf("%q is found in %q, but %q is no candidate", re.Pattern(), piece, line)
				}
			}
		}
	}
}
