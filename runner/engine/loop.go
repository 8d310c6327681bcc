package engine

import (
	"context"
	"errors"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/history"
)

// Loop runs engines of one process in turn, as Runner.run runs one and bin/qrunner several.
type Loop struct {
	Engines []*Engine
	// Locks takes the engines' locks. A list is left alone as long as Locks says so. It may be nil.
	Locks *fairLocks
	// Once makes the loop end after each engine has handled one entry, if there was one.
	Once bool
	// Each is called with the engine whose pass comes next; it may be nil.
	Each func(*Engine)
	// Observe is called with each transaction; it may be nil.
	Observe func(*Engine, history.Commit)
	// Wait returns when an entry may have come to a queue, after d, or when ctx ends; nil means that the queue
	// directories are watched.
	Wait func(ctx context.Context, d time.Duration)
}

// Run works until ctx ends. Before it returns, it finishes the round at hand and registers the bounces that
// wait. The error is for queues that could not be put in order at the start.
func (l *Loop) Run(ctx context.Context) error {
	if len(l.Engines) == 0 {
		return errors.New("no runner is to be run")
	}

	// Each queue is put in order before the first pass: what a dead process has left is finished or undone.
	for _, e := range l.Engines {
		defer e.stopOn(ctx)()
		if l.Observe != nil {
			e.Observe = func(c history.Commit) { l.Observe(e, c) }
		}

		e.start(false)
		if err := e.recover(ctx); err != nil {
			return err
		}
	}

	// The end of ctx must not keep the engines from registering what they hold.
	defer func() {
		for _, e := range l.Engines {
			e.finish(context.WithoutCancel(ctx))
		}
	}()

	// The kernel tells of new files; without it the directories are looked at each QRUNNER_SLEEP_TIME, as Mailman does.
	wait := l.Wait
	if wait == nil {
		w := newWatcher(l.dirs(), sleepTime(l.Engines[0].Env.Site))
		defer w.Close()
		wait = w.wait
	}

	// One pass over each queue, then a wait until the earliest moment at which an engine has something to do.
	for ctx.Err() == nil {
		next := l.Engines[0].Env.Now().Add(idleScan)
		for _, e := range l.Engines {
			if ctx.Err() != nil {
				return nil
			}

			if l.Each != nil {
				l.Each(e)
			}

			if again := l.pass(ctx, e); again.Before(next) {
				next = again
			}
		}

		// Once is qrunner's --once: a single pass.
		if l.Once {
			return nil
		}

		if d := next.Sub(l.Engines[0].Env.Now()); d > 0 {
			wait(ctx, d)
		}
	}

	return nil
}

// pass lets an engine look at its queue once, and returns when the engine wants to look again.
func (l *Loop) pass(ctx context.Context, e *Engine) (next time.Time) {
	p, err := e.pass(ctx, passOptions{once: l.Once, ready: l.ready(e)})
	if err == nil {
		e.failed = ""
		return p.next
	}

	// The log says it once.
	if why := err.Error(); e.failed != why {
		e.failed = why
		e.logError("%s: %v", e.Handler.Name(), err)
	}

	return e.Env.Now().Add(max(firstHold, sleepTime(e.Env.Site)))
}

// ready returns the function that tells when a list's lock may be asked for.
func (l *Loop) ready(e *Engine) func(name string) time.Time {
	if l.Locks == nil || e.onlyReads() {
		return nil
	}
	return func(name string) time.Time {
		// Locks are about real time, and not about the engine's clock.
		real := time.Now()
		return e.Env.Now().Add(l.Locks.Ready(name, real).Sub(real))
	}
}

func (l *Loop) dirs() []string {
	var dirs []string
	for _, e := range l.Engines {
		dirs = append(dirs, e.Queue.Dir())
	}
	return dirs
}

// sleepTime is QRUNNER_SLEEP_TIME.
func sleepTime(s *site.Site) time.Duration { return s.Duration("QRUNNER_SLEEP_TIME") }
