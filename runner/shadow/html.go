package shadow

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

//go:embed report.html
var reportPage string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": func(s float64) string { return fmt.Sprintf("%.3f", s) },
	// html/template makes text of markup; what a browser shows of control characters is left to us.
	"line":  terminal.Escape,
	"lines": terminal.Lines,
	"ratio": func(r float64) string { return fmt.Sprintf("%.0f", r) },
}).Parse(reportPage))

// HTML writes the report as one page that needs nothing else: the totals, a
// chart of the time of each batch, and every difference side by side.
func (r *Report) HTML(w io.Writer) error {
	return page.Execute(w, struct {
		*Report
		Chart chart
		More  int
	}{r, newChart(r.Batches), r.Found - len(r.Differences)})
}

// chart is bars for both sides of each batch on a logarithmic scale, in the
// pixels of its SVG: mmrunner's would not be seen on another.
type chart struct {
	Width, Height, Base int
	Bars                []bar
	Lines               []gridLine
}

type bar struct {
	X, Y, Width, Height int
	Class, Title        string
}

type gridLine struct {
	Y     int
	Label string
}

const (
	chartHeight = 260
	chartTop    = 10
	chartLeft   = 60
	barWidth    = 8
	fewest      = 1e-4 // seconds: the bottom of the scale
	widest      = 400  // batches; of more, the last are shown
)

func newChart(batches []Batch) chart {
	if len(batches) > widest {
		batches = batches[len(batches)-widest:]
	}
	top := 1.0
	for _, b := range batches {
		top = math.Max(top, math.Max(b.Python.Seconds, b.Mmrunner.Seconds))
	}
	decades := math.Ceil(math.Log10(top / fewest))
	height := func(s float64) int {
		return int(math.Max(1, math.Log10(math.Max(s, fewest)/fewest)/decades*(chartHeight-chartTop)))
	}
	c := chart{Width: chartLeft + max(20, len(batches))*(2*barWidth+4) + 20, Height: chartHeight + 30, Base: chartHeight}
	for d := range int(decades) + 1 {
		s := fewest * math.Pow(10, float64(d))
		c.Lines = append(c.Lines, gridLine{chartHeight - height(s), fmt.Sprintf("%g s", s)})
	}
	for i, b := range batches {
		x := chartLeft + i*(2*barWidth+4)
		for n, side := range []struct {
			class string
			s     float64
		}{{"python", b.Python.Seconds}, {"mmrunner", b.Mmrunner.Seconds}} {
			h := height(side.s)
			c.Bars = append(c.Bars, bar{x + n*barWidth, chartHeight - h, barWidth - 1, h, side.class,
				fmt.Sprintf("batch %d, %s, %d entries: %s %.4f s", b.N, b.Runner, b.Entries, side.class, side.s)})
		}
	}
	return c
}
