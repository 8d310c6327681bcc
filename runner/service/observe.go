package service

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/history"
	"github.com/mmrunner/mmrunner/runner/metrics"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// observe returns the function that reports each commit: Prometheus counts it, the qrunner log gets a line, and mmrunner
// status remembers it. specs are the engines' own. Several loops may call the function at a time.
func (p *Process) observe(env *txn.Env, engines []*engine.Engine, specs []qrunner.Spec) func(*engine.Engine, history.Commit) {
	queues := map[string]string{}
	rings := map[*engine.Engine]*history.Ring{}
	for i, e := range engines {
		queues[e.Handler.Queue()] = e.Queue.Dir()
		rings[e] = history.Open(p.Site.DataDir(), e.Handler.Name(), specs[i].Slice, specs[i].Slices)
	}

	p.metrics = metrics.New(queues, p.Version)

	var mu sync.Mutex
	failed := false
	return func(e *engine.Engine, c history.Commit) {
		mu.Lock()
		defer mu.Unlock()
		p.metrics.Observe(c)
		env.Log.Printf("qrunner", "%s", logLine(c))

		// A full disk must not stop mail for the sake of statistics; the log says so once.
		err := rings[e].Add(c)
		if err != nil && !failed {
			env.Log.Printf("error", "%s: mmrunner status will not know of all commits: %v", e.Handler.Name(), err)
		}

		failed = err != nil
	}
}

// logLine makes the line of the qrunner log for a commit, e.g.
//
//	BounceRunner: list announce: 5000 entries in 0.90 s, lock held 0.001 s: 4200 registered, 800 forwarded
func logLine(c history.Commit) string {
	var outcomes []string
	for _, o := range slices.Sorted(maps.Keys(c.Outcomes)) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", c.Outcomes[o], o))
	}
	entries := "entries"

	if c.Entries == 1 {
		entries = "entry"
	}

	return fmt.Sprintf("%s: list %s: %d %s in %.2f s, lock held %.3f s: %s",
		c.Runner, c.List, c.Entries, entries, c.Seconds, c.Held, strings.Join(outcomes, ", "))
}

// specs names the runners and their slices for the qrunner log.
func (p *Process) specs() string {
	names := make([]string, len(p.Runners))
	for i, spec := range p.Runners {
		names[i] = spec.String()
	}
	return strings.Join(names, ", ")
}

// warnOfChanges warns of the site's changes to modules whose work mmrunner does for these runners.
func (p *Process) warnOfChanges(w io.Writer) {
	for _, spec := range p.Runners {
		if text := p.Site.Profile.WithoutEffectText(spec.Name); text != "" {
			fmt.Fprintf(w, "%s: %s\n", spec.Name, text)
		}
	}
}
