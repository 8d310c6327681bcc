package membership

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/pickle"
)

// Resolver looks up the A records of a name. A name without any has no
// addresses; that is not an error of its own, since Mailman takes every failure
// for "not listed".
type Resolver interface {
	LookupA(name string) []netip.Addr
}

// What Spamhaus answers for a listed address (127.0.0.2 to .7) and a listed
// domain (127.0.1.x, except .255: a question it will not answer).
var (
	listedAddress = regexp.MustCompile(`^127\.0\.0\.[2-7]$`)
	listedDomain  = regexp.MustCompile(`^127\.0\.1\.\d{1,3}$`)
)

const unanswered = "127.0.1.255"

// refuseSpamhaus gives ErrBanned for a subscription that the site's checks of
// Spamhaus' lists refuse.
func (m *Manager) refuseSpamhaus(email, remote string) error {
	if !m.since(spamhaus) {
		return nil
	}
	if remote != "" && m.s.Bool("BLOCK_SPAMHAUS_LISTED_IP_SUBSCRIBE") && m.bannedIP(remote) {
		m.Log("vette", "%s banned subscription: %s%s (Spamhaus IP)", m.attr("real_name"), email, " from "+remote)
		return fmt.Errorf("%w: Spamhaus IP", ErrBanned)
	}
	if email != "" && m.s.Bool("BLOCK_SPAMHAUS_LISTED_DBL_SUBSCRIBE") && m.bannedDomain(email) {
		m.Log("vette", "%s banned subscription: %s (Spamhaus DBL)", m.attr("real_name"), email)
		return fmt.Errorf("%w: Spamhaus DBL", ErrBanned)
	}
	return nil
}

func (m *Manager) canResolve() bool { return m.services.Resolver != nil && m.s.Profile.Python.DNS }

// bannedIP is Utils.banned_ip. A mailed command's origin is an address of mail,
// and so it asks for something only where that has four dotted parts and the
// site's Python has no ipaddress module.
func (m *Manager) bannedIP(ip string) bool {
	if !m.canResolve() {
		return false
	}
	name := ""

	if m.s.Profile.Python.IPAddress {
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

	for _, a := range m.services.Resolver.LookupA(name + ".zen.spamhaus.org") {
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

// bannedDomain is Utils.banned_domain. It asks for the domain as Python writes
// a list of its parts, as Mailman does.
func (m *Manager) bannedDomain(email string) bool {
	if !m.canResolve() {
		return false
	}
	_, domain := maillist.ParseEmail(email)
	parts := pickle.NewList()
	for _, p := range domain {
		parts.Items = append(parts.Items, pickle.Str(p))
	}
	zone := ".dbl.spamhaus.org"

	if !m.since(spamhausDBL) {
		zone = ".zen.spamhaus.org"
	}

	listed := false
	for _, a := range m.services.Resolver.LookupA(pickle.Repr(parts, 1000) + zone) {
		s := a.String()
		if s == unanswered {
			return false
		}
		listed = listed || listedDomain.MatchString(s)
	}

	return listed
}
