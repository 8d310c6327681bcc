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
	// Resolver answers Spamhaus lookups; nil means that none is made, as where
	// Python lacks dnspython.
	Resolver spamhaus.Resolver
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
		Resolver:     spamhaus.System{},
		SitePassword: s.GlobalPassword,
	}
}
