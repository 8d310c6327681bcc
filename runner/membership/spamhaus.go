package membership

import (
	"fmt"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/spamhaus"
)

// refuseSpamhaus returns ErrBanned for a subscription that the site's Spamhaus checks refuse.
func (m *Manager) refuseSpamhaus(email, remote string) error {
	if !m.since(spamhausChecked) {
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

func (m *Manager) bannedIP(ip string) bool {
	return m.canResolve() && spamhaus.ListsIP(m.services.Resolver, ip, m.s.Profile.Python.IPAddress)
}

func (m *Manager) bannedDomain(email string) bool {
	if !m.canResolve() {
		return false
	}
	zone := ".dbl.spamhaus.org"
	if !m.since(spamhausDBL) {
		zone = ".zen.spamhaus.org"
	}
	_, domain := maillist.ParseEmail(email)
	return spamhaus.ListsDomain(m.services.Resolver, domain, zone)
}
