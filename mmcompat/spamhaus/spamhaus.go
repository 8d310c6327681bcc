// Package spamhaus asks Spamhaus' lists of addresses and domains as
// Utils.banned_ip and Utils.banned_domain do.
package spamhaus

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// What Spamhaus answers for a listed address (127.0.0.2 to .7) and a listed
// domain (127.0.1.x, except .255: a question it will not answer).
var (
	listedAddress = regexp.MustCompile(`^127\.0\.0\.[2-7]$`)
	listedDomain  = regexp.MustCompile(`^127\.0\.1\.\d{1,3}$`)
)

const unanswered = "127.0.1.255"

// ListsIP is Utils.banned_ip. A mailed command's origin is an address of mail, and
// so Mailman asks only where that has four dotted parts and Python has no ipaddress
// module, which module tells.
func ListsIP(r Resolver, ip string, module bool) bool {
	name := ""
	if module {
		a, err := netip.ParseAddr(ip)
		if err != nil || a.Zone() != "" {
			return false
		}
		name = reversed(a)
	} else {
		p := strings.Split(ip, ".")
		if len(p) != 4 {
			return false
		}
		name = p[3] + "." + p[2] + "." + p[1] + "." + p[0]
	}

	for _, a := range r.LookupA(name + ".zen.spamhaus.org") {
		if listedAddress.MatchString(a.String()) {
			return true
		}
	}

	return false
}

// reversed is the name under which an address is looked up, without its suffix.
func reversed(a netip.Addr) string {
	var parts []string
	if a.Is4() {
		b := a.As4()
		for i := range b {
			parts = append(parts, fmt.Sprint(b[3-i]))
		}
	} else {
		b := a.As16()
		for i := range b {
			parts = append(parts, fmt.Sprintf("%x.%x", b[15-i]&15, b[15-i]>>4))
		}
	}

	return strings.Join(parts, ".")
}

// ListsDomain is Utils.banned_domain: parts are those of the domain, zone that of
// the list that the installed release asks. Mailman asks for the domain as Python
// writes a list of its parts.
func ListsDomain(r Resolver, parts []string, zone string) bool {
	l := pickle.NewList()
	for _, p := range parts {
		l.Items = append(l.Items, pickle.Str(p))
	}

	listed := false
	for _, a := range r.LookupA(pickle.Repr(l, 1000) + zone) {
		s := a.String()
		if s == unanswered {
			return false
		}
		listed = listed || listedDomain.MatchString(s)
	}

	return listed
}
