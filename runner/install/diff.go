package install

import (
	"bytes"
	"fmt"
	"strings"
)

// around is how many unchanged lines a diff shows on either side.
const around = 3

// Diff shows a change as a unified diff of one hunk, which is all that Added and Removed make. It is empty without a
// change.
func Diff(path string, before, after []byte) string {
	if bytes.Equal(before, after) {
		return ""
	}

	// Equal lines at the start and the end; what lies between is the change.
	a, b := lines(before), lines(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	from, upto := max(head-around, 0), min(tail, around)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n@@ -%s +%s @@\n", path, path,
		span(from, len(a)-tail+upto), span(from, len(b)-tail+upto))

	write := func(mark byte, lines []string) {
		for _, line := range lines {
			out.WriteByte(mark)
			out.WriteString(line)
			if !strings.HasSuffix(line, "\n") {
				out.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}

	// Lines of context, the old lines, the new lines, and context again.
	write(' ', a[from:head])
	write('-', a[head:len(a)-tail])
	write('+', b[head:len(b)-tail])
	write(' ', a[len(a)-tail:len(a)-tail+upto])
	return out.String()
}

// span is a hunk's "start,count", counting lines from 1.
func span(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

// lines splits text after each newline.
func lines(text []byte) []string {
	l := strings.SplitAfter(string(text), "\n")
	if l[len(l)-1] == "" {
		l = l[:len(l)-1]
	}
	return l
}
