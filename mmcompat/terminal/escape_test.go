package terminal

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// hostile has every kind of what must not reach a terminal: C0, DEL, C1 as a character and as a byte, bytes that are no
// UTF-8, the order of writing turned around, characters that are not seen, and line and paragraph separators.
const hostile = "a\x1b[2J\a\b\x00\r\x7f\u0085\u009b31m\x9b\xff\u202e\u2066\u200f\u061c\u200b\ufeff\u2028\u2029\U000e0041z"

func TestEscapeLeavesNothingThatATerminalObeys(t *testing.T) {
	for _, f := range []func(string) string{Escape, Lines} {
		got := f(hostile)
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("got %q, which has %U", got, r)
			}
		}

		if !strings.HasPrefix(got, `a\x1b[2J\x07\x08\x00\r\x7f\u0085\u009b31m\x9b\xff\u202e`) || !strings.HasSuffix(got, `\U000e0041z`) {
			t.Errorf("got %s", got)
		}
	}
}

func TestEscapeKeepsWhatCanBeRead(t *testing.T) {
	for _, s := range []string{"", "list", `C:\new`, "Köln, 東京, Ελλάδα 🙂", "e\u0301"} {
		if got := Escape(s); got != s {
			t.Errorf("got %q, need %q", got, s)
		}
	}

	if got := Escape("a\nb\tc"); got != `a\nb\tc` {
		t.Errorf("got %q in one line", got)
	}

	if got := Lines("a\nb\tc"); got != "a\nb\tc" {
		t.Errorf("got %q in several lines", got)
	}
}

func TestJSONMeansTheSameAndCanBeShown(t *testing.T) {
	valid := strings.ToValidUTF8(hostile, "")
	doc, err := json.MarshalIndent(map[string]string{valid: valid}, "", " ")
	if err != nil {
		t.Fatal(err)
	}

	shown := JSON(doc)
	for _, r := range string(shown) {
		if !unicode.IsPrint(r) && r != '\n' {
			t.Errorf("%s has %U", shown, r)
		}
	}

	var back map[string]string
	if err := json.Unmarshal(shown, &back); err != nil {
		t.Fatal(err)
	}

	if back[valid] != valid {
		t.Errorf("got %q, need %q", back, valid)
	}
}

func TestWriterEscapesWhateverItIsCutInto(t *testing.T) {
	whole := "Köln\t東京\n" + hostile + "\n"
	for size := 1; size < 9; size++ {
		var b strings.Builder
		w := NewWriter(&b)
		for rest := whole; rest != ""; {
			n := min(size, len(rest))
			if wrote, err := fmt.Fprint(w, rest[:n]); err != nil || wrote != n {
				t.Fatalf("wrote %d bytes of %d, error %v", wrote, n, err)
			}
			rest = rest[n:]
		}

		if got := b.String(); got != Lines(whole) {
			t.Errorf("in pieces of %d: got\n%s\nneed\n%s", size, got, Lines(whole))
		}
	}
}
