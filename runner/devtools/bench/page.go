package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// page is a web page that takes the list's lock now and then, as Mailman's pages do,
// and a look at who has it in between.
type page struct {
	site *site.Site
	end  context.CancelFunc
	work sync.WaitGroup
	took []taking
	held time.Duration // for which others had the lock
	err  error
}

// taking is one time that a page took the lock.
type taking struct {
	began time.Time
	wait  time.Duration
}

// seen is what a page has seen.
type seen struct {
	waits []time.Duration // for the lock
	held  time.Duration   // for which others had it
}

func (s seen) median() time.Duration {
	if len(s.waits) == 0 {
		return 0
	}
	return median(slices.Clone(s.waits))
}

func (s seen) longest() time.Duration {
	if len(s.waits) == 0 {
		return 0
	}
	return slices.Max(s.waits)
}

const (
	// pageEvery is how long after one page the next one comes.
	pageEvery = 300 * time.Millisecond
	// lookEvery is how often it is looked who has the lock.
	lookEvery = 2 * time.Millisecond
)

// startPage starts a page on the list of a site.
func startPage(s *site.Site) *page {
	ctx, end := context.WithCancel(context.Background())
	p := &page{site: s, end: end}
	p.work.Go(func() { p.err = p.take(ctx) })
	p.work.Go(func() { p.look(ctx) })
	return p
}

// stop ends it, and returns what it has seen up to a moment. The error is that of the
// lock.
func (p *page) stop(until time.Time) (seen, error) {
	p.end()
	p.work.Wait()
	s := seen{held: p.held}
	for _, t := range p.took {
		if t.began.Before(until) {
			s.waits = append(s.waits, t.wait)
		}
	}
	return s, p.err
}

// take takes the lock over and over. Between two attempts it sleeps as
// Mailman's LockFile does: 0.01 to 2.01 s.
func (p *page) take(ctx context.Context) error {
	for ctx.Err() == nil {
		lock, err := lockfile.New(listLock(p.site), lockfile.Options{})
		if err != nil {
			return err
		}

		began := time.Now()
		if err := lock.Lock(ctx, time.Hour); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		p.took = append(p.took, taking{began, time.Since(began)})
		if err := lock.Unlock(false); err != nil {
			return err
		}

		select {
		case <-ctx.Done():
		case <-time.After(pageEvery):
		}
	}

	return nil
}

// look adds up for how long other processes have the lock. What the lock file holds is
// the holder's claim: PATH.HOST.PID.N.
func (p *page) look(ctx context.Context) {
	host, err := os.Hostname()
	if err != nil {
		p.err = err
		return
	}
	ours := fmt.Appendf(nil, ".%s.%d.", host, os.Getpid())
	for last := time.Now(); ctx.Err() == nil; {
		time.Sleep(lookEvery)
		claim, err := os.ReadFile(listLock(p.site))
		now := time.Now()
		if !errors.Is(err, fs.ErrNotExist) && !bytes.Contains(claim, ours) {
			p.held += now.Sub(last)
		}
		last = now
	}
}
