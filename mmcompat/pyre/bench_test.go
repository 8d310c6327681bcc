package pyre

import (
	"strings"
	"testing"
)

func BenchmarkSetLines(b *testing.B) {
	var needles []Needle
	for _, p := range []string{"here is your list", `,\s*(?P<addr>\S+@[^,]+),`, `^Your message\s*$`, "did not reach", "delivery to the following recipients? failed"} {
		needles = append(needles, MustCompile(p, IgnoreCase).Needle())
	}
	s := NewSet(needles...)
	text := strings.Repeat("The quick brown fox jumps over the lazy dog at noon, and\nnothing else happens.\n", 1<<20/78)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Lines(text, func(int, int, []int) bool { return true })
	}
}

func BenchmarkFindGroup(b *testing.B) {
	re := MustCompile(`^ *(\(expanded from: )?<?(?P<addr>[^\s@]+@[^\s@>]+?)>?\)?\s*$`, IgnoreCase)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := re.FindGroup("<someone@example.com>\n", 2); !ok {
			b.Fatal("no match")
		}
	}
}

func BenchmarkFindGroupShort(b *testing.B) {
	re := MustCompile(`<(?P<addr>[^>]*)>`, IgnoreCase)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := re.FindGroup("<>\n", 1); !ok {
			b.Fatal("no match")
		}
	}
}
