package txn

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/text"
	"github.com/mmrunner/mmrunner/runner/events"
)

// NewEnv makes what turns on a site share: its texts, logs, clock and lists.
func NewEnv(s *site.Site) *Env {
	logs := mlog.Open(s.LogDir())
	logs.Limit(events.Log, events.File(s.DataDir()))
	env := &Env{
		Site:        s,
		Texts:       text.New(s, func(format string, a ...any) { logs.Printf("error", "%s", fmt.Sprintf(format, a...)) }),
		Charsets:    message.SiteCharsets(s.Profile.Charsets),
		Log:         logs,
		Now:         time.Now,
		Rand:        rand.Reader,
		LockTimeout: s.Duration("LIST_LOCK_TIMEOUT"),
	}
	env.Lists = NewLists(env)
	return env
}
