package service

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// loops run in parallel: a runner that waits for the mail server does not keep the others waiting.
type loops []*engine.Loop

// loops makes an engine for each slice of a queue, and the loops in which they work. The result must be closed, after an
// error too.
func (p *Process) loops(env *txn.Env) (all loops, err error) {
	// Mail servers are slow, so OutgoingRunner has a loop of its own: the other queues do not wait for it.
	slow := env.Fork()
	files := &engine.Loop{Once: p.Once, Locks: engine.NewFairLocks(env, p.lockShare())}
	network := &engine.Loop{Once: p.Once, Locks: engine.NewFairLocks(slow, p.lockShare())}
	var engines []*engine.Engine
	var specs []qrunner.Spec
	for _, spec := range p.Runners {
		loop, env := files, env
		if spec.Name == runner.Outgoing.Name {
			loop, env = network, slow
		}

		opened, err := p.engines(env, spec)
		loop.Engines = append(loop.Engines, opened...)
		if err != nil {
			return loops{files, network}, err
		}

		for _, e := range opened {
			engines, specs = append(engines, e), append(specs, spec)
		}
	}

	// Each commit is reported, whichever loop it comes from.
	observe := p.observe(env, engines, specs)
	for _, loop := range []*engine.Loop{files, network} {
		if len(loop.Engines) == 0 {
			continue
		}
		loop.Observe = observe

		// bin/qrunner -v logs each iteration of several runners.
		if p.Verbose && (p.Once || len(p.Runners) > 1) {
			loop.Each = func(e *engine.Engine) {
				env.Log.Printf("qrunner", "Now doing a %s qrunner iteration", e.Handler.Name())
			}
		}

		all = append(all, loop)
	}

	return all, nil
}

// engines makes the engines of one runner's slice.
func (p *Process) engines(env *txn.Env, spec qrunner.Spec) ([]*engine.Engine, error) {
	h, err := p.Handler(spec.Name, p.Site)
	if err != nil {
		return nil, err
	}

	n := spec.Slice
	if spec.Slices == 1 {
		n = 0 // Switchboard does not use the number then
	}

	all, err := engine.Open(env, h, n, spec.Slices)
	for _, e := range all {
		e.BatchSize = p.BatchSize
	}
	return all, err
}

// run works until ctx ends or one of the loops cannot begin.
func (l loops) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, loop := range l {
		group.Go(func() error { return loop.Run(ctx) })
	}
	return group.Wait()
}

// close ends what the engines have started.
func (l loops) close() error {
	var errs []error
	for _, loop := range l {
		for _, e := range loop.Engines {
			errs = append(errs, e.Close())
		}
	}
	return errors.Join(errs...)
}
