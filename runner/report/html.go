package report

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner/page"
)

//go:embed report.html
var reportBody string

var reportPage = page.New(reportBody)

// HTML writes a report as a page that needs no other file.
func (r *Report) HTML(w io.Writer) error {
	days, domains := r.Days, r.Domains
	data := pageData{Report: r, Source: r.source()}
	const most = 60
	if len(days) > most {
		days = days[len(days)-most:]
	}

	if len(domains) > 12 {
		domains = domains[:12]
	}

	bounces := func(c Count) int { return c.Bounces }
	disabled := func(c Count) int { return c.Disabled }
	data.Charts = []chart{
		{"Bounces by day", columns("Bounces by day", days, bounces, "--mmrunner")},
		{"Members disabled by day", columns("Members disabled by day", days, disabled, "--bad")},
		{"Bounces by domain", rows("Bounces by domain", domains, bounces, "--mmrunner")},
		{"Share of each class", share("Share of each class", r.Classes)},
	}

	for _, s := range r.sections() {
		if len(s.Counts) > 0 {
			data.Sections = append(data.Sections, s)
		}
	}

	return reportPage.Write(w, "Who bounces and why", 0, data)
}

// pageData is what the page is made of.
type pageData struct {
	*Report
	Source   string
	Charts   []chart
	Sections []section
}

type chart struct {
	Title string
	SVG   template.HTML // "" if there is nothing to be shown
}

// svg is the outside of a chart: its title and what it shows are read out.
func svg(title, description string, width, height int, body string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="chart" role="img" viewBox="0 0 %d %d" aria-label="%s">`+"<title>%s</title><desc>%s</desc>%s</svg>",
		width, height, clean(title+". "+description), clean(title), clean(description), body))
}

// clean is text for markup. What is from mail is in it.
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

// columns is a chart with a column for each count.
func columns(title string, counts []Count, value func(Count) int, colour string) template.HTML {
	const width, height, left, bottom, top = 600, 200, 44, 24, 10
	most := 0
	for _, c := range counts {
		most = max(most, value(c))
	}
	if most == 0 {
		return ""
	}

	var b strings.Builder
	for _, part := range []int{0, 1, 2} {
		y := height - bottom - part*(height-bottom-top)/2
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="var(--rule)"/><text x="%d" y="%d" text-anchor="end">%s</text>`,
			left, width, y, y, left-6, y+4, strings.TrimSuffix(fmt.Sprintf("%.1f", float64(most*part)/2), ".0"))
	}

	step := float64(width-left) / float64(len(counts))
	for i, c := range counts {
		h := float64(value(c)) * float64(height-bottom-top) / float64(most)
		x := float64(left) + float64(i)*step
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="var(%s)"><title>%s: %d</title></rect>`,
			x+step*0.1, float64(height-bottom)-h, step*0.8, h, colour, clean(c.Name), value(c))
	}

	first, last := counts[0].Name, counts[len(counts)-1].Name
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`, left, height-6, clean(first))
	if last != first {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, width, height-6, clean(last))
	}

	return svg(title, describe(counts, value), width, height, b.String())
}

// rows is a chart with a bar for each count, under its name.
func rows(title string, counts []Count, value func(Count) int, colour string) template.HTML {
	const width, each = 600, 34
	most := 0
	for _, c := range counts {
		most = max(most, value(c))
	}
	if most == 0 {
		return ""
	}

	var b strings.Builder
	for i, c := range counts {
		y := i * each
		length := float64(value(c)) * width / float64(most)
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%d</text><rect x="0" y="%d" width="%.1f" height="10" rx="3" fill="var(%s)"/>`,
			y+14, clean(shorten(c.Name, 60)), width, y+14, value(c), y+19, length, colour)
	}

	return svg(title, describe(counts, value), width, len(counts)*each, b.String())
}

// classColours tell classes apart; each also has its name beside it.
var classColours = map[string]string{"hard": "--bad", "policy": "--mmrunner", "full": "--python", "soft": "--good", "unknown": "--soft"}

// share is one bar that is divided as the counts are.
func share(title string, counts []Count) template.HTML {
	const width, bar, each = 600, 26, 22
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
		part := float64(c.Bounces) / float64(total)
		colour := classColours[c.Name]
		if colour == "" {
			colour = "--soft"
		}

		fmt.Fprintf(&b, `<rect x="%.1f" y="0" width="%.1f" height="%d" fill="var(%s)"/>`, x, part*width, bar, colour)
		y := bar + 8 + i*each
		fmt.Fprintf(&b, `<rect x="0" y="%d" width="12" height="12" fill="var(%s)"/><text x="20" y="%d">%s: %d (%.0f%%)</text>`,
			y, colour, y+11, clean(c.Name), c.Bounces, part*100)
		fmt.Fprintf(&words, "%s %.0f%%. ", c.Name, part*100)
		x += part * width
	}

	return svg(title, words.String(), width, bar+8+len(counts)*each, b.String())
}

// shorten is the beginning of a name, in characters.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}
