package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Options say how Torture goes about it.
type Options struct {
	Size     Size
	Batch    int        // entries that a commit takes at most
	Kills    int        // in all
	PerRound int        // before the work may be finished
	Seed     uint64     // of the random times
	Workers  [][]string // the commands that do the work, at the same time; the site's directory is added
	// Progress is told how many kills there were of how many; it may be nil.
	Progress func(done, total int)
}

// Result has Torture's counts.
type Result struct {
	Options
	Rounds, Kills int
	Differ        int // rounds that did not end as an undisturbed run does
	// What the worst of them differ in.
	Lost, Twice, Other int
	First              string // the first difference, whole
	Alone              time.Duration
}

// Torture kills the worker at random times and compares. The error is for what
// keeps it from trying; a difference is none.
func Torture(ctx context.Context, dir string, o Options) (*Result, error) {
	template := filepath.Join(dir, "template")
	if err := os.Mkdir(template, 0o755); err != nil {
		return nil, err
	}
	if err := Make(template, o.Size); err != nil {
		return nil, err
	}

	r := &Result{Options: o}
	site := filepath.Join(dir, "site")
	fresh := func() error {
		return errors.Join(os.RemoveAll(site), copyTree(template, site))
	}
	if err := fresh(); err != nil {
		return nil, err
	}

	// What one runner makes may come too late for another that works beside it.
	finish := func() error {
		for range 2 {
			if _, err := runAll(ctx, o.Workers, site, nil); err != nil {
				return err
			}
		}
		return nil
	}

	start := time.Now()
	if err := finish(); err != nil {
		return nil, err
	}
	r.Alone = time.Since(start)
	want, err := Read(site)
	if err != nil {
		return nil, err
	}

	rnd := rand.New(rand.NewPCG(o.Seed, 0))
	for r.Kills < o.Kills && ctx.Err() == nil {
		if err := fresh(); err != nil {
			return nil, err
		}

		for range o.PerRound {
			kills, err := runAll(ctx, o.Workers, site, func() time.Duration { return time.Duration(rnd.Float64() * float64(r.Alone)) })
			r.Kills += kills
			if err != nil {
				return nil, err
			}
		}

		r.Rounds++
		if err := finish(); err != nil {
			return nil, err
		}
		had, err := Read(site)
		if err != nil {
			return nil, err
		}

		if d := compare(want, had); !d.Empty() {
			r.Differ++
			r.Lost, r.Twice, r.Other = r.Lost+len(d.Lost), r.Twice+len(d.Twice), r.Other+len(d.Other)
			if r.First == "" {
				r.First = d.String()
			}
		}

		if o.Progress != nil {
			o.Progress(min(r.Kills, o.Kills), o.Kills)
		}
	}

	return r, ctx.Err()
}

var errKilled = errors.New("killed")

// runAll runs the workers on a site at the same time, and kills each after what
// after returns, if it is not nil. It returns how many died of that.
func runAll(ctx context.Context, workers [][]string, dir string, after func() time.Duration) (kills int, err error) {
	ended := make(chan error)
	for _, w := range workers {
		var d time.Duration
		if after != nil {
			d = after()
		}
		go func() { ended <- run(ctx, w, dir, d) }()
	}

	for range workers {
		switch e := <-ended; {
		case errors.Is(e, errKilled):
			kills++
		case e != nil:
			err = e
		}
	}

	return kills, err
}

// run runs the worker on a site; after, unless it is 0, it is killed.
func run(ctx context.Context, worker []string, dir string, after time.Duration) error {
	cmd := exec.CommandContext(ctx, worker[0], append(worker[1:len(worker):len(worker)], dir)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}

	if after > 0 {
		defer time.AfterFunc(after, func() { cmd.Process.Kill() }).Stop()
	}

	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return errKilled
	}

	return err
}

// Print writes the result as a table. The error tells that there was a
// difference, or is the writer's.
func (r *Result) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "seed %d: %d rounds of %d bounces and %d commands each, %d kills\nrounds that differ %d, lost %d, twice %d, other differences %d\n",
		r.Seed, r.Rounds, r.Size.Bounces, r.Size.Commands, r.Kills, r.Differ, r.Lost, r.Twice, r.Other)
	if err == nil && r.Differ > 0 {
		err = fmt.Errorf("%d of %d rounds differ; the first:\n%s", r.Differ, r.Rounds, r.First)
	}
	return err
}
