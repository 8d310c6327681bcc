// Package page has the style of mmrunner's HTML pages: one style, light and dark, for wide and narrow windows.
// A page needs no other file and no script, so that it can be mailed, kept, or served from anywhere.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

//go:embed layout.html
var layout string

// Template is the body of a kind of page.
type Template struct{ t *template.Template }

// New makes a template of a page's body. It may use these functions besides html/template's own:
//
//	line, lines   text in one or several lines, with control characters escaped (html/template makes text of markup)
//	clock         a time with its date
//	seconds       a number of seconds in a fitting unit
//	several       "1 entry", "2 entries", of a number and both forms
//	bar           a horizontal bar of a class, of a value and the largest value
//
// It panics on a mistake in body.
func New(body string) *Template {
	t := template.New("page").Funcs(template.FuncMap{
		"line":    terminal.Escape,
		"lines":   terminal.Lines,
		"clock":   func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") },
		"seconds": seconds,
		"several": several,
		"bar":     bar,
	})

	template.Must(t.Parse(layout))
	template.Must(t.New("body").Parse(body))
	return &Template{t}
}

// Write writes a page. Refresh is after how many seconds a browser reads it again, 0 for never. The error is the
// writer's, or a mistake in the template.
func (t *Template) Write(w io.Writer, title string, refresh int, data any) error {
	var b bytes.Buffer
	err := t.t.Execute(&b, struct {
		Title   string
		Refresh int
		Data    any
	}{terminal.Escape(title), refresh, data})
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// seconds is a number of seconds for people.
func seconds(s float64) string {
	switch {
	case s == 0:
		return "0"
	case s < 0.001:
		return fmt.Sprintf("%.2f ms", s*1e3)
	case s < 1:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case s < 120:
		return fmt.Sprintf("%.1f s", s)
	}

	return fmt.Sprintf("%.0f min", s/60)
}

func several(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// bar is a bar whose length is value's part of most. A value that is more than nothing is seen.
func bar(class string, value, most float64) template.HTML {
	percent := 0.0
	if most > 0 && value > 0 {
		percent = max(100*value/most, 0.5)
	}

	class = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, class)

	return template.HTML(fmt.Sprintf(`<div class="bar"><span class="%s" style="width:%.1f%%"></span></div>`, class, min(percent, 100)))
}
