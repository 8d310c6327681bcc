package maillist

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// check is MailList's CheckVersion and CheckValues, for state that was just loaded.
func (l *List) check() error {
	// Attributes with an underscore are never saved by Mailman. Some would replace attributes of Mailman's own
	// objects.
	for _, name := range l.doc.Keys() {
		if strings.HasPrefix(name, "_") {
			l.doc.Delete(name)
		}
	}

	have, ok := l.Get("data_version")
	if !ok {
		return py.Errorf("AttributeError", "MailList instance has no attribute 'data_version'")
	}
	if want := l.site.Profile.DataFileVersion; py.Float(have) < float64(want) {
		return &ErrNeedsPython{l.name, fmt.Sprintf("its data_version is %s, and the installed one is %d", pickle.Repr(have, 40), want)}
	}
	if err := l.checkURL(); err != nil {
		return err
	}

	l.checkReplyTo()
	return l.checkTopics()
}

// checkURL gives a list without a usable web address the site's own.
func (l *List) checkURL() error {
	v, ok := l.Get("web_page_url")
	if !ok {
		return nil
	}

	page, ok := py.StringOf(v)
	if !ok {
		return &ErrNeedsPython{l.name, "its web_page_url is no string"}
	}

	changed := page

	// Without scheme or host it is no address: CheckValues takes DEFAULT_URL_PATTERN.
	if scheme, host := urlStart(page); scheme == "" || host == "" {
		v, changed = pickle.Str(""), defaultURL(l.site)
	}

	if changed != "" && !strings.HasSuffix(changed, "/") {
		changed += "/"
	}

	if changed == page {
		return nil
	}

	// A unicode stays one.
	if _, ok := v.(pickle.Unicode); ok {
		l.Set("web_page_url", pickle.Unicode(changed))
	} else {
		l.Set("web_page_url", pickle.Str(changed))
	}

	return nil
}

// defaultURL is the address of the site's web pages: DEFAULT_URL or, since that has long been obsolete,
// DEFAULT_URL_PATTERN with DEFAULT_URL_HOST in it.
func defaultURL(s *site.Site) string {
	if url := s.Str("DEFAULT_URL"); url != "" {
		return url
	}
	return strings.Replace(s.Str("DEFAULT_URL_PATTERN"), "%s", s.Str("DEFAULT_URL_HOST"), 1)
}

// urlStart returns the scheme and the host of a URL as Python 2.7's urlparse
// does.
func urlStart(url string) (scheme, host string) {
	if i := strings.IndexByte(url, ':'); i > 0 && schemeChars(url[:i]) {
		// "path:80" is a host and a port, except for http.
		rest := url[i+1:]
		if url[:i] == "http" || rest == "" || strings.Trim(rest, "0123456789") != "" {
			scheme, url = py.Lower(url[:i]), rest
		}
	}

	if rest, ok := strings.CutPrefix(url, "//"); ok {
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		host = rest
	}

	return scheme, host
}

func schemeChars(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func (l *List) checkReplyTo() {
	addr := l.Str("reply_to_address")
	if py.Strip(addr) == "" || !l.Bool("reply_goes_to_list") {
		return
	}
	if ValidateEmail(l.site, addr) == nil {
		return
	}

	l.o.Log.Printf("error", `Bad reply_to_address "%s" cleared for list: %s`, addr, l.name)
	l.Set("reply_to_address", pickle.Str(""))
	l.Set("reply_goes_to_list", pickle.Int(0))
}

// checkTopics drops topics that could not be matched, as the part of MailList.CheckValues about topics does.
func (l *List) checkTopics() error {
	v, ok := l.Get("topics")
	if !ok {
		return nil
	}

	var items []pickle.Value
	switch v := v.(type) {
	case *pickle.List:
		items = v.Items
	case *pickle.Tuple:
		items = v.Items
	}

	// Each topic is (name, pattern, description, empty flag); a list in the place of a tuple is made a tuple.
	good := pickle.NewList()
	changed := false
	for _, item := range items {
		var parts []pickle.Value
		switch t := item.(type) {
		case *pickle.Tuple:
			parts = t.Items
		case *pickle.List:
			parts, changed = t.Items, true
		}

		// From 2.1.27 on a topic of another length is logged and dropped; before, unpacking it raised.
		if len(parts) != 4 {
			if !since(l.site, 27) {
				return py.Errorf("ValueError", "list %s: the topic %s has %d parts and needs 4", l.name, pickle.Repr(item, 80), len(parts))
			}
			l.o.Log.Printf("error", `Bad topic "%s" for list: %s`, str(item), l.name)
			changed = true
			continue
		}

		// From 2.1.19 on each line of the pattern is a pattern of its own, joined by |.
		pattern, ok := py.StringOf(parts[1])
		if !ok && since(l.site, 19) {
			return py.NoAttribute(parts[1], "splitlines")
		}

		if since(l.site, 19) {
			pattern = strings.Join(py.SplitLines(pattern, false), "|")
		}

		// A pattern that Python could compile and this package cannot must not be dropped: only bad syntax counts.
		if ok {
			var bad *pyre.SyntaxError
			_, err := pyre.Compile(pattern, 0)
			ok = !errors.As(err, &bad)
		}

		if !ok {
			l.o.Log.Printf("error", `Bad topic pattern "%s" for list: %s`, pattern, l.name)
			changed = true
			continue
		}

		good.Items = append(good.Items, pickle.NewTuple(parts...))
	}

	// The list is saved with the topics that are left, as Mailman does in its next Save.
	if changed {
		l.Set("topics", good)
	}

	return nil
}

// str is Python's str() of a value in a log line.
func str(v pickle.Value) string {
	if s, ok := py.StringOf(v); ok {
		return s
	}
	return pickle.Repr(v, 4096)
}
