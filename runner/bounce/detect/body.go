package detect

import (
	"cmp"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// body has the texts of a message's parts, in the order of walk(), as
// email.Iterators.body_line_iterator goes through them. No line goes
// from one text into the next.
type body []string

// place is where in a body a line begins.
type place struct{ text, at int }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.text, o.text), cmp.Compare(p.at, o.at))
}

// hit is a line in which a Set found something.
type hit struct {
	place
	line string // with its newline, if it has one
	what []int  // numbers in the Set; valid until f returns
}

// after returns where the line after this one begins.
func (h hit) after() place { return place{h.text, h.at + len(h.line)} }

// find calls f for each line from from on in which set finds something, until f returns false.
func (b body) find(set *pyre.Set, from place, f func(h hit) bool) {
	more := true
	for i := from.text; i < len(b) && more; i++ {
		at := 0
		if i == from.text {
			at = from.at
		}

		text := b[i]
		set.Lines(text[at:], func(start, end int, what []int) bool {
			more = f(hit{place{i, at + start}, text[at+start : at+end], what})
			return more
		})
	}
}

// distinct is find without lines that repeat the line above them, for searches in which repeats make no difference.
// Hostile mail repeats its lines to take time.
func (b body) distinct(set *pyre.Set, from place, f func(h hit) bool) {
	last := ""
	b.find(set, from, func(h hit) bool {
		if h.line == last {
			return true
		}
		last = h.line
		return f(h)
	})
}

// first returns the first line that find would find; ok is false without one.
func (b body) first(set *pyre.Set, from place) (h hit, ok bool) {
	b.find(set, from, func(found hit) bool {
		h, ok = found, true
		return false
	})
	return h, ok
}

// pythonSpace has the characters that str.strip() removes.
const pythonSpace = " \t\n\v\f\r"

// has tells whether the Set has found its needle n in the line.
func (h hit) has(n int) bool {
	for _, k := range h.what {
		if k == n {
			return true
		}
	}
	return false
}

// each calls f for every line from from on, until f returns false.
func (b body) each(from place, f func(h hit) bool) {
	for i := from.text; i < len(b); i++ {
		at := 0
		if i == from.text {
			at = from.at
		}

		for at < len(b[i]) {
			n := strings.IndexByte(b[i][at:], '\n') + 1
			if n == 0 {
				n = len(b[i]) - at
			}

			if !f(hit{place: place{i, at}, line: b[i][at : at+n]}) {
				return
			}
			at += n
		}
	}
}
