// Package i18n has Mailman's texts for people: templates, message catalogs, interpolation, wrapping and charsets, as
// in Mailman/Utils.py and Mailman/i18n.py.
//
// A Python str is a Go string of bytes; a Python unicode is a pickle.Unicode. Where Python would return either, a
// function here returns a Text.
package i18n

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/mmrunner/mmrunner/mmcompat/codec"
	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// Text is a str or a unicode.
type Text = py.Text

// Vars are the names a text may refer to. Values are string or pickle.Str
// (str), pickle.Unicode, int, pickle.Int, *big.Int, float64, bool or nil.
type Vars map[string]any

// ListInfo has the attributes of a list that decide which template is used.
type ListInfo struct {
	InternalName      string
	HostName          string
	FullPath          string
	PreferredLanguage string
}

// Texts has the texts of one site. Many goroutines may use it at once.
type Texts struct {
	s    *site.Site
	warn func(format string, a ...any)
	*memory
}

// memory has the catalogs that were read and the warnings that were given.
type memory struct {
	mu       sync.Mutex
	catalogs map[string]*catalog
	warned   map[string]bool
}

// New returns the texts of a site; templates and catalogs are read when they are first needed. warn gets a line, once
// each, for texts that the installation lacks, and a line of the "error" log each time a template is broken; it may
// be nil.
func New(s *site.Site, warn func(format string, a ...any)) *Texts {
	if warn == nil {
		warn = func(string, ...any) {}
	}
	return &Texts{s, warn, &memory{catalogs: map[string]*catalog{}, warned: map[string]bool{}}}
}

// For returns the same texts with another function for warnings about broken templates: their log lines must leave
// with a batch's other lines.
func (t *Texts) For(warn func(format string, a ...any)) *Texts { return &Texts{t.s, warn, t.memory} }

// warnOnce gives each warning once.
func (t *Texts) warnOnce(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	t.mu.Lock()
	seen := t.warned[line]
	t.warned[line] = true
	t.mu.Unlock()
	if !seen {
		t.warn("%s", line)
	}
}

// Charset is Utils.GetCharSet, "us-ascii" for a language the site does not have.
func (t *Texts) Charset(lang string) string {
	if l, ok := t.s.Profile.Languages[lang]; ok {
		return l.Charset
	}
	return "us-ascii"
}

// Msg is the English message id of module that begins with begins, translated into lang and interpolated, as by
// i18n._, in bytes of the charset of lang's catalog. Where the installation has no such text, begins itself stands
// in, with a warning.
func (t *Texts) Msg(lang, module, begins string, vars Vars) string {
	msgid, ok := t.s.Profile.Msg(module, begins)
	if !ok {
		t.warnOnce("Mailman/%s.py has no text that begins with %q", module, begins)
		msgid = begins
	}
	return t.Underscore(lang, msgid, vars)
}

// Underscore is i18n._ for a given message id.
func (t *Texts) Underscore(lang, msgid string, vars Vars) string {
	if msgid == "" {
		return ""
	}

	// i18n._ interpolates in the catalog's charset: unicode values are encoded, with "?" for what does not fit.
	translated := t.Translate(lang, msgid)
	charset := t.CatalogCharset(lang)
	encoded := make(Vars, len(vars))
	for k, v := range vars {
		if u, ok := v.(pickle.Unicode); ok {
			b, err := codec.Encode(string(u), charset, codec.Replace)
			if err != nil {
				b = string(u)
			}
			v = b
		}

		encoded[k] = v
	}

	// A translation that cannot be interpolated is shown as it is.
	s, err := SafeInterp(translated, encoded)
	if err != nil {
		return translated
	}
	out, _ := s.(string)
	return out
}

// Translate looks a message id up in the catalog, without interpolation.
func (t *Texts) Translate(lang, msgid string) string {
	if s, ok := t.catalog(lang).messages[msgid]; ok {
		return s
	}
	return msgid
}

// CatalogCharset is the charset of the results of _(): that of lang's catalog, or us-ascii without a catalog.
func (t *Texts) CatalogCharset(lang string) string {
	if c := t.catalog(lang).charset; c != "" {
		return c
	}
	return "us-ascii"
}

// Maketext is Utils.findtext. It finds the template name in the first place and language that has it, interpolates it
// unless vars is nil, and wraps it unless raw. lang may be "" for None, and l may be nil for no list. file is the
// template's path. The error is for a template that does not exist or cannot be read.
func (t *Texts) Maketext(name string, vars Vars, lang string, l *ListInfo, raw bool) (text Text, file string, err error) {
	template, file, lang, err := t.find(name, lang, l)
	if err != nil {
		return "", "", err
	}

	text = template
	// Utils.findtext: a UnicodeError makes it decode the template and try again; other errors leave the template as it is.
	if vars != nil {
		got, err := SafeInterp(template, vars)
		if errors.Is(err, py.ErrUnicode) {
			var u string
			if u, err = codec.Decode(template, t.Charset(lang), codec.Replace); err == nil {
				got, err = SafeInterp(pickle.Unicode(u), vars)
			}
		}

		if err != nil {
			t.warn("broken template: %s\n%s", file, py.AsError(err).Text)
		} else {
			text = got
		}
	}

	if raw {
		return text, file, nil
	}

	return WrapText(text, 70, true), file, nil
}

// find looks for a template as Utils.findtext does: for each language, the list's own directory, its host's, the
// site's, and then the installation's.
func (t *Texts) find(name, lang string, l *ListInfo) (template, file, found string, err error) {
	var languages []string
	if lang != "" {
		languages = append(languages, lang)
	}

	// From the most special place to the most general.
	base := t.s.TemplateDir()
	dirs := []string{filepath.Join(base, "site"), base}
	if l != nil {
		languages = append(languages, l.PreferredLanguage)
		dirs = append([]string{l.FullPath, filepath.Join(base, l.HostName)}, dirs...)
	}

	// The site's language is tried last.
	languages = append(languages, t.s.Str("DEFAULT_SERVER_LANGUAGE"))
	for _, lang := range languages {
		for _, dir := range dirs {
			file := filepath.Join(dir, lang, name)
			b, err := disk.ReadFile(file)
			if err == nil {
				return string(b), file, lang, nil
			}

			// A template that cannot be read is an error: another text would go out in its place.
			if !errors.Is(err, fs.ErrNotExist) {
				return "", "", "", err
			}
		}
	}

	// findtext ends with the English template that comes with Mailman.
	last := languages[len(languages)-1]
	file = filepath.Join(base, "en", name)
	b, err := disk.ReadFile(file)
	// An installation without the template: a short sentence of ours stands in, and the log says so once.
	if errors.Is(err, fs.ErrNotExist) {
		if own, ok := standIns[name]; ok {
			// For a site that could not be probed the log has that already.
			if t.s.Probed {
				t.warnOnce("no template %s in %s", name, base)
			}
			return own, name, last, nil
		}
		return "", "", "", fmt.Errorf("no template %s in %s for %q: %w", name, base, languages, err)
	}

	return string(b), file, last, err
}
