package engine

import (
	"context"
	"errors"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/history"
)

// Loop keeps engines of one process at work, one after the other, as Runner.run
// does with one and bin/qrunner with several.
type Loop struct {
	Engines []*Engine
	// Courtesy is what takes the engines' locks; a list is left alone while it
	// says so. It may be nil.
	Courtesy *Courtesy
	// Once has the loop end after each engine had one entry, if there was one.
	Once bool
	// Each is told the engine whose turn it is; it may be nil.
	Each func(*Engine)
	// Observe is told of each commit; it may be nil.
	Observe func(*Engine, history.Commit)
	// Wait returns when something may have come to a queue, or after d, or when
	// ctx ends; nil means that the queue directories are watched.
	Wait func(ctx context.Context, d time.Duration)
}

// Run works until ctx ends. A batch that is at hand then is finished, and
// bounces that wait to be registered are, before it returns. The error is for
// queues that could not be put in order at the start.
func (l *Loop) Run(ctx context.Context) error {
	if len(l.Engines) == 0 {
		return errors.New("no runner is to be run")
	}
	var shifts []*shift
	for _, e := range l.Engines {
		sh, err := newShift(ctx, e, l)
		if err != nil {
			return err
		}
		shifts = append(shifts, sh)
	}
	defer func() {
		for _, sh := range shifts {
			sh.finish(context.WithoutCancel(ctx))
		}
	}()
	wait := l.Wait
	if wait == nil {
		w := newWatcher(l.dirs(), sleepTime(l.Engines[0].Env.Site))
		defer w.Close()
		wait = w.wait
	}
	for ctx.Err() == nil {
		now := l.Engines[0].Env.Now()
		next := now.Add(idleScan)
		for _, sh := range shifts {
			if ctx.Err() != nil {
				return nil
			}
			if l.Each != nil {
				l.Each(sh.e)
			}
			if again := sh.step(ctx, l.Once); again.Before(next) {
				next = again
			}
		}
		if l.Once {
			return nil
		}
		if d := next.Sub(l.Engines[0].Env.Now()); d > 0 {
			wait(ctx, d)
		}
	}
	return nil
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
