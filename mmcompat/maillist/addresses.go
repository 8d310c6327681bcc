package maillist

import (
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/i18n"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// Name is the list's internal name.
func (l *List) Name() string { return l.name }

// FullPath is the list's directory.
func (l *List) FullPath() string { return l.path }

// LockPath is the path of the list's lock file.
func (l *List) LockPath() string { return LockPath(l.site, l.name) }

// Site is the installation the list belongs to.
func (l *List) Site() *site.Site { return l.site }

// Info has the attributes that choose the templates for the list.
func (l *List) Info() *i18n.ListInfo {
	return &i18n.ListInfo{
		InternalName:      l.name,
		HostName:          l.HostName(),
		FullPath:          l.path,
		PreferredLanguage: l.Str("preferred_language"),
	}
}

// HostName is the domain of the list's addresses, as %s writes it.
func (l *List) HostName() string {
	v, _ := l.Get("host_name")
	return str(v)
}

// GetListAddress returns NAME-EXTRA@HOST, or NAME@HOST where extra is "".
func (l *List) GetListAddress(extra string) string {
	if extra == "" {
		return l.name + "@" + l.HostName()
	}
	return l.name + "-" + extra + "@" + l.HostName()
}

// GetListEmail is where posts go.
func (l *List) GetListEmail() string { return l.GetListAddress("") }

// GetBouncesEmail is where bounces go.
func (l *List) GetBouncesEmail() string { return l.GetListAddress("bounces") }

// GetOwnerEmail is how the list's owners are reached.
func (l *List) GetOwnerEmail() string { return l.GetListAddress("owner") }

// GetRequestEmail is where commands go. With a cookie, and with VERP_CONFIRMATIONS on, it is where the confirmation
// of the cookie goes.
func (l *List) GetRequestEmail(cookie string) string {
	if cookie != "" && l.site.Bool("VERP_CONFIRMATIONS") {
		return l.GetConfirmEmail(cookie)
	}
	return l.GetListAddress("request")
}

// GetConfirmEmail is the address that confirms cookie, as VERP_CONFIRM_FORMAT makes it.
func (l *List) GetConfirmEmail(cookie string) string {
	user, err := i18n.SafeInterp(l.site.Str("VERP_CONFIRM_FORMAT"), i18n.Vars{
		"addr":   l.name + "-confirm",
		"cookie": cookie,
	})
	l.must("VERP_CONFIRM_FORMAT", err)
	return py.Raw(user) + "@" + l.HostName()
}

// GetMemberAdminEmail is where mail about a membership goes: to the member or, on an umbrella list, to the owners of
// the list that is the member.
func (l *List) GetMemberAdminEmail(member string) string {
	if !l.Bool("umbrella_list") {
		return member
	}
	user, host, _ := strings.Cut(member, "@")
	return user + l.Str("umbrella_member_suffix") + "@" + host
}

// GetScriptURL is the address of the list's page of a CGI script. It is always absolute: outside of a web server
// Mailman has no page for a relative address.
func (l *List) GetScriptURL(script string) string {
	return l.Str("web_page_url") + script + l.site.Str("CGIEXT") + "/" + l.name
}

// GetOptionsURL is the address of a member's options page.
func (l *List) GetOptionsURL(user string, obscure bool) string {
	if obscure {
		user = obscureEmail(user, false)
	}
	return l.GetScriptURL("options") + "/" + quote(py.Lower(user), "/")
}

// GetAvailableLanguages returns those of the list's languages that the site has. As in Mailman, it also adds a
// missing DEFAULT_SERVER_LANGUAGE to available_languages.
func (l *List) GetAvailableLanguages() []string {
	langs := l.Strs("available_languages")
	server := l.site.Str("DEFAULT_SERVER_LANGUAGE")
	have := false
	for _, lang := range langs {
		have = have || lang == server
	}

	// The server's language is always available, and the list says so from then on.
	if !have {
		v, _ := l.Get("available_languages")
		all, ok := v.(*pickle.List)
		if !ok {
			all = pickle.NewList()
		}

		all.Items = append(all.Items, pickle.Str(server))
		l.Set("available_languages", all)
		langs = append(langs, server)
	}

	// A language that was removed from the site must not be chosen.
	known := langs[:0:0]
	for _, lang := range langs {
		if _, ok := l.site.Profile.Languages[lang]; ok {
			known = append(known, lang)
		}
	}

	return known
}

// MakeRandomPassword makes a password by the site's settings (Utils.MakeRandomPassword).
func (l *List) MakeRandomPassword() (string, error) {
	return i18n.New(l.site, nil).MakeRandomPassword(l.o.Rand, 0)
}

// quote is Python 2's urllib.quote: all but letters, digits, "_.-" and the
// bytes in safe becomes %XX.
func quote(s, safe string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte("_.-", c) >= 0, strings.IndexByte(safe, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}

	return b.String()
}

// GetSiteEmail is the address of the site list, with -EXTRA where extra is not ""
// (Utils.get_site_email without a host).
func GetSiteEmail(s *site.Site, extra string) string {
	hostname := getDomain(s)
	if v, ok := s.Value("VIRTUAL_HOSTS"); ok {
		if d, ok := v.(*pickle.Dict); ok {
			if host, ok := stringOf(d.GetStr(hostname)); ok {
				hostname = host
			}
		}
	}

	return siteEmail(s, hostname, extra)
}

// GetSiteEmail is the address of the site list at the list's host. An empty host_name is used as it is; None means
// the site's own host.
func (l *List) GetSiteEmail(extra string) string {
	if v, _ := l.Get("host_name"); v == nil {
		return GetSiteEmail(l.site, extra)
	}
	return siteEmail(l.site, l.HostName(), extra)
}

func siteEmail(s *site.Site, hostname, extra string) string {
	name := s.Str("MAILMAN_SITE_LIST")
	if extra != "" {
		name += "-" + extra
	}
	return name + "@" + hostname
}

// getDomain is the host of the site's web pages (Utils.get_domain outside a web
// server).
func getDomain(s *site.Site) string {
	if _, host := urlStart(s.Str("DEFAULT_URL")); host != "" {
		return py.Lower(host)
	}
	return py.Lower(s.Str("DEFAULT_URL_HOST"))
}

// ListPath is the directory of a list (Site.get_listpath).
func ListPath(s *site.Site, name string) string { return join(s.ListDataDir(), name) }

// LockPath is the path of a list's lock file.
func LockPath(s *site.Site, name string) string { return join(s.LockDir(), name+".lock") }
