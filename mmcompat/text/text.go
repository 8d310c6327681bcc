// Package text is in charge of what Mailman says to people: templates, message
// catalogs, interpolation, wrapping and charsets, as Mailman/Utils.py and
// Mailman/i18n.py make them.
//
// A Python str is a Go string of bytes; a Python unicode is a pickle.Unicode.
// Where Python would give either, a function here returns a Text.
package text

import (
	"io"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Text is a string (Python str) or a pickle.Unicode (Python unicode): what
// Python got depends on what went in, and mail is encoded differently for it.
type Text = any

// Vars are the names a text may refer to. Values are string or pickle.Str
// (str), pickle.Unicode, int, pickle.Int, *big.Int, float64, bool or nil.
type Vars map[string]any

// ListInfo is what of a list decides which template is used.
type ListInfo struct {
	InternalName      string
	HostName          string
	FullPath          string
	PreferredLanguage string
}

// Texts gives the texts of one site. It may be used by many goroutines.
type Texts struct{ s *site.Site }

// New reads nothing yet: templates and catalogs are read when first asked for.
// warn is told, once each, which texts the installation lacks, and which
// templates are broken ("error" log lines); it may be nil.
func New(s *site.Site, warn func(format string, a ...any)) *Texts { return &Texts{s: s} }

// Charset is Utils.GetCharSet, "us-ascii" for a language the site does not have.
func (t *Texts) Charset(lang string) string { panic("not yet") }

// Msg is the English message id of module that begins with begins, translated
// into lang and interpolated, as i18n._ does; bytes in the charset of lang's
// catalog.
func (t *Texts) Msg(lang, module, begins string, vars Vars) string { panic("not yet") }

// Underscore is i18n._ for a message id already at hand.
func (t *Texts) Underscore(lang, msgid string, vars Vars) string { panic("not yet") }

// Translate is the catalog lookup alone, without interpolation.
func (t *Texts) Translate(lang, msgid string) string { panic("not yet") }

// Maketext is Utils.findtext: the template name in the first place and language
// that has it, interpolated unless vars is nil, wrapped unless raw. lang may be
// "" (none given) and l may be nil (no list). file is the template's path.
func (t *Texts) Maketext(name string, vars Vars, lang string, l *ListInfo, raw bool) (text Text, file string, err error) {
	panic("not yet")
}

// Wrap is Utils.wrap on a str.
func Wrap(text string, column int, honorLeadingWS bool) string { panic("not yet") }

// WrapText is Utils.wrap on either kind.
func WrapText(text Text, column int, honorLeadingWS bool) Text { panic("not yet") }

// SafeInterp is Python's format % SafeDict(vars). The result is unicode as soon
// as the format or a value taken by %s is. err is a *FormatError.
func SafeInterp(format Text, vars Vars) (Text, error) { panic("not yet") }

// FormatError is what Python raises from the % operator.
type FormatError struct {
	Kind string // "TypeError", "ValueError" or "UnicodeError"
	Text string // str(e)
}

func (e *FormatError) Error() string { return e.Kind + ": " + e.Text }

// Error handling of Decode and Encode, as Python 2's codecs name it.
const (
	Strict            = "strict"
	Replace           = "replace"
	Ignore            = "ignore"
	XMLCharRefReplace = "xmlcharrefreplace"
)

// Decode is unicode(b, charset, errors), as UTF-8 (lone surrogates as WTF-8). The error is a
// *CodecError; its Unknown is true where Python raises LookupError.
func Decode(b, charset, errors string) (u string, err error) { panic("not yet") }

// Encode is u.encode(charset, errors) of a unicode given as UTF-8.
func Encode(u, charset, errors string) (b string, err error) { panic("not yet") }

// KnownCharset tells whether Python has a codec of that name.
func KnownCharset(charset string) bool { panic("not yet") }

// CodecError is Python's UnicodeError or, if Unknown, LookupError.
type CodecError struct {
	Charset string
	Unknown bool
	Text    string // str(e)
}

func (e *CodecError) Error() string { return e.Text }

// Uquote is Utils.uquote: characters beyond ASCII as HTML references.
func Uquote(s Text) string { panic("not yet") }

// Canonstr is Utils.canonstr; lang "" means None. The result is a Python
// unicode, in UTF-8.
func (t *Texts) Canonstr(s Text, lang string) string { panic("not yet") }

// Uncanonstr is Utils.uncanonstr; lang "" means None.
func (t *Texts) Uncanonstr(s Text, lang string) string { panic("not yet") }

// Websafe is Utils.websafe of a str.
func (t *Texts) Websafe(s string) string { panic("not yet") }

// ToDollar is Utils.to_dollar.
func ToDollar(s string) string { panic("not yet") }

// ToPercent is Utils.to_percent.
func ToPercent(s string) string { panic("not yet") }

// QuotePeriods is Utils.QuotePeriods.
func QuotePeriods(s string) string { panic("not yet") }

// CTime is i18n.ctime in lang of a time that was given as seconds.
func (t *Texts) CTime(lang string, at time.Time) string { panic("not yet") }

// Strftime is time.strftime in the C locale: at's own zone, bytes kept.
func Strftime(format string, at time.Time) string { panic("not yet") }

// Ctime is time.ctime in the C locale.
func Ctime(at time.Time) string { return at.Format("Mon Jan _2 15:04:05 2006") }

// Midnight is Utils.midnight: the start of at's day in its zone.
func Midnight(at time.Time) time.Time {
	y, m, d := at.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, at.Location())
}

// MakeRandomPassword is Utils.MakeRandomPassword with the site's
// USER_FRIENDLY_PASSWORDS; length 0 means MEMBER_PASSWORD_LENGTH.
func (t *Texts) MakeRandomPassword(random io.Reader, length int) (string, error) { panic("not yet") }
