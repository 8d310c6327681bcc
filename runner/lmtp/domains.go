package lmtp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// domains decides at which domains a list has mail.
type domains struct {
	any     bool
	site    []string // for every list: DEFAULT_EMAIL_HOST, VIRTUAL_HOSTS, and what the administrator adds
	virtual []string // for the lists of that host_name only: POSTFIX_STYLE_VIRTUAL_DOMAINS

	mu    sync.Mutex
	hosts map[string]hostName
}

// hostName is a list's host_name as it was in a config.pck.
type hostName struct {
	name  string
	mtime time.Time
	size  int64
}

func newDomains(s *site.Site, extra []string) *domains {
	d := &domains{hosts: map[string]hostName{}}
	for _, e := range extra {
		if e == "*" {
			d.any = true
		}
	}

	d.virtual = lower(s.List("POSTFIX_STYLE_VIRTUAL_DOMAINS"))
	all := append([]string{s.Str("DEFAULT_EMAIL_HOST")}, extra...)
	if v, ok := s.Value("VIRTUAL_HOSTS"); ok {
		if hosts, ok := v.(*pickle.Dict); ok {
			for _, host := range hosts.All() {
				if host, ok := host.(pickle.Str); ok {
					all = append(all, string(host))
				}
			}
		}
	}

	for _, host := range lower(all) {
		if host != "" && host != "*" && !slices.Contains(d.site, host) {
			d.site = append(d.site, host)
		}
	}

	return d
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

// take tells whether mail for a list may come to a domain, which is lower case.
// The site list has mail at every virtual domain, as MTA/Postfix.py writes its
// aliases. The error is for a config.pck that had to be read and could not be.
func (d *domains) take(listDir, list, domain string, siteList bool) (bool, error) {
	if d.any || domain == "" {
		return true, nil
	}
	isVirtual := slices.Contains(d.virtual, domain)
	if isVirtual && siteList || !isVirtual && slices.Contains(d.site, domain) {
		return true, nil
	}

	host, err := d.hostName(listDir, list)
	return strings.ToLower(host) == domain, err
}

// hostName is a list's host_name. A config.pck may be large and is saved often, so
// it is read only for domains that are not the whole site's, and again only when it
// has changed. A list that has none of its own has no domain of its own.
func (d *domains) hostName(listDir, list string) (string, error) {
	path := filepath.Join(listDir, list, "config.pck")
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		// While it is being replaced by hand, or still a config.db, the last one does.
		path += ".last"
		if info, err = os.Stat(path); os.IsNotExist(err) {
			return "", nil
		}
	}

	if err != nil {
		return "", err
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.hosts[list]
	if ok && known.mtime.Equal(info.ModTime()) && known.size == info.Size() {
		return known.name, nil
	}

	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	doc, err := pickle.OpenDocument(b)
	if err != nil {
		return "", err
	}

	v, _, err := doc.Get("host_name")
	if err != nil {
		return "", err
	}
	name := ""
	switch v := v.(type) {
	case pickle.Str:
		name = string(v)
	case pickle.Unicode:
		name = string(v)
	}

	d.hosts[list] = hostName{name, info.ModTime(), info.Size()}
	return name, nil
}

// ofLists are the host_names of all lists. One that cannot be read has none.
func (d *domains) ofLists(listDir string) (hosts []string) {
	lists, err := os.ReadDir(listDir)
	if err != nil {
		return nil
	}

	for _, list := range lists {
		if host, err := d.hostName(listDir, list.Name()); err == nil && host != "" {
			hosts = append(hosts, strings.ToLower(host))
		}
	}

	return hosts
}
