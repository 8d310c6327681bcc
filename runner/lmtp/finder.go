package lmtp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// ErrNoList says that an address is no list's: mail for it is refused for good.
var ErrNoList = errors.New("no such list here")

// Recipient is where mail for an address goes.
type Recipient struct {
	List   string
	Script intake.Script
	// Loop marks the site's -loop address, whose mail ends in data/owner-bounces.mbox.
	Loop bool
}

// Finder finds the list of an address, as the file system has it at that moment.
// It may be used by many goroutines.
type Finder struct {
	settings *intake.Settings
	siteList string
	domains  *domains
	verp     []verp
}

// verp is one of the site's formats for addresses that carry more than a list's
// name.
type verp struct {
	pattern *pyre.Regexp // of the whole address
	group   string       // of the address without what it carries
}

// newFinder makes the finder of a site. extra are domains that are taken besides
// those that Mailman knows; "*" takes any. Patterns of the site that mmrunner
// cannot read are named by the error.
func newFinder(s *site.Site, extra ...string) (*Finder, error) {
	settings, err := SettingsOf(s)
	if err != nil {
		return nil, err
	}

	f := &Finder{settings: settings, siteList: s.Str("MAILMAN_SITE_LIST"), domains: newDomains(s, extra)}
	for _, v := range []struct{ setting, group string }{
		{"VERP_REGEXP", "bounces"}, {"VERP_PROBE_REGEXP", "bounces"}, {"VERP_CONFIRM_REGEXP", "addr"},
	} {
		text := s.Str(v.setting)
		if text == "" {
			continue
		}

		// The address is in lower case.
		p, err := pyre.Compile(text, pyre.IgnoreCase)
		if err != nil {
			return nil, fmt.Errorf("%s = %q: %w", v.setting, text, err)
		}
		f.verp = append(f.verp, verp{p, v.group})
	}

	return f, nil
}

// Find returns where mail for an address goes: the longest list name that the
// local part begins with, and the script of what follows it. A domain is not
// needed. The error is ErrNoList, or the file system's where that cannot be told.
func (f *Finder) Find(address string) (Recipient, error) {
	local, domain := splitAddress(strings.ToLower(address))
	r, err := f.findLocal(local, domain)
	if err != nil {
		return Recipient{}, err
	}

	ok, err := f.domains.take(f.settings.ListDir, r.List, domain, r.List == f.siteList || r.Loop)
	if err == nil && !ok {
		err = fmt.Errorf("%w: list %s has no mail at %s", ErrNoList, r.List, domain)
	}

	return r, err
}

// splitAddress cuts an address at its last @; the domain is empty where it has none.
func splitAddress(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, ""
	}
	return address[:at], strings.TrimSuffix(address[at+1:], ".")
}

func (f *Finder) findLocal(local, domain string) (Recipient, error) {
	// The longest list name wins.
	found := Recipient{}
	for _, name := range f.names(local, domain) {
		for _, script := range intake.Scripts() {
			list, ok := strings.CutSuffix(name, script.Suffix)
			if !ok || len(list) <= len(found.List) {
				continue
			}

			there, err := f.settings.ListExists(list)
			if err != nil {
				return Recipient{}, err
			}

			if there {
				found = Recipient{List: list, Script: script}
			}
		}
	}

	if found.List != "" {
		return found, nil
	}

	// Without the site list, the lists are not there at the moment: a file system may not be mounted. Mailman does not
	// start without it.
	there, err := f.settings.ListExists(f.siteList)
	if err == nil && !there {
		err = fmt.Errorf("the site list %q is not below %s, so no list can be looked for", f.siteList, f.settings.ListDir)
	}

	if err != nil {
		return Recipient{}, err
	}
	if local == f.siteList+"-loop" {
		return Recipient{List: f.siteList, Loop: true}, nil
	}

	return Recipient{}, ErrNoList
}

// names returns an address without the extensions that it may have: itself, the parts
// before each + (from the right, as list names may have one), and those that the site's
// own VERP formats give.
func (f *Finder) names(local, domain string) []string {
	names := []string{local}
	for rest := local; ; {
		at := strings.LastIndexByte(rest, '+')
		if at <= 0 || len(names) > mostPlus {
			break
		}
		rest = rest[:at]
		names = append(names, rest)
	}

	for _, v := range f.verp {
		m := v.pattern.Search(local + "@" + domain)
		if m == nil {
			continue
		}

		if name, ok := m.Named(v.group); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}

	return names
}

// mostPlus is how many + of an address are tried: each costs a few looks into the
// lists directory.
const mostPlus = 16
