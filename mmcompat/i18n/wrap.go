package i18n

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// whitespace is Python's string.whitespace in the C locale.
const whitespace = "\t\n\x0b\x0c\r "

// Wrap is Utils.wrap on a str.
func Wrap(text string, column int, honorLeadingWS bool) string {
	// In a Python str each byte is a character.
	r := make([]rune, len(text))
	for i := range len(text) {
		r[i] = rune(text[i])
	}
	out := wrap(r, column, honorLeadingWS, func(c rune) bool { return c < 0x80 && strings.ContainsRune(whitespace, c) })
	b := make([]byte, len(out))
	for i, c := range out {
		b[i] = byte(c)
	}
	return string(b)
}

// WrapText is Utils.wrap on a str or a unicode.
func WrapText(text Text, column int, honorLeadingWS bool) Text {
	s, isUnicode := py.Plain(text)
	if isUnicode {
		return pickle.Unicode(wrap([]rune(s), column, honorLeadingWS, unicode.IsSpace))
	}
	return Wrap(s, column, honorLeadingWS)
}

func isWhite(c rune) bool { return c < 0x80 && strings.IndexByte(whitespace, byte(c)) >= 0 }

// wrap fills each paragraph. Lines that follow one another are joined, unless they begin with white space. Long lines
// are broken at the last white space before the column, or at the first after it where a word is longer. strip has
// the characters that rstrip() removes.
func wrap(text []rune, column int, honorLeadingWS bool, strip func(rune) bool) []rune {
	var wrapped []rune
	for _, para := range split(text, "\n\n") {
		for _, line := range fill(para, honorLeadingWS, strip) {
			for len(line) > 0 {
				if len(line) <= column {
					wrapped = append(wrapped, line...)
					break
				}
				end, next := breakAt(line, column)
				wrapped = append(append(wrapped, line[:end]...), '\n')
				line = line[next:]
			}

			wrapped = append(wrapped, '\n')
		}

		wrapped = append(wrapped, '\n')
	}

	return wrapped[:len(wrapped)-2]
}

// fill joins the lines of a paragraph that belong together.
func fill(para []rune, honorLeadingWS bool, strip func(rune) bool) [][]rune {
	var lines [][]rune
	joining := false
	for _, line := range split(para, "\n") {
		if len(line) == 0 {
			// After an empty line the next line is joined to it, as in Utils.wrap.
			lines = append(lines, line)
			continue
		}

		// A line that begins with a blank is kept as it is: a list, or a quotation.
		join := !honorLeadingWS || !isWhite(line[0])
		if joining && join {
			last := lines[len(lines)-1]
			for len(last) > 0 && strip(last[len(last)-1]) {
				last = last[:len(last)-1]
			}
			lines[len(lines)-1] = append(append(append([]rune(nil), last...), ' '), line...)
		} else {
			lines = append(lines, line)
		}

		joining = join
	}

	return lines
}

// breakAt returns where the first part of a long line ends and the next begins.
func breakAt(line []rune, column int) (end, next int) {
	// Utils.wrap: the last blank before the column, and all blanks around it.
	next = column
	for next > 0 && !isWhite(line[next]) {
		next--
	}
	end = next
	for end > 0 && isWhite(line[end]) {
		end--
	}

	if end == 0 {
		// There is no white space before the column: break behind the word.
		for end = column; end < len(line) && !isWhite(line[end]); {
			end++
		}
		for next = end; next < len(line) && isWhite(line[next]); {
			next++
		}
		next--
	}

	for next++; next < len(line) && isWhite(line[next]); {
		next++
	}
	return min(end+1, len(line)), min(next, len(line))
}

// split cuts text at each sep.
func split(text []rune, sep string) [][]rune {
	var parts [][]rune
	s := []rune(sep)
	for {
		i := index(text, s)
		if i < 0 {
			return append(parts, text)
		}
		parts = append(parts, text[:i])
		text = text[i+len(s):]
	}
}

func index(text, sep []rune) int {
	for i := 0; i+len(sep) <= len(text); i++ {
		if slices.Equal(text[i:i+len(sep)], sep) {
			return i
		}
	}
	return -1
}
