package command

import (
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/spamhaus"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// drain has mmrunner handle the commands queue of the Mailman at prefix. It
// asks no name server but that resolver.
func drain(t testing.TB, prefix string, resolver spamhaus.Resolver) engine.Stats {
	t.Helper()
	return drainBy(t, prefix, resolver, 0)
}

// drainBy is drain in batches of a size, 0 for the usual one.
func drainBy(t testing.TB, prefix string, resolver spamhaus.Resolver, size int) engine.Stats {
	t.Helper()
	return drainQueue(t, prefix, "commands", resolver, size)
}

// drainQueue is drainBy for any queue.
func drainQueue(t testing.TB, prefix, queue string, resolver spamhaus.Resolver, size int) engine.Stats {
	t.Helper()
	s, err := site.Open(prefix, site.Options{})
	if err != nil {
		t.Fatal(err)
	}

	env := txn.NewEnv(s)
	t.Cleanup(func() { env.Log.Close() })
	world := membership.NewServices(s)
	world.Resolver = resolver
	var h runner.Handler = New(world)

	if queue == "bounces" {
		d, err := detect.New(s.Profile)
		if err != nil {
			t.Fatal(err)
		}
		h = bounce.New(d, world)
	}

	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		t.Fatal(err)
	}

	e.BatchSize = size
	stats, err := e.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return stats
}
