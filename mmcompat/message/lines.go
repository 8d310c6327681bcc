package message

import "strings"

// span is a line. start == end stands for "", readline's end of file, which the feed parser may push back like any
// line.
type span struct{ start, end int }

// lines is email.feedparser's BufferedSubFile: a text as lines, in which each active matcher makes its lines the end
// of a part. A line is a span of the text, so that consecutive lines join without a copy.
type lines struct {
	in    string
	pos   int  // where the next line begins
	nl    int  // the first "\n" at or after pos, or len(in); out of date when < pos
	hasCR bool // whether a lone "\r" can end a line at all
	back  []span

	boundaries map[string]int // the boundaries of the multiparts around this place
	blankEnds  int            // how many matchers stop at a blank line
}

func newLines(in string) lines {
	return lines{in: in, nl: -1, hasCR: strings.IndexByte(in, '\r') >= 0, boundaries: make(map[string]int)}
}

func (p *lines) text(l span) string { return p.in[l.start:l.end] }

// next cuts the next line off the input.
func (p *lines) next() span {
	if p.pos >= len(p.in) {
		return span{}
	}

	if p.nl < p.pos {
		if i := strings.IndexByte(p.in[p.pos:], '\n'); i >= 0 {
			p.nl = p.pos + i
		} else {
			p.nl = len(p.in)
		}
	}

	end := min(p.nl+1, len(p.in))
	if p.hasCR {
		if i := strings.IndexByte(p.in[p.pos:p.nl], '\r'); i >= 0 && p.pos+i+1 != p.nl {
			end = p.pos + i + 1
		}
	}

	l := span{p.pos, end}
	p.pos = end
	return l
}

// readline returns "" at the end of the input, and at a line that an active matcher takes for the end; it does not
// consume that line.
func (p *lines) readline() span {
	var l span
	if n := len(p.back); n > 0 {
		l = p.back[n-1]
		p.back = p.back[:n-1]
	} else {
		l = p.next()
	}

	if l.start != l.end && p.atEOF(p.text(l)) {
		p.unread(l)
		return span{}
	}

	return l
}

func (p *lines) unread(l span) { p.back = append(p.back, l) }

func (p *lines) atEOF(line string) bool {
	if p.blankEnds > 0 && isBlank(line) {
		return true
	}
	if len(p.boundaries) == 0 || len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return false
	}

	t := boundaryText(line)
	if p.boundaries[t] > 0 {
		return true
	}
	return strings.HasSuffix(t, "--") && p.boundaries[t[:len(t)-2]] > 0
}

func (p *lines) addBoundary(boundary string) { p.boundaries[boundary]++ }

func (p *lines) dropBoundary(boundary string) {
	if p.boundaries[boundary]--; p.boundaries[boundary] == 0 {
		delete(p.boundaries, boundary)
	}
}

// boundaryText returns a line that begins with "--", without the dashes, the line ending and the blanks before it. A
// boundary never ends with a blank, so the rest is the boundary, with or without its closing "--".
func boundaryText(line string) string {
	return strings.TrimRight(line[2:len(line)-eolLen(line)], " \t")
}

// rest reads on to the end of the file.
func (p *lines) rest() string {
	j := joiner{source: p.in}
	for {
		if len(p.back) == 0 && p.blankEnds == 0 {
			// Only a boundary can end this: look for the next line that begins with "--".
			start := p.pos
			end := len(p.in)

			if len(p.boundaries) > 0 {
				end = p.nextDashes()
			}

			p.pos = end
			j.add(span{start, end})
		}

		l := p.readline()
		if l.start == l.end {
			return j.String()
		}

		j.add(l)
	}
}

// nextDashes returns where the next line that begins with "--" begins. pos is at the beginning of a line.
func (p *lines) nextDashes() int {
	at := p.pos
	for {
		i := strings.Index(p.in[at:], "--")
		if i < 0 {
			return len(p.in)
		}

		at += i
		if at == p.pos || p.in[at-1] == '\n' || p.in[at-1] == '\r' {
			return at
		}
		at++
	}
}

func isBlank(line string) bool { return line[0] == '\n' || line[0] == '\r' }

// joiner joins lines. As long as each line follows the one before it in the input, the result is a substring of the
// input. At most one line of each message is out of order: a From_ line that was first taken for a field.
type joiner struct {
	source string
	done   []span
	last   span
}

func (j *joiner) add(l span) {
	switch {
	case l.start == l.end:
	case j.last.end == l.start:
		j.last.end = l.end
	default:
		if j.last.start != j.last.end {
			j.done = append(j.done, j.last)
		}
		j.last = l
	}
}

func (j *joiner) String() string {
	last := j.source[j.last.start:j.last.end]
	if len(j.done) == 0 {
		return last
	}

	size := len(last)
	for _, s := range j.done {
		size += s.end - s.start
	}
	var b strings.Builder
	b.Grow(size)
	for _, s := range j.done {
		b.WriteString(j.source[s.start:s.end])
	}
	b.WriteString(last)

	return b.String()
}
