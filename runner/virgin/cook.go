package virgin

import (
	"errors"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// The releases that changed what CookHeaders does with Mailman's own messages.
const (
	senderIsEncoded = 15 // get_sender() takes a field as it is, and decodes nothing
	archiveSlash    = 15 // List-Archive keeps its URL's trailing slash
	fromIsList      = 16 // ALLOW_FROM_IS_LIST, which took notices for posts
	fasttrackIsKept = 18 // from_is_list leaves notices alone
	foldedWithSpace = 21 // fields are continued with a space, not a tab
	senderIsKept    = 21 // original_sender stays what it is
	badDescription  = 21 // a description that is not in the list's charset is left out, and logged
	bareListID      = 30 // List-Id has its brackets even if nothing is left of the description
)

// cook is CookHeaders.process with _fasttrack.
func cook(b runner.Batch, msg *message.Message, data *qfile.Data) error {
	c := &cooking{b: b, l: b.List(), msg: msg}
	if data.True("noack") {
		c.replace("X-Ack", "no")
	}

	if _, ok := data.Get("original_sender"); !ok || !c.since(senderIsKept) {
		sender, err := msg.GetSender(b.Site().Bool("USE_ENVELOPE_SENDER"), false)
		if err != nil {
			return err
		}
		data.Set("original_sender", sender)
	}

	beenThere, err := c.address("")
	if err != nil {
		return err
	}

	msg.Set("X-BeenThere", beenThere)
	c.addMissing("X-Mailman-Version", b.Site().Str("VERSION"))
	c.addMissing("Precedence", "list")

	if data.True("_nolist") || !c.l.Bool("include_rfc2369_headers") {
		return nil
	}

	id, err := c.listID()
	if err != nil {
		return err
	}
	c.replace("List-Id", id)
	if data.True("reduced_list_headers") {
		c.replace("X-List-Administrivia", "yes")
		return nil
	}

	return c.commandFields()
}

// cooking is one message at work.
type cooking struct {
	b   runner.Batch
	l   *maillist.List
	msg *message.Message
}

func (c *cooking) since(micro int) bool {
	return membership.Since(c.b.Site().Profile.HexVersion, micro)
}

// replace is change_header(name, value, ...).
func (c *cooking) replace(name string, value i18n.Text) {
	c.msg.Del(name)
	c.msg.Set(name, value)
}

// addMissing is change_header(name, value, ..., repl=False).
func (c *cooking) addMissing(name, value string) {
	if !c.msg.Has(name) {
		c.msg.Set(name, value)
	}
}

// format is Python's % of a format and the list's own words: name, host, page, and
// what else is given.
func (c *cooking) format(format string, more i18n.Vars) (i18n.Text, error) {
	vars := i18n.Vars{"name": c.l.Name(), "host": membership.Attr(c.l, "host_name"), "page": membership.Attr(c.l, "web_page_url")}
	for k, v := range more {
		vars[k] = v
	}
	return i18n.SafeInterp(format, vars)
}

// address is getListAddress(extra).
func (c *cooking) address(extra string) (i18n.Text, error) {
	if extra != "" {
		extra = "-" + extra
	}
	return c.format("%(name)s%(extra)s@%(host)s", i18n.Vars{"extra": extra})
}

// script is GetScriptURL(name, absolute=1).
func (c *cooking) script(name string) (i18n.Text, error) {
	return c.format("%(page)s%(script)s/%(name)s", i18n.Vars{"script": name + c.b.Site().Str("CGIEXT")})
}

// listID is the List-Id field: the description, encoded, and the id (RFC 2919).
func (c *cooking) listID() (i18n.Text, error) {
	id, err := c.format("%(name)s.%(host)s", nil)
	if err != nil {
		return nil, err
	}

	lang := c.l.Str("preferred_language")
	if err := membership.KnownLanguage(c.b.Site(), lang); err != nil {
		return nil, err
	}
	bare := func() (i18n.Text, error) { return c.format("<%(id)s>", i18n.Vars{"id": id}) }
	description := membership.Attr(c.l, "description")
	if py.Raw(description) == "" {
		return bare()
	}

	h, err := c.header(description, "List-Id", 998)
	if err != nil {
		return nil, err
	}
	name, err := h.Encode()
	if err != nil {
		return nil, err
	}

	if name == "" {
		if c.since(bareListID) {
			return bare()
		}
		return id, nil
	}

	shown := strings.TrimSuffix(message.FormatAddr(message.Address{Name: name}), "<>")
	return c.format("%(shown)s<%(id)s>", i18n.Vars{"shown": shown, "id": id})
}

// header is uheader(mlist, s, name, maxlinelen=width).
func (c *cooking) header(s i18n.Text, name string, width int) (*message.HeaderValue, error) {
	charset := "us-ascii"
	if !printable(py.Raw(s)) {
		if charset = c.b.Texts().Charset(c.l.Str("preferred_language")); charset == "us-ascii" {
			charset = "iso-8859-1"
		}
	}

	cs, err := c.b.Charsets().New(charset)
	if err != nil {
		return nil, err
	}
	o := message.HeaderOptions{MaxLineLen: width, HeaderName: name, ContinuationWS: "\t"}

	if c.since(foldedWithSpace) {
		o.ContinuationWS = " "
	}

	h, err := message.NewHeader(s, cs, o)
	if isUnicodeError(err) && c.since(badDescription) {
		c.b.Log("error", "list: %s: can't decode \"%s\" as %s", c.l.Name(), py.Raw(s), charset)
		return message.NewHeader("", cs, o)
	}

	return h, err
}

// printable tells that s has nothing but visible ASCII and white space.
func printable(s string) bool {
	for i := range len(s) {
		if (s[i] < '!' || s[i] > '~') && strings.IndexByte(" \t\n\r\f\v", s[i]) < 0 {
			return false
		}
	}
	return true
}

func isUnicodeError(err error) bool {
	return errors.Is(err, py.ErrUnicode)
}

// commandFields are the fields of RFC 2369 for what is not marked as the list's own
// administrivia, in the order of Mailman's dict.
func (c *cooking) commandFields() error {
	request, err := c.address("request")
	if err != nil {
		return err
	}

	info, err := c.script("listinfo")
	if err != nil {
		return err
	}
	options, err := c.script("options")
	if err != nil {
		return err
	}

	post, err := c.address("")
	if err != nil {
		return err
	}

	formats := map[string]string{
		"List-Help":        "<mailto:%(request)s?subject=help>",
		"List-Unsubscribe": "<%(options)s>, <mailto:%(request)s?subject=unsubscribe>",
		"List-Subscribe":   "<%(info)s>, <mailto:%(request)s?subject=subscribe>",
	}

	// A dict is filled, then the three are put into another: the order of keys is that of insertion into the latter.
	names := py.DictOrder([]string{"List-Help", "List-Unsubscribe", "List-Subscribe"})
	vars := i18n.Vars{"request": request, "info": info, "options": options, "post": post}
	if c.l.Bool("include_list_post_header") {
		formats["List-Post"] = "<mailto:%(post)s>"
		names = append(names, "List-Post")
	}

	if c.l.Bool("archive") {
		if vars["archive"], err = c.archiveURL(); err != nil {
			return err
		}
		formats["List-Archive"] = "<%(archive)s>"
		names = append(names, "List-Archive")
	}

	for _, name := range py.DictOrder(names) {
		value, err := i18n.SafeInterp(formats[name], vars)
		if err != nil {
			return err
		}
		c.replace(name, c.continued(name, value))
	}

	return nil
}

// continued breaks a long field at its commas.
func (c *cooking) continued(name string, value i18n.Text) i18n.Text {
	const width = 78
	joiner := ",\n\t"

	if c.since(foldedWithSpace) {
		joiner = ",\n "
	}

	switch v := value.(type) {
	case pickle.Unicode:
		if len(name)+2+len([]rune(string(v))) > width {
			return pickle.Unicode(strings.ReplaceAll(string(v), ", ", joiner))
		}
	case string:
		if len(name)+2+len(v) > width {
			return strings.ReplaceAll(v, ", ", joiner)
		}
	}

	return value
}

// archiveURL is Archiver.GetBaseArchiveURL.
func (c *cooking) archiveURL() (i18n.Text, error) {
	private, err := c.script("private")
	if err != nil {
		return nil, err
	}

	var url i18n.Text
	if c.l.Bool("archive_private") {
		if url, err = i18n.SafeInterp("%(url)s/", i18n.Vars{"url": private}); err != nil {
			return nil, err
		}
	} else {
		host, ok := urlHost(py.Raw(private) + "/")
		if !ok {
			return nil, py.NoAttribute(nil, "group")
		}

		var hostname i18n.Text = host
		if host == "" {
			hostname = c.b.Site().Str("DEFAULT_URL_HOST")
		} else if _, ok := private.(pickle.Unicode); ok {
			hostname = pickle.Unicode(host)
		}

		url, err = i18n.SafeInterp(c.b.Site().Str("PUBLIC_ARCHIVE_URL"), i18n.Vars{"listname": c.l.Name(), "hostname": hostname})
		if err != nil {
			return nil, err
		}

		if !strings.HasSuffix(py.Raw(url), "/") {
			if url, err = i18n.SafeInterp("%(url)s/", i18n.Vars{"url": url}); err != nil {
				return nil, err
			}
		}
	}

	if c.since(archiveSlash) {
		return url, nil
	}
	if u, ok := url.(pickle.Unicode); ok {
		return pickle.Unicode(strings.TrimSuffix(string(u), "/")), nil
	}

	return strings.TrimSuffix(py.Raw(url), "/"), nil
}

// urlHost is the first group of [^:]*://([^/]*)/.* at the beginning of a URL; false
// if that does not match.
func urlHost(url string) (host string, ok bool) {
	_, rest, ok := strings.Cut(url, ":")
	if !ok || !strings.HasPrefix(rest, "//") {
		return "", false
	}
	host, _, ok = strings.Cut(rest[len("//"):], "/")
	return host, ok
}
