package command

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/text"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/batch"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// newEnv opens the Mailman at prefix for turns.
func newEnv(t testing.TB, prefix string) *batch.Env {
	t.Helper()
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logs := mlog.Open(s.LogDir())
	t.Cleanup(func() { logs.Close() })
	env := &batch.Env{
		Site:        s,
		Texts:       text.New(s, func(format string, a ...any) { logs.Printf("error", format, a...) }),
		Charsets:    message.SiteCharsets(s.Profile.Charsets),
		Log:         logs,
		Now:         time.Now,
		Rand:        rand.Reader,
		LockTimeout: time.Minute,
	}
	env.Lists = batch.NewLists(env)
	return env
}

// drain has mmrunner handle the commands queue of the Mailman at prefix.
func drain(t testing.TB, prefix string) runner.Stats {
	t.Helper()
	env := newEnv(t, prefix)
	e, err := runner.NewEngine(env, New(membership.NewWorld(env.Site)), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats
}
