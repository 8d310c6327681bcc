package pickle_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

// bombs are pickles made to cost as much as they can for their size, which is
// about n bytes.
func bombs(n int) map[string]string {
	repeat := func(s string) string { return strings.Repeat(s, n/len(s)) }
	twice := "]q\x00" // each list holds the one before it twice
	tuples := "Nq\x00"
	for i := 1; i < 250; i++ {
		id := string([]byte{byte(i - 1)})
		twice += "](h" + id + "h" + id + "eq" + string([]byte{byte(i)})
		tuples += "(h" + id + "h" + id + "tq" + string([]byte{byte(i)})
	}

	return map[string]string{
		"marks":                  repeat("("),
		"nested lists":           repeat("]"),
		"nested lists, closed":   strings.Repeat("]", n/2) + strings.Repeat("a", n/2-1) + ".",
		"nested dicts":           strings.Repeat("}K\x01", n/4) + "N" + strings.Repeat("s", n/4) + ".",
		"nested tuples":          strings.Repeat("(", n/2) + "N" + strings.Repeat("t", n/2) + ".",
		"nested tuples of one":   "\x80\x02N" + strings.Repeat("\x85", n) + ".",
		"nested instances":       strings.Repeat("(ca\nb\n", n/7) + "N" + strings.Repeat("o", n/7) + ".",
		"dicts":                  "}U\x01a](" + repeat("}") + "es.",
		"lists":                  "}U\x01a](" + repeat("]") + "es.",
		"empty dicts of text":    "(" + repeat("(d") + "l.",
		"Nones":                  "](" + repeat("N") + "e.",
		"copies":                 "]" + repeat("2"),
		"calls":                  "](" + repeat("ca\nb\n)R") + "e.",
		"states":                 "ca\nb\n)R" + repeat("}b") + ".",
		"growing states":         "ca\nb\n)R" + repeat("}U\x02abNsb") + ".",
		"puts":                   "N" + repeat("r\xff\xff\xff\x7f") + ".",
		"puts far apart":         "N" + repeat("p1999999999\np77777\n") + ".",
		"gets":                   "]q\x01(" + repeat("h\x01") + "e.",
		"one key again":          "}(" + repeat("K\x01N") + "u.",
		"single items":           "}" + repeat("K\x01Ns"),
		"twice and twice":        "}U\x01a" + twice + "s.",
		"tuples as keys":         "}" + tuples + "Ns.",
		"a tuple as many keys":   "}" + tuples[:100] + "0(" + repeat("h\x0aN") + "u.",
		"a huge length":          "}U\x01aT\xff\xff\xff\x7f.",
		"a huge length of text":  "}U\x01aX\xff\xff\xff\x7f.",
		"a huge long":            "\x8b\xff\xff\xff\x7f.",
		"a decimal long":         "L" + strings.Repeat("9", n) + "L\n.",
		"a decimal int":          "I" + strings.Repeat("9", n) + "\n.",
		"a hexadecimal long":     "\x8b" + string([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0}) + strings.Repeat("\x77", n) + ".",
		"escapes":                "S'" + repeat(`\x00`) + "'\n.",
		"characters":             "V" + repeat("\xff") + "\n.",
		"floats":                 "(dS'a'\n(l" + repeat("F0\na") + "s.",
		"short strings":          "(l" + repeat("S''\na") + ".",
		"a document of one item": "}(" + "U\x01a" + "](" + repeat("(K\x01K\x02t") + "eu.",
	}
}

// What is made to be expensive is refused, or read in memory that is a multiple
// of its size, in whole and as a document, and says where it is bad.
func TestSmallPicklesDoNotTakeMuchMemory(t *testing.T) {
	const n = 1 << 17
	for name, b := range bombs(n) {
		t.Run(name, func(t *testing.T) {
			for what, fn := range map[string]func() error{
				"Load":         func() error { _, _, err := pickle.Load([]byte(b)); return err },
				"OpenDocument": func() error { _, err := pickle.OpenDocument([]byte(b)); return err },
			} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := fn()
				runtime.ReadMemStats(&after)

				if took, most := after.TotalAlloc-before.TotalAlloc, uint64(4<<20+maxMultiple*len(b)); took > most {
					t.Errorf("%s of %d bytes took %d of memory, wanted at most %d", what, len(b), took, most)
				} else {
					t.Logf("%s: %d times its size, %v", what, took/uint64(len(b)), err)
				}

				var bad *pickle.SyntaxError
				if what == "Load" && err != nil && (!errors.As(err, &bad) || bad.Reason == "") {
					t.Errorf("%s: got %v, need a SyntaxError", what, err)
				}
			}
		})
	}
}

// MaxDepth is counted to the last container, however it is made.
func TestDeepPicklesAreRefused(t *testing.T) {
	for _, inner := range []string{"", "]a", ")a", "N\x85a", "}a", "}K\x01Nsa"} {
		for n := pickle.MaxDepth - 3; n <= pickle.MaxDepth+1; n++ {
			depth := n
			if inner != "" {
				depth++
			}

			b := "\x80\x02" + strings.Repeat("]", n) + inner + strings.Repeat("a", n-1) + "."
			_, _, err := pickle.Load([]byte(b))
			if (depth > pickle.MaxDepth) != errors.Is(err, pickle.ErrDepth) || err != nil && !errors.Is(err, pickle.ErrDepth) {
				t.Errorf("%d lists around %q: %v", n, inner, err)
			}
		}
	}
}
