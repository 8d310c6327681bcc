package lmtp

import (
	"embed"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

//go:embed config/*.txt
var configs embed.FS

// MailServers are those whose configuration Config knows; "pipe" is for cmd/mmpost.
var MailServers = []string{"postfix", "exim", "sendmail", "opensmtpd", "pipe"}

// Addresses are where the server listens, and the domains it takes besides
// Mailman's, as its flags have them.
type Addresses struct{ Listen, Maps, Domains []string }

// Config returns lines for a mail server's configuration, with the site's own domains
// and paths. The error lists the servers that are known.
func Config(s *site.Site, server string, a Addresses) (string, error) {
	if !slices.Contains(MailServers, server) {
		return "", fmt.Errorf("--config %s: need one of %s", server, strings.Join(MailServers, ", "))
	}
	t, err := template.ParseFS(configs, path.Join("config", server+".txt"))
	if err != nil {
		return "", err
	}

	settings, err := SettingsOf(s)
	if err != nil {
		return "", err
	}

	// Addresses and paths.
	c := configData{
		Listen: firstOf(a.Listen, UsualAddress), Maps: firstOf(a.Maps, UsualSocketmap), Usual: UsualAddress,
		Prefix: s.Prefix, ListDir: s.ListDataDir(), SiteList: s.Str("MAILMAN_SITE_LIST"), Group: s.Str("MAILMAN_GROUP"),
		settings: settings,
	}

	// Domains: those of the lists there are, and those that Mailman knows.
	d := newDomains(s, a.Domains)
	c.DomainList = append(append(d.ofLists(s.ListDataDir()), d.site...), d.virtual...)
	slices.Sort(c.DomainList)
	c.DomainList = slices.Compact(c.DomainList)

	// A Unix socket has no host and port; some mail servers need them all the same.
	c.Host, c.Port, _ = net.SplitHostPort(c.Listen)
	if p := strings.TrimPrefix(c.Listen, "unix:"); strings.Contains(p, "/") {
		c.Unix = p
		c.Host, c.Port, _ = net.SplitHostPort(UsualAddress)
	}

	var b strings.Builder
	err = t.Execute(&b, c)
	return b.String(), err
}

// firstOf returns the first address, or the usual one where there is none.
func firstOf(addresses []string, usual string) string {
	if len(addresses) == 0 {
		return usual
	}
	return addresses[0]
}

// configData is given to the templates of config/.
type configData struct {
	Listen, Maps, Usual string
	Host, Port, Unix    string // of Listen; Unix is empty for a port
	Prefix, ListDir     string
	SiteList, Group     string
	DomainList          []string
	settings            *intake.Settings
}

// Domains joins the lists' domains.
func (c configData) Domains(separator string) string { return strings.Join(c.DomainList, separator) }

// Map is a table of the socketmap, in Postfix's words.
func (c configData) Map(table string) string {
	if p := strings.TrimPrefix(c.Maps, "unix:"); strings.Contains(p, "/") {
		return "socketmap:unix:" + p + ":" + table
	}
	return "socketmap:inet:" + c.Maps + ":" + table
}

// ParentGroups are those that mail servers usually run aliases as.
func (c configData) ParentGroups() []string { return []string{c.Group} }

// PipeSettings are those of mmpost.conf.
func (c configData) PipeSettings() string { return c.settings.String() }
