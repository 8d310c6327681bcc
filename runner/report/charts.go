package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// The charts are SVG without a view box: lengths across are in percent and text is in
// pixels, so that it stays as large on a phone as on a desk.

type chart struct {
	Title string
	SVG   template.HTML // "" if there is nothing to be shown
}

// svg is a chart of some height in pixels. A screen reader reads its title and the
// description.
func svg(title, description string, height int, body string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="chart" role="img" width="100%%" height="%d" aria-label="%s">`+"<title>%s</title><desc>%s</desc>%s</svg>",
		height, clean(title+". "+description), clean(title), clean(description), body))
}

// clean is text for markup. It may come from mail.
func clean(s string) string { return html.EscapeString(terminal.Escape(s)) }

// describe says in words what a chart of counts shows.
func describe(counts []Count, value func(Count) int) string {
	total, top := 0, Count{}
	for _, c := range counts {
		total += value(c)
		if value(c) > value(top) {
			top = c
		}
	}

	if total == 0 {
		return "None."
	}
	return fmt.Sprintf("%d in all, most for %s: %d.", total, top.Name, value(top))
}

// largest is the largest of some counts' values.
func largest(counts []Count, value func(Count) int) int {
	most := 0
	for _, c := range counts {
		most = max(most, value(c))
	}
	return most
}

// scaleFor is the end of a scale for values up to most: a round number whose half is a whole one.
func scaleFor(most int) int {
	for unit := 1; ; unit *= 10 {
		for _, end := range []int{2, 4, 6, 10} {
			if end*unit >= most {
				return end * unit
			}
		}
	}
}

// columns is a chart with a column for each count, from left to right.
func columns(title string, counts []Count, value func(Count) int, colour string) template.HTML {
	const (
		height, bottom, top = 200, 24, 14 // pixels
		left                = 12.0        // percent, for the scale's numbers
	)
	most := largest(counts, value)
	if most == 0 {
		return ""
	}
	most = scaleFor(most)

	// The scale: nothing, half and all.
	var b strings.Builder
	for _, part := range []int{0, 1, 2} {
		y := height - bottom - part*(height-bottom-top)/2
		fmt.Fprintf(&b, `<line x1="%.0f%%" x2="100%%" y1="%d" y2="%d" stroke="var(--rule)"/><text x="0" y="%d">%d</text>`,
			left, y, y, y+4, most*part/2)
	}

	step := (100 - left) / float64(len(counts))
	for i, c := range counts {
		h := float64(value(c)) * float64(height-bottom-top) / float64(most)
		x := left + float64(i)*step
		fmt.Fprintf(&b, `<rect x="%.2f%%" y="%.1f" width="%.2f%%" height="%.1f" fill="var(%s)"><title>%s: %d</title></rect>`,
			x+step*0.1, float64(height-bottom)-h, step*0.8, h, colour, clean(c.Name), value(c))
	}

	first, last := counts[0].Name, counts[len(counts)-1].Name
	fmt.Fprintf(&b, `<text x="%.0f%%" y="%d">%s</text>`, left, height-6, clean(first))
	if last != first {
		fmt.Fprintf(&b, `<text x="100%%" y="%d" text-anchor="end">%s</text>`, height-6, clean(last))
	}

	return svg(title, describe(counts, value), height, b.String())
}

// rows is a chart with a bar for each count, under its name. A name that is too long
// for the window is cut off.
func rows(title string, counts []Count, value func(Count) int, colour string) template.HTML {
	const each = 34 // pixels
	most := largest(counts, value)
	if most == 0 {
		return ""
	}

	var b strings.Builder
	for i, c := range counts {
		y := i * each
		length := float64(value(c)) * 100 / float64(most)
		fmt.Fprintf(&b, `<svg y="%d" width="85%%" height="19"><text y="14">%s<title>%s</title></text></svg><text x="100%%" y="%d" text-anchor="end">%d</text>`,
			y, clean(shorten(c.Name, 60)), clean(c.Name), y+14, value(c))
		fmt.Fprintf(&b, `<rect x="0" y="%d" width="%.2f%%" height="10" rx="3" fill="var(%s)"/>`, y+20, length, colour)
	}

	return svg(title, describe(counts, value), len(counts)*each, b.String())
}

// classColours tell classes apart; each also has its name beside it.
var classColours = map[string]string{"hard": "--bad", "policy": "--mmrunner", "full": "--python", "soft": "--good", "unknown": "--soft"}

// share is one bar that is divided as the counts are.
func share(title string, counts []Count) template.HTML {
	const bar, each = 26, 22 // pixels
	total := 0
	for _, c := range counts {
		total += c.Bounces
	}
	if total == 0 {
		return ""
	}

	var b, words strings.Builder
	x := 0.0
	for i, c := range counts {
		percent := 100 * float64(c.Bounces) / float64(total)
		colour := classColours[c.Name]
		if colour == "" {
			colour = "--soft"
		}

		fmt.Fprintf(&b, `<rect x="%.2f%%" y="0" width="%.2f%%" height="%d" fill="var(%s)"/>`, x, percent, bar, colour)
		y := bar + 8 + i*each
		fmt.Fprintf(&b, `<rect x="0" y="%d" width="12" height="12" fill="var(%s)"/><text x="20" y="%d">%s: %d (%.0f%%)</text>`,
			y, colour, y+11, clean(c.Name), c.Bounces, percent)
		fmt.Fprintf(&words, "%s %.0f%%. ", c.Name, percent)
		x += percent
	}

	return svg(title, words.String(), bar+8+len(counts)*each, b.String())
}

// shorten is the beginning of a name, in characters.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}
