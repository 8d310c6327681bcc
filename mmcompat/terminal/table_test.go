package terminal

import (
	"strings"
	"testing"
)

func TestTableFitsItsPage(t *testing.T) {
	table := NewTable(40, Column{Title: "LIST", Flex: true}, Column{Title: "N", Right: true}, Column{Title: "WHY", Flex: true})
	table.Row("a", "5", "short")
	table.Row("東京", "12345", "a reason of many words that does not fit into one line")
	table.Row(strings.Repeat("x", 50), "1")
	table.Row("a\x1b[2J\nb", "2", "\u202e")
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}

	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for _, line := range lines {
		if columns(line) > 40 || strings.HasSuffix(line, " ") {
			t.Errorf("%q has %d columns, or blanks at its end", line, columns(line))
		}
	}

	if !strings.HasPrefix(lines[0], "LIST ") || !strings.Contains(b.String(), `a\x1b[2J\nb`) || !strings.Contains(b.String(), `\u202e`) {
		t.Errorf("got\n%s", b.String())
	}

	// Numbers end in one column.
	end := strings.Index(lines[0], "N") + 1
	if lines[1][end-1] != '5' {
		t.Errorf("got\n%s", b.String())
	}
}

func TestWrapKeepsParagraphsAndExamples(t *testing.T) {
	got := Wrap("one two three four\nfive\n\n  an example that is longer than a line\nsix "+strings.Repeat("y", 25)+"\n", 12)
	want := "one two\nthree four\nfive\n\n  an example that is longer than a line\nsix\nyyyyyyyyyyyy\nyyyyyyyyyyyy\ny\n"
	if got != want {
		t.Errorf("got\n%s\nneed\n%s", got, want)
	}
}
