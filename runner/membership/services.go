package membership

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// Services has the services beyond its lists that an entry may use.
type Services struct {
	// MessageID makes the message ids of a list's own mail (MessageIDs).
	MessageID func(now time.Time, l *maillist.List) string
	// Resolver answers Spamhaus lookups; nil means that none is made, as where
	// Python lacks dnspython.
	Resolver Resolver
	// SitePassword returns the SHA-1 in hexadecimal of the site password or, if
	// siteAdmin is false, of the list creator's; ok is false where none is set.
	SitePassword func(siteAdmin bool) (sha1 string, ok bool, err error)
	// Moved is told of each address that became a member or is none any more, in
	// the order in which Mailman's dicts see it; nil where they are not needed.
	Moved func(l *maillist.List, addr string, in bool)
	// Limit is how many subscriptions a day may wait for their confirmation; what asks
	// for more is dropped. Mailman has no limit.
	Limit settings.Subscriptions
}

// NewServices are those of this process.
func NewServices(s *site.Site) Services {
	return Services{
		MessageID:    messageIDs(os.Getpid()),
		Resolver:     resolver{},
		SitePassword: func(siteAdmin bool) (string, bool, error) { return globalPassword(s, siteAdmin) },
	}
}

// globalPassword is Utils.get_global_password.
func globalPassword(s *site.Site, siteAdmin bool) (sha1 string, ok bool, err error) {
	file := "LISTCREATOR_PW_FILE"
	if siteAdmin {
		file = "SITE_PW_FILE"
	}

	b, err := disk.ReadFile(s.Str(file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case err != nil:
		return "", false, err
	case len(b) == 0:
		return "", true, nil
	}

	// Mailman takes the newline off without looking.
	return string(b[:len(b)-1]), true, nil
}

// resolver asks the system's name servers, as dns.resolver does.
type resolver struct{}

// lookupTime is dns.resolver's lifetime of a question.
const lookupTime = 30 * time.Second

// LookupA implements Resolver.
func (resolver) LookupA(name string) []netip.Addr {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	// A failed lookup says as much as an empty answer.
	addrs, _ := net.DefaultResolver.LookupNetIP(ctx, "ip4", name+".")
	return addrs
}
