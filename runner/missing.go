package runner

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// missing shunts the entries of a list that is not there or cannot be read, as
// Runner._onefile.
func (e *Engine) missing(name string, entries []*Entry, why error) {
	shunt, err := qfile.Open(e.Env.Site.QueueDir("shunt"), 0, 1, qfile.Options{
		Schema: e.Env.Site.Profile.QfileSchemaVersion,
		Now:    e.Env.Now,
	})
	// MMUnknownListError has nothing to say beside the list's name.
	reason := why.Error()
	if errors.Is(why, maillist.ErrUnknownList) {
		reason = ""
	}
	for _, en := range entries {
		if reason == "" {
			maillist.Exists(e.Env.Site, name, e.Env.Log) // for what it says of a hostile name
		}
		e.logError("error opening list: %s\n%s", name, reason)
		e.logError("Dequeuing message destined for missing list: %s", name)
		var m *message.Message
		e2 := err
		if e2 == nil {
			m, e2 = en.Message()
		}
		if e2 == nil {
			_, e2 = shunt.EnqueueMessage(m, en.Data)
		}
		if e2 != nil {
			e.logError("SHUNTING FAILED, preserving original entry: %s: %v", en.Base, e2)
			e.Queue.Preserve(en.Base)
			e.count(Preserved)
			continue
		}
		e.Queue.Finish(en.Base)
		e.count(Shunted)
	}
}
