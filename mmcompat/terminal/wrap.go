package terminal

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Width is how many columns pages of text have unless a terminal is known to have more.
const Width = 80

// Wrap breaks text into lines of at most width columns, at blanks where it can. Paragraphs stay apart; a line that
// begins with a blank is an example, and stays as it is.
func Wrap(s string, width int) string {
	var out []string
	var words []string
	flush := func() {
		if len(words) > 0 {
			out = append(out, fill(words, width)...)
			words = nil
		}
	}

	for _, line := range strings.Split(s, "\n") {
		if strings.TrimSpace(line) == "" || line[0] == ' ' || line[0] == '\t' {
			flush()
			out = append(out, line)
			continue
		}
		words = append(words, strings.Fields(line)...)
	}

	flush()
	return strings.Join(out, "\n")
}

// fill puts words into lines of at most width columns; a word that is longer is cut.
func fill(words []string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range words {
		for {
			w := columns(word)
			if line != "" && used+1+w <= width {
				line, used = line+" "+word, used+1+w
				break
			}

			if line != "" {
				lines = append(lines, line)
				line, used = "", 0
			}

			if w <= width {
				line, used = word, w
				break
			}
			head := clip(word, width)
			lines = append(lines, head)
			word = word[len(head):]
		}
	}

	if line != "" {
		lines = append(lines, line)
	}

	return lines
}

// columns is how many columns of a terminal a text takes (Unicode Standard Annex 11 and 29).
func columns(s string) int { return uniseg.StringWidth(s) }

// clip is the longest beginning of s that takes at most width columns, and at least one character.
func clip(s string, width int) string {
	n, used := 0, 0
	state := -1
	for rest := s; rest != ""; {
		cluster, after, w, next := uniseg.FirstGraphemeClusterInString(rest, state)
		if n > 0 && used+w > width {
			break
		}

		n += len(cluster)
		used += w
		rest, state = after, next
	}

	return s[:n]
}
