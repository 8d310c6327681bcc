package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// hostLock is LockFile as a host of that name takes it.
func hostLock(env *txn.Env, host string) func(context.Context, string, time.Duration) (txn.Lock, error) {
	return func(ctx context.Context, name string, wait time.Duration) (txn.Lock, error) {
		l, err := lockfile.New(maillist.LockPath(env.Site, name), lockfile.Options{Host: host, Lifetime: time.Hour,
			// An hour goes by in seconds.
			Sleep: func(_ context.Context, d time.Duration) { time.Sleep(d / 500) }})
		if err != nil {
			return nil, err
		}
		return l, l.Lock(ctx, wait)
	}
}

// Two hosts share a lists directory and a queue, a slice each, while a third
// process changes the same list as a web page does: an hour's entries at one a
// second, as fast as they go. No update may be lost.
func TestTwoHostsOneList(t *testing.T) {
	s := countingSite(t, "pages")
	const entries = 3600
	q, err := qfile.Open(s.QueueDir("bounces"), 0, 1, qfile.Options{Schema: s.Profile.QfileSchemaVersion})
	if err != nil {
		t.Fatal(err)
	}

	for i := range entries {
		data := qfile.NewData()
		data.Set("listname", pickle.Str("test"))
		data.Set("_parsemsg", pickle.Int(1))
		base, b, err := qfile.Encode(pickle.Str(fmt.Sprintf("Subject: %d\n\n", i)), data, 1e9+float64(i), s.Profile.QfileSchemaVersion)
		if err != nil {
			t.Fatal(err)
		}

		if err := qfile.WriteFile(q.Path(base, qfile.Waiting), b, false); err != nil {
			t.Fatal(err)
		}
	}

	ctx, stop := context.WithCancel(context.Background())
	var hosts, page sync.WaitGroup
	commits := make([]int, 2)
	for n := range 2 {
		env := txn.NewEnv(s)
		defer env.Log.Close()
		env.Lock = hostLock(env, fmt.Sprintf("host%d", n))
		e, err := New(env, &meddler{}, n, 2)
		if err != nil {
			t.Fatal(err)
		}

		e.BatchSize = 40
		hosts.Add(1)
		go func() {
			defer hosts.Done()
			stats, err := e.Drain(ctx)
			if err != nil {
				t.Error(err)
			}

			if err := e.Close(); err != nil {
				t.Error(err)
			}

			commits[n] = stats.Commits
		}()
	}

	pages := 0
	page.Add(1)
	go func() {
		defer page.Done()
		env := txn.NewEnv(s)
		defer env.Log.Close()
		lock := hostLock(env, "web")
		for ctx.Err() == nil {
			l, err := lock(context.Background(), "test", time.Minute)
			if err != nil {
				t.Error(err)
				return
			}

			m, err := maillist.Open(s, "test", maillist.Options{Held: true})
			if err != nil {
				t.Error(err)
				return
			}
			m.Set("pages", pickle.Int(m.Int("pages")+1))
			files, err := m.Stage()
			for _, f := range files {
				if err == nil {
					err = f.Publish(nil)
				}
			}

			if err != nil {
				t.Error(err)
			}

			if err := l.Unlock(false); err != nil {
				t.Error(err)
			}

			pages++
			time.Sleep(time.Millisecond)
		}
	}()

	hosts.Wait()
	stop()
	page.Wait()

	l, err := maillist.Open(s, "test", maillist.Options{})
	if err != nil {
		t.Fatal(err)
	}

	if had := l.Int("count"); had != entries {
		t.Errorf("got %d entries counted, need %d", had, entries)
	}

	if had := l.Int("pages"); had != pages {
		t.Errorf("got %d changes by the web page, need %d", had, pages)
	}

	if commits[0] < 2 || commits[1] < 2 || pages < 2 {
		t.Errorf("got %v commits and %d pages, need all to have got turns", commits, pages)
	}

	t.Logf("%v commits, %d pages", commits, pages)
}
