package report

import (
	_ "embed"
	"io"

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

// pageData has the values for the page's template.
type pageData struct {
	*Report
	Source   string
	Charts   []chart
	Sections []section
}
