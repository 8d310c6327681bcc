package membership

import (
	"os"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/spamhaus"
	"github.com/mmrunner/mmrunner/runner/settings"
)

// Services has the services beyond its lists that an entry may use.
type Services struct {
	// MessageID makes the message ids of a list's own mail (MessageIDs).
	MessageID func(now time.Time, l *maillist.List) string
	// Resolver answers Spamhaus lookups; nil means that no lookups are made, as in a Python without dnspython.
	Resolver spamhaus.Resolver
	// SitePassword returns the SHA-1 in hexadecimal of the site password or, if siteAdmin is false, of the list
	// creator's password; ok is false without one.
	SitePassword func(siteAdmin bool) (sha1 string, ok bool, err error)
	// Moved is called for each address that became a member or ceased to be one, in the order of Mailman's changes to
	// its dicts; it may be nil.
	Moved func(l *maillist.List, addr string, in bool)
	// Limit is how many subscriptions a day may wait for their confirmation; further ones are dropped. Mailman has no
	// limit.
	Limit settings.Subscriptions
}

// NewServices returns the services of this process.
func NewServices(s *site.Site) Services {
	return Services{
		MessageID:    messageIDs(os.Getpid()),
		Resolver:     spamhaus.System{},
		SitePassword: s.GlobalPassword,
	}
}
