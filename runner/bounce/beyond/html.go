package beyond

import (
	"html"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

var (
	// breaking are the elements that begin or end a line.
	breaking = []string{"br", "p", "/p", "div", "/div", "tr", "/tr", "li", "/li", "hr", "h1", "h2", "h3", "h4",
		"/h1", "/h2", "/h3", "/h4", "table", "/table", "pre", "/pre", "blockquote"}
	// hidden are the elements whose content is not shown.
	hidden = []string{"style", "script", "head"}
)

// stripHTML is the text of HTML, line by line as it would be shown.
func stripHTML(s string) string {
	var b strings.Builder
	lower := py.Lower(s) // of the same length
	for at := 0; at < len(s); {
		start := strings.IndexByte(s[at:], '<')
		if start < 0 {
			b.WriteString(s[at:])
			break
		}

		b.WriteString(strings.ReplaceAll(s[at:at+start], "\n", " "))
		at += start + 1

		end := strings.IndexByte(s[at:], '>')
		if end < 0 {
			break
		}

		tag := lower[at : at+end]
		at += end + 1
		name, _, _ := strings.Cut(strings.TrimSuffix(tag, "/"), " ")
		switch {
		case slices.Contains(hidden, name):
			skip := strings.Index(lower[at:], "</"+name)
			if skip < 0 {
				return html.UnescapeString(b.String())
			}
			at += skip
		case slices.Contains(breaking, name):
			b.WriteByte('\n')
		case strings.Contains(tag, "@") && !strings.ContainsAny(tag, " =\""):
			b.WriteString("<" + tag + ">") // an address whose brackets should have been escaped
		}
	}

	return html.UnescapeString(b.String())
}
