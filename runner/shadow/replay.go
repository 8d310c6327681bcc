package shadow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// replayer replays batches one at a time. Both sides work in one directory, in turn, so that paths do not differ.
type replayer struct {
	site    *site.Site // the private site
	moved   map[string]string
	spool   *spool
	python  *python
	handler func(name string, s *site.Site) (runner.Handler, error)
	size    int
	n       int
}

func newReplayer(o Options, sp *spool) (*replayer, error) {
	private, moved, err := redirected(o.Site, sp.path("var"))
	if err != nil {
		return nil, err
	}

	p, err := startPython(o.Site, moved)
	if err != nil {
		return nil, err
	}
	return &replayer{site: private, moved: moved, spool: sp, python: p, handler: o.Handler, size: o.BatchSize}, nil
}

// run replays a batch and compares. A failure is a difference too: an administrator who reads 0 must be able to rely
// on it.
//
// The end of ctx ends the replay. Differences that were found then mean nothing.
func (r *replayer) run(ctx context.Context, g *gathering, runnerName string) (Batch, []Difference) {
	r.n++
	b := Batch{N: r.n, Runner: runnerName, At: time.Now(), Entries: len(g.entries), Lists: g.of}
	found, err := r.both(ctx, g, runnerName, &b)
	if err != nil {
		b.Error = err.Error()
		found = append(found, Difference{Where: "the replay", Path: "both", Python: err.Error(), Mmrunner: err.Error()})
	}

	for i := range found {
		found[i].Batch = r.n
	}
	b.Differences = len(found)
	b.disabled = disabledIn(r.spool.path("python", "logs"))

	if runnerName == "CommandRunner" {
		b.commands = r.commands(g)
	}

	return b, found
}

// commands returns the commands that a batch's entries asked for.
func (r *replayer) commands(g *gathering) (all []string) {
	known := slices.Collect(maps.Keys(r.site.Profile.Commands))
	for _, base := range g.entries {
		b, err := os.ReadFile(filepath.Join(g.dir, "entries", base+".pck"))
		if err == nil {
			all = append(all, commandsIn(base, b, known)...)
		}
	}
	return all
}

// both lets Python and mmrunner handle a batch, each from the same state, and compares what they leave.
func (r *replayer) both(ctx context.Context, g *gathering, runnerName string, b *Batch) ([]Difference, error) {
	// One after the other, in the same place: paths in logs and pickles are then equal.
	for _, side := range []struct {
		dir string
		run func(context.Context, string) (took, error)
		to  *Side
	}{{"python", r.python.replay, &b.Python}, {"mmrunner", r.mmrunner, &b.Mmrunner}} {
		if err := r.prepare(g); err != nil {
			return nil, err
		}
		t, err := side.run(ctx, runnerName)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", side.dir, err)
		}

		*side.to = Side{t.Elapsed.Seconds(), t.Held.Seconds()}
		if t.outcomes != nil {
			b.outcomes = t.outcomes
		}

		to := r.spool.path(side.dir)
		if err := errors.Join(os.RemoveAll(to), os.Rename(r.spool.path("var"), to)); err != nil {
			return nil, err
		}
	}

	c := comparer{python: r.spool.path("python"), mmrunner: r.spool.path("mmrunner"), masks: newMasks(time.Now(), r.site.Bool("USER_FRIENDLY_PASSWORDS"), r.site.Int("MEMBER_PASSWORD_LENGTH"))}
	err := c.run()
	return c.found, err
}

// prepare restores the private site to the state that the batch found.
func (r *replayer) prepare(g *gathering) error {
	if err := os.RemoveAll(r.spool.path("var")); err != nil {
		return err
	}
	if err := makeDirs(r.moved); err != nil {
		return err
	}

	for _, link := range []struct{ to, from string }{
		{r.site.ListDataDir(), "lists"}, {r.site.DataDir(), "data"}, {r.site.QueueDir(g.queue), "entries"},
	} {
		if err := linkTree(link.to, filepath.Join(g.dir, link.from)); err != nil {
			return err
		}
	}

	return nil
}

// mmrunner lets mmrunner's engine handle the entries in the private queue.
func (r *replayer) mmrunner(ctx context.Context, name string) (t took, err error) {
	env := txn.NewEnv(r.site)
	defer func() { err = errors.Join(err, env.Log.Close()) }()
	h, err := r.handler(name, r.site)
	if err != nil {
		return took{}, err
	}

	e, err := engine.New(env, h, 0, 1)
	if err != nil {
		return took{}, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	e.BatchSize = r.size
	stats, err := e.Drain(ctx)

	return took{stats.Elapsed, stats.Held, stats.Outcomes}, err
}
