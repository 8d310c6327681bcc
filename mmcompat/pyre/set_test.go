package pyre

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// linesSlowly is what Set.Lines does, by Search.
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
		s := NewSet(patterns)
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
	s := NewSet(patterns)
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
