package command

import (
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/membership"
)

// drain has mmrunner handle the commands queue of the Mailman at prefix. It
// asks no name server but that resolver.
func drain(t testing.TB, prefix string, resolver membership.Resolver) runner.Stats {
	t.Helper()
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}
	env := runner.NewEnv(s)
	t.Cleanup(func() { env.Log.Close() })
	world := membership.NewWorld(s)
	world.Resolver = resolver
	e, err := runner.NewEngine(env, New(world), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats
}
