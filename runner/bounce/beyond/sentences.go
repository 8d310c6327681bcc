package beyond

import (
	"strings"
	"unicode/utf8"
)

// span is a sentence: lines[first] from column start to lines[last], column end.
type span struct {
	first, last, start, end int
	lower                   string
}

// sentences divides lines into sentences. A line that is too short to have been
// wrapped ends one.
func sentences(p []line) []span {
	var all []span
	open := false
	var s span
	var b strings.Builder
	shut := func(last, end int) {
		if open {
			s.last, s.end, s.lower = last, end, b.String()
			all = append(all, s)
			b.Reset()
			open = false
		}
	}

	for i, l := range p {
		if len(all) >= maxSentences {
			return all
		}

		if open && beginsAnew(l) {
			shut(i-1, len(p[i-1].text))
		}

		from := 0
		for from < len(l.lower) {
			end, stop := sentenceEnd(l.lower, from)
			if !open {
				s, open = span{first: i, start: from}, true
			} else {
				b.WriteByte(' ')
			}

			b.WriteString(strings.TrimSpace(l.lower[from:end]))
			if stop || b.Len() > 4096 {
				shut(i, end)
			}

			from = end
		}

		if l.ends || !isWrapped(l.text) {
			shut(i, len(l.text))
		}
	}

	if len(p) > 0 {
		shut(len(p)-1, len(p[len(p)-1].text))
	}

	return all
}

// beginsAnew tells whether a line cannot continue the sentence above it.
func beginsAnew(l line) bool {
	t := strings.TrimLeft(l.text, " \t")
	return l.reply != "" || len(l.addrs) > 0 && l.addrs[0].leading || strings.HasPrefix(t, "-") || strings.HasPrefix(t, "*") ||
		strings.HasPrefix(t, ">>>") || strings.HasPrefix(t, "<<<")
}

// isWrapped tells whether a line is so long that the one below may continue it.
func isWrapped(s string) bool {
	const wide = 45 // columns
	columns := 0
	for _, r := range s {
		columns++
		if unspaced(r) {
			columns++
		}
	}

	return columns >= wide
}

// sentenceEnd is where the sentence ends that begins at from, and whether it ends
// there or goes on in the next line.
func sentenceEnd(s string, from int) (end int, stop bool) {
	for i := from; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n

		switch r {
		case '。', '！', '？', '：':
			return i, true
		case '.', '!', '?', ':', ';':
			dots := r == '.' && i >= 2 && s[i-2] == '.'
			if !dots && (i == len(s) || s[i] == ' ' || s[i] == '\t') {
				return i, true
			}
		}
	}

	return len(s), false
}
