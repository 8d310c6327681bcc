package torture

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
	"github.com/mmrunner/mmrunner/runner/command"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
	"github.com/mmrunner/mmrunner/runner/settings"
	"github.com/mmrunner/mmrunner/runner/txn"
	"github.com/mmrunner/mmrunner/runner/virgin"
)

// Work has the named runners, or all, go through what waits on a services's site, as
// drain does, batch entries to a commit.
func Work(ctx context.Context, dir string, batch int, names ...string) (all []engine.Stats, err error) {
	s := site.FromProfile(dir, site.Builtin())
	env := txn.NewEnv(s)
	defer env.Log.Close()

	// The time goes on, so that no two entries have the same name, but it is the same day for all.
	midnight := time.Now().Truncate(time.Hour)
	env.Now = func() time.Time { return noon.Add(time.Hour + time.Since(midnight)%(5*time.Hour)) }
	services := membership.NewServices(s)
	d, err := detect.New(s.Profile)
	if err != nil {
		return nil, err
	}

	record, err := events.NewRecorder(s.DataDir(), settings.Keep)
	if err != nil {
		return nil, err
	}
	bounces := bounce.New(d, services).With(bounce.Options{Events: record})
	for _, h := range []runner.Handler{bounces, command.New(services), virgin.New(s)} {
		if len(names) > 0 && !slices.Contains(names, h.Name()) {
			continue
		}
		e, err := engine.New(env, h, 0, 1)
		if err != nil {
			return all, err
		}

		e.BatchSize = batch
		stats, err := e.Drain(ctx)
		all = append(all, stats)
		if err := errors.Join(err, e.Close()); err != nil {
			return all, err
		}
	}

	return all, nil
}
